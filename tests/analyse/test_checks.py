"""Each check finds what is planted, and nothing else."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from apsi.analyse.analysis import Analysis
from apsi.analyse.checks import findings
from apsi.analyse.material import Material
from apsi.analyse.quality import Limits, look
from apsi.errors import ApsiError
from apsi.photo.write import write_png
from apsi.preprocess.engine.local import Local
from tests.analyse.conftest import files, usual

EXPECTED = {
    "dark": ["dark"],
    "bright": ["bright"],
    "low_contrast": ["bright", "dark", "low contrast"],
    "uniform": ["uniform"],
    "blurry": ["blurry"],
    "small": ["small"],
    "odd_size": ["small"],
    "odd_aspect": ["panorama"],
    "duplicate": ["usual 04"],  # of copies the first by name counts as the photo
    "near_duplicate": ["usual 03"],
    "split_leak": [],
    "not_from_file": [],
}


def found(analysis: Analysis) -> dict[str, list[str]]:
    photos = analysis.material.photos
    return {
        finding.check.name: sorted(photos[i].name.removesuffix(".png") for i in finding.photos)
        for finding in analysis.findings
    }


def test_each_check_finds_what_is_planted(analysis: Analysis) -> None:
    assert found(analysis) == EXPECTED


def test_every_check_says_its_limit_where_it_comes_from_and_what_to_do(analysis: Analysis) -> None:
    for finding in analysis.findings:
        assert min(len(text) for text in (finding.check.limit, finding.check.origin, finding.check.remedy)) > 15
        assert len(finding.said) == len(finding.photos) and all(finding.said)
    said = {finding.check.name: finding.said for finding in analysis.findings}
    assert said["odd_aspect"] == ("256 x 96",)
    assert said["near_duplicate"] == ("looks alike as near duplicate of usual 03.png",)


def test_the_worst_is_told_first_and_limits_are_settings(material: Material, analysis: Analysis) -> None:
    strict = findings(material, analysis.looked, [], Limits(dark=60, size=100, aspect=3))
    dark = next(finding for finding in strict if finding.check.name == "dark")
    lightness = [analysis.looked[i].measures.lightness for i in dark.photos]
    assert lightness == sorted(lightness) and len(lightness) > 5 and lightness[-1] < 60
    assert "below 60" in dark.check.limit
    assert not any(finding.photos for finding in strict if finding.check.name in ("odd_size", "odd_aspect"))


def test_copies_in_different_splits_are_a_finding_unless_all_photos_are_shared(
    material: Material, analysis: Analysis
) -> None:
    photos = tuple(
        replace(photo, split="test" if photo.name == "usual 03.png" else "train") for photo in material.photos
    )
    apart = replace(material, photos=photos)
    for one, expected in ((apart, 1), (replace(apart, is_shared=True), 0)):
        told = findings(one, analysis.looked, analysis.copies, Limits())
        assert sum(len(finding.photos) for finding in told if finding.check.name == "split_leak") == expected


def test_a_file_that_changed_or_is_gone_is_measured_on_its_copy_and_told(
    material: Material, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "photos")
    write_png(tmp_path / "photos" / "usual 00.png", usual(99))
    (tmp_path / "photos" / "usual 01.png").write_bytes(b"no photo")
    (tmp_path / "photos" / "panorama.png").unlink()
    known = files(tmp_path / "photos")
    looked = look(material, known.paths, Local(2), known.max_pixels)
    problems = {photo.name: one.problem for photo, one in zip(material.photos, looked, strict=True) if one.problem}
    assert problems == {
        "usual 00.png": "its file has changed since",
        "usual 01.png": "its file has changed since",
        "panorama.png": "its file is not known",
    }
    told = {finding.check.name: finding for finding in findings(material, looked, [], Limits())}
    assert len(told["not_from_file"].photos) == 3
    assert told["odd_aspect"].photos == ()  # of the copy, the shape says nothing


@pytest.mark.parametrize(
    ("limits", "message"),
    [({"dark": 80.0}, "dark=80.0 must be below bright"), ({"blur": 1.5}, "blur=1.5"), ({"aspect": 1.0}, "aspect=1.0")],
)
def test_limits_that_make_no_sense_are_refused(limits: dict[str, float], message: str) -> None:
    with pytest.raises(ApsiError, match=message):
        Limits(**limits)
