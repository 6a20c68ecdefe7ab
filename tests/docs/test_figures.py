"""Measured figures: what is written down about each, and that the pages show nothing else."""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from apsi.config.instantiate import check
from apsi.errors import ApsiError
from docs import hooks
from tests.command_line import REPOSITORY
from tests.docs.test_commands import composed

SCRIPTS = REPOSITORY / "benchmarks"
RECORDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in hooks.FIGURES.glob("*.json")}
PAGES = {path.name: path.read_text(encoding="utf-8") for path in (REPOSITORY / "docs").glob("*.md")}
FIELDS = {"about", "command", "runs", "photos", "seeds", "date", "versions", "machine", "load", "seconds", "tables"}
needs_scripts = pytest.mark.skipif(not SCRIPTS.exists(), reason="benchmarks are not part of the package's sources")


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """`benchmarks/figures.py`, which finds what lies beside it as when it is called."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import figures

    yield figures
    for name in ("figures", "figure", "figure_tables", "people_tables", "speed_tables"):
        sys.modules.pop(name)


def cells(record: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """All cells with the formats of their columns."""
    for table in record["tables"].values():
        for row in table["rows"]:
            yield from zip(table["columns"].values(), row, strict=True)


@pytest.mark.parametrize("name", RECORDS)
def test_every_record_says_how_when_on_what_and_for_how_long(name: str) -> None:
    record = RECORDS[name]
    assert record.keys() == FIELDS
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", record["date"])
    assert record["versions"].keys() == {"apsi", "commit", "python", "torch"} and all(record["versions"].values())
    assert record["machine"].keys() == {"cpu", "cores", "gpu"} and record["machine"]["cpu"]
    assert record["seconds"]["wall"] > 0 and record["seconds"]["cpu"] > 0 and record["load"] >= 0
    assert all(photos["name"] and photos["count"] for photos in record["photos"])
    assert not re.search(r"/(home|root|tmp|work|Users)/", json.dumps(record)), "a path of some machine"


@needs_scripts
@pytest.mark.parametrize("name", RECORDS)
def test_every_record_is_of_a_figure_that_can_be_taken_again(name: str, scripts: ModuleType) -> None:
    figure, record = scripts.ALL[name], RECORDS[name]
    assert (record["command"], record["runs"], record["about"]) == (figure.command(name), figure.shown, figure.about)
    assert not figure.seeds or (set(record["seeds"]) <= set(figure.seeds) and record["seeds"])


@pytest.mark.parametrize("name", RECORDS)
def test_every_table_of_a_record_stands_on_a_page_with_how_it_was_taken(name: str) -> None:
    on_pages = {text for text in PAGES.values() if f"<!-- taken {name} -->" in text}
    assert on_pages, "no page says when"
    for table in RECORDS[name]["tables"]:
        assert any(f"<!-- figure {name}/{table} -->" in text for text in on_pages), table


def test_tables_of_figures_are_made_of_records() -> None:
    current = PAGES["figures.md"].partition("## What was not run")[0]
    assert not [line for line in current.splitlines() if line.startswith("|")], "take it with benchmarks/figures.py"
    shown = hooks.on_page_markdown(current)
    assert all(f"| `{name}` | {record['date']} |" in shown for name, record in RECORDS.items())
    assert all(record["command"] in "".join(map(hooks.on_page_markdown, PAGES.values())) for record in RECORDS.values())


def test_numbers_have_their_column_s_digits_and_estimates_their_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {"policy": "", "success": ".3f", "by seed": "+.2f", "calls": ",d"}
    rows = [
        ["agent", {"mean": 0.9, "ci95": [0.8, 0.95]}, [0.1, -0.25], 1200],
        ["one", {"mean": 1, "ci95": None}, [], None],
    ]
    (tmp_path / "some.json").write_text(json.dumps({"tables": {"policies": {"columns": columns, "rows": rows}}}))
    monkeypatch.setattr(hooks, "FIGURES", tmp_path)
    assert hooks.on_page_markdown("<!-- figure some/policies -->").splitlines() == [
        "| policy | success | by seed | calls |",
        "| --- | --- | --- | --- |",
        "| agent | 0.900 (0.800 to 0.950) | +0.10, -0.25 | 1,200 |",
        "| one | 1.000 |  |  |",
    ]


@pytest.fixture
def counted(scripts: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A figure of two seeds whose runs write down that they ran; the second fails as long as there is `broken`."""
    script = tmp_path / "script.py"
    script.write_text(
        "import json, pathlib, sys\n"
        "here, seed = pathlib.Path(__file__).parent, int(sys.argv[1])\n"
        "(here / 'ran').open('a').write(f'{seed} ')\n"
        "assert seed == 1 or not (here / 'broken').exists()\n"
        "print('progress'), print(json.dumps({'n': seed}))\n"
    )

    def tables(runs: Any, seeds: Any) -> Any:
        return {"n": {"columns": {"n": "d"}, "rows": [[runs[f"run {seed}"].result["n"]] for seed in seeds]}}

    monkeypatch.setattr(scripts, "versions", lambda: {"apsi": "1", "commit": "abc", "python": "3", "torch": "2"})
    return scripts.Figure("Some", tables, each={"run": f"{script} {{seed}}"}, seeds=(1, 2))


@needs_scripts
def test_a_figure_goes_on_where_it_was_interrupted_and_says_which_seeds_it_has(
    scripts: ModuleType, counted: Any, tmp_path: Path
) -> None:
    def take(afresh: bool = False) -> dict[str, Any]:
        options = {"out": tmp_path / "out", "afresh": afresh}
        try:
            scripts.take("some", counted, (1, 2), options, tmp_path)
        finally:
            found: dict[str, Any] = json.loads((tmp_path / "some.json").read_text())
        return found

    (tmp_path / "broken").touch()
    with pytest.raises(ApsiError, match=r"stderr\.txt says why"):
        take()
    record = json.loads((tmp_path / "some.json").read_text())
    assert (record["seeds"], record["tables"]["n"]["rows"]) == ([1], [[1]])
    (tmp_path / "broken").unlink()
    record = take()
    assert (record["seeds"], record["tables"]["n"]["rows"]) == ([1, 2], [[1], [2]])
    assert record.keys() == FIELDS and (tmp_path / "ran").read_text() == "1 2 2 "
    take()
    assert (tmp_path / "ran").read_text() == "1 2 2 "
    take(afresh=True)
    assert (tmp_path / "ran").read_text() == "1 2 2 1 2 "


@needs_scripts
@pytest.mark.usefixtures("heeded_ctrl_c")
def test_ctrl_c_lets_the_run_save_its_progress_and_its_time_counts(
    scripts: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, pathlib, signal, time\n"
        "try:\n"
        "    os.kill(os.getppid(), signal.SIGINT), time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    (pathlib.Path(__file__).parent / 'saved').touch()\n"
    )
    monkeypatch.setattr(scripts, "versions", dict)
    with pytest.raises(KeyboardInterrupt):
        scripts.run(tmp_path / "run", str(script), {})
    assert (tmp_path / "saved").exists()
    assert json.loads((tmp_path / "run" / "attempts.jsonl").read_text())["wall"] > 0
    assert not (tmp_path / "run" / "done.json").exists()


@needs_scripts
def test_the_list_says_what_was_never_taken_and_what_is_stale(
    scripts: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scripts.state("rainbow", tmp_path) == "never taken"
    figure = scripts.ALL["rainbow"]
    record = {"date": "2026-01-02", "seeds": [1], "runs": figure.shown, "versions": {"commit": "abc"}}
    monkeypatch.setattr(scripts, "_git", lambda *words: "0")
    (tmp_path / "rainbow.json").write_text(json.dumps(record))
    assert scripts.state("rainbow", tmp_path) == "taken 2026-01-02, without seed 2, 3"
    monkeypatch.setattr(scripts, "_git", lambda *words: {"abc..HEAD": "2"}[words[2]])
    (tmp_path / "rainbow.json").write_text(json.dumps(record | {"versions": {"commit": "abc, def with changes"}}))
    assert "stale: 2 later commits" in scripts.state("rainbow", tmp_path)
    monkeypatch.setattr(scripts, "_git", lambda *words: "7")
    (tmp_path / "rainbow.json").write_text(json.dumps(record | {"seeds": [1, 2, 3], "runs": []}))
    assert "stale: its commands" in scripts.state("rainbow", tmp_path)
    assert "stale: 7 later commits" in scripts.state("rainbow", tmp_path)


@needs_scripts
def test_photos_must_be_those_of_the_collection(scripts: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"add --bsds PATH, as in python benchmarks/figures\.py sensible --bsds BSDS"):
        scripts.place("bsds", None, scripts.ALL["sensible"].command("sensible"))
    (tmp_path / "one.jpg").touch()
    with pytest.raises(ApsiError, match="has 1 photos, BSDS500, train and val 300"):
        scripts.place("bsds", tmp_path, "")
    assert scripts.ALL["repair"].needs == ["bsds", "osie"] and scripts.ALL["demo"].needs == []


@needs_scripts
@pytest.mark.slow
def test_the_commands_of_all_figures_compose_or_are_scripts(scripts: ModuleType) -> None:
    for figure in scripts.ALL.values():
        for line in figure.shown:
            _, script, *words = shlex.split(line.replace("SEED", "1"))
            if script == "run.py":
                check(composed(tuple(word for word in words if not word.startswith("checkpoint="))))
            else:
                assert (REPOSITORY / script).is_file()
