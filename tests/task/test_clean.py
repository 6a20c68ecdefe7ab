"""`task=clean`: lists by default, removes when told to, mends what led to what is gone."""

import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from apsi.config.compose import load_config
from apsi.config.instantiate import check, instantiate
from apsi.errors import ApsiError
from apsi.tracking.run_folder import RunFolder, point_latest
from tests.command_line import Place
from tests.left_behind import make_data, make_run


@pytest.fixture
def output_dir(tmp_path: Path) -> Path:
    return tmp_path.resolve() / "outputs"


@pytest.fixture
def own_data_dir(tmp_path: Path) -> Path:
    return tmp_path.resolve() / "data"


def clean(output_dir: Path, data_dir: Path, *overrides: str) -> dict:
    """Cleans in this process."""
    config = load_config(["task=clean", f"output_dir={output_dir}", f"data_dir={data_dir}", *overrides])
    check(config)
    folder = RunFolder.create(output_dir / "clean" / "now", config, overrides)
    return instantiate(config.task)(config, folder)


def names(rows: list[dict]) -> list[str]:
    return sorted(Path(row["path"]).name for row in rows)


def test_it_lists_until_it_is_told_to_apply_and_says_with_which_command(
    output_dir: Path, own_data_dir: Path, capsys: pytest.CaptureFixture
) -> None:
    data = [make_data(own_data_dir / "prepared" / name, days=30) for name in ("old-0123456789ab", "used-0123456789ab")]
    runs = [make_run(output_dir / "train" / name, days=days) for name, days in (("a", 30), ("b", 20))]
    runs.append(make_run(output_dir / "train" / "c", days=1, prepared=[str(data[1])]))
    listed = clean(output_dir, own_data_dir, "task.states=[finished]")
    assert names(listed["going"]) == ["a", "b", "old-0123456789ab"] and not listed["applied"]
    assert all(path.exists() for path in (*runs, *data))
    assert "Remove them: python run.py 'task.states=[finished]' task.apply=true" in capsys.readouterr().out
    point_latest(output_dir, runs[1])
    removed = clean(output_dir, own_data_dir, "task.states=[finished]", "task.apply=true")
    assert removed["going"] == listed["going"] and removed["freed_bytes"] == listed["freed_bytes"] > 20_000
    assert [path.exists() for path in (*runs, *data)] == [False, False, True, False, True]
    assert (output_dir / "latest").resolve() == runs[2]
    clean(output_dir, own_data_dir, "task.apply=true", "task.older_than=0", "task.keep_last=0", "task.in_use=true")
    assert not (output_dir / "latest").is_symlink()
    assert not runs[2].exists() and not data[1].exists() and (output_dir / "clean" / "now").exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("task.older_than=soon", r"task\.older_than=soon must be a number and s, m, h, d or w"),
        ("task.older_than=-1d", r"task\.older_than=-1d must be"),
        ("task.older_than=99999999999w", r"is more than there can be"),
        ("task.larger_than=big", r"task\.larger_than=big must be a size such as"),
        ("task.kinds=[runs]", r"task\.kinds=runs must be one of: run, .*Did you mean 'run'"),
        ("task.states=[running]", r"task\.states=running must be one of: finished"),
        ("task.keep_last=-1", r"task\.keep_last=-1 must be at least 0"),
        ("task.apply=maybe", r"task\.apply"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_before_anything_is_removed(
    override: str, message: str, output_dir: Path, own_data_dir: Path
) -> None:
    run = make_run(output_dir / "train" / "a", days=30)
    with pytest.raises(ApsiError, match=message):
        clean(output_dir, own_data_dir, "task.apply=true", "task.keep_last=0", override)
    assert run.exists()


def test_on_the_command_line_it_leaves_latest_alone_and_quiet_gives_json(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "data")
    place.run("task=preprocess", "run_name=first").succeeded()
    done = place.run("task=clean", "task.older_than=0", "task.keep_last=0", "quiet=true", tiny=False).succeeded()
    result = json.loads(done.out)["result"]
    assert {row["kind"] for row in result["going"]} == {"run", "prepared", "step"} and not result["staying"]
    assert (place.outputs / "latest").resolve() == (place.outputs / "preprocess" / "first").resolve()
    noted = json.loads((place.outputs / "preprocess" / "first" / "run.json").read_text())["prepared"][0]
    assert noted in [row["path"] for row in result["going"]]
    assert OmegaConf.load(place.folder("clean") / "overrides.yaml")
