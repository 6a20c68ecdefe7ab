"""The tables on the pages say what the code says, whatever is added to it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from apsi.config.schema import EvaluateSettings, TrainSettings
from apsi.dataset.selection import Selection
from apsi.installation import CONFIG_DIR
from apsi.tracking.names import METRICS
from docs.diagrams import SYSTEM, TRAINING, Arrow, Box, draw
from docs.hooks import MARKER, NOT_RUN, TABLES, on_page_markdown
from tests.command_line import REPOSITORY

PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted((REPOSITORY / "docs").glob("*.md"))}


def test_every_marker_names_a_table_and_every_group_and_table_stands_on_a_page() -> None:
    used = [found for text in PAGES.values() for found in MARKER.findall(text)]
    assert {name for name, _ in used} == set(TABLES)
    groups = {path.parent.relative_to(CONFIG_DIR).as_posix() for path in CONFIG_DIR.rglob("*.yaml")} - {"."}
    assert {argument for name, argument in used if name == "options"} == groups
    assert not any(re.search("^ *<!--", MARKER.sub("", NOT_RUN.sub("", text)), re.MULTILINE) for text in PAGES.values())


def test_why_a_block_is_not_run_is_not_shown() -> None:
    assert on_page_markdown("a\n\n<!-- not run: far away -->\n```bash\nb\n```\n") == "a\n\n```bash\nb\n```\n"


def test_the_configuration_page_has_every_option_with_what_its_file_begins_with() -> None:
    page = on_page_markdown(PAGES["configuration.md"])
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE))
    assert set(rows) == {path.stem for path in CONFIG_DIR.rglob("*.yaml")} - {"config"}
    assert "Quantile-regression DQN" in rows["qrdqn"]
    assert '??? note "Settings of `qrdqn`"' in page and "    n_quantiles: " in page
    assert '??? note "Settings of `double_dqn`"' in page and "      - dqn\n" in page
    assert '??? note "Settings of `nothing`"' not in page  # it has none


def test_settings_of_no_group_are_those_of_the_schema() -> None:
    page = on_page_markdown(PAGES["configuration.md"])
    for name, settings in (("train", TrainSettings), ("evaluate", EvaluateSettings)):
        rows = dict(re.findall(rf"^\| `{name}\.(\w+)` \| `[^`]+` \| (.+) \|$", page, re.MULTILINE))
        assert set(rows) == set(settings.__dataclass_fields__)
    assert "\nseed: 42 " in page and "\nhydra:" not in page


def test_settings_that_all_data_sets_have_are_those_of_the_selection() -> None:
    page = on_page_markdown(PAGES["configuration.md"])
    rows = dict(re.findall(r"^\| `dataset\.(\w+)` \| `[^`]+` \| (.+) \|$", page, re.MULTILINE))
    assert set(rows) == set(Selection.__dataclass_fields__)


def test_the_page_on_records_has_every_metric() -> None:
    page = on_page_markdown(PAGES["tracking.md"])
    assert dict(re.findall(r"^\| `([^`]+/[^`]+)` \| (.+) \|$", page, re.MULTILINE)) == METRICS


def test_the_table_of_jurors_has_a_row_for_each() -> None:
    rows = TABLES["jurors"]().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == sorted(path.stem for path in (CONFIG_DIR / "juror").glob("*.yaml"))
    assert all(len(row.split(" | ")) == 7 for row in rows)
    assert not any("| - |" in row for row in rows), "About.knows says what a juror answers to"
    assert "MIT, part of apsi" in next(row for row in rows if "naturalness" in row)


@pytest.mark.slow
def test_the_site_asks_no_other_server_for_anything(site: Path) -> None:
    pages = sorted(site.glob("*.html"))
    assert len(pages) >= len(PAGES)
    for page in pages:
        fetched = re.findall(
            r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=\"?([^\" >]+)", page.read_text(encoding="utf-8")
        )
        assert fetched and not [place for place in fetched if re.match(r"(https?:)?//", place)], page.name
    assert "qrdqn" in (site / "search" / "search_index.js").read_text(encoding="utf-8")


def test_drawings_show_what_the_code_has_and_nothing_else() -> None:
    page = on_page_markdown(PAGES["how_it_works.md"])
    assert page.count("<svg") == 4 and ">fit_juror</text>" in page
    invented = replace(TRAINING, boxes={**TRAINING.boxes, "pool": Box("group swimming_pool", 0, 0)})
    with pytest.raises(LookupError, match="swimming_pool"):
        draw(invented)
    with pytest.raises(LookupError, match=r"task=annotate and task=compare don't know each other"):
        draw(replace(SYSTEM, arrows=[Arrow("annotate", "compare")]))
