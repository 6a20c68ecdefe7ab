"""The page on one photo, and the page on a series."""

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from apsi.advise.advice import GIVEN, Advice, Opinion, StepAdvice
from apsi.advise.framing import CropAdvice
from apsi.advise.measured import Observation
from apsi.advise.page import Pictures, Shot, opinions_said, step_said, write_overview, write_page
from apsi.advise.words import Words
from apsi.photo.write import encode_jpeg
from tests.conftest import natural_photo

JPEG = encode_jpeg(natural_photo(0))
STEPS = [
    StepAdvice("exposure(+0.350)", "Open up the exposure by a third of a stop.", 0.5, 0.75),
    StepAdvice("warmth", "The light is too cold: warm it up.", -0.2, -0.1),
]
ADVICE = Advice(
    photo="holiday/IMG_1.jpg",
    width=6000,
    height=4000,
    format="JPEG",
    editor="agent",
    recipe=[step.label for step in STEPS],
    steps=STEPS,
    opinion=Opinion("flaws", "exposure; not what is shown", 4.0, 4.3),
    edited="IMG_1-edited.jpg",
    recipe_file="IMG_1-recipe.json",
    page="IMG_1-advice.html",
)


def page_of(advice: Advice, folder: Path, after: bytes | None = JPEG, same_frame: bool = True) -> str:
    write_page(folder / "advice.html", advice, Pictures(JPEG, after, same_frame), Words())
    return (folder / "advice.html").read_text(encoding="utf-8")


def test_each_step_is_told_with_what_it_gained_and_what_would_be_lost(tmp_path: Path) -> None:
    text = re.sub(r"<[^>]+>", "", page_of(ADVICE, tmp_path))
    assert "2 edits made" in text and "The score rises from 4.00 to 4.30 of 10." in text
    assert "It raised the score by 0.50. Without it the result would score 0.75 less." in text
    assert "By itself it lowered the score by 0.20. Without it the result would score 0.10 more" in text
    assert "What this score answers to: exposure; not what is shown (juror: flaws)." in text


def test_what_was_measured_comes_before_the_score_of_a_step() -> None:
    seen = Observation("lightness", 31.04, 42.26)
    assert step_said(replace(STEPS[0], observation=seen), Words())[:2] == [
        "Mean brightness was 31.0 of 100, it is 42.3 now.",
        "It raised the score by 0.50.",
    ]
    given = StepAdvice("warmth", "Warm it up.", observation=seen)
    assert step_said(given, Words("de")) == ["Die mittlere Helligkeit war 31,0 von 100, jetzt ist sie 42,3."]


@pytest.mark.parametrize(
    ("gain", "loss", "said"),
    [
        (1.431, 1.429, ["It raised the score by 1.43."]),
        (0.001, -0.002, ["By itself it did not change the score."]),
        (
            -0.2,
            -0.2,
            [
                "By itself it lowered the score by 0.20.",
                "Without it the result would score 0.20 more: look whether you want it.",
            ],
        ),
        (
            0.5,
            -0.5,
            ["It raised the score by 0.50.", "Without it the result would score 0.50 more: look whether you want it."],
        ),
    ],
)
def test_a_loss_that_is_the_gain_is_not_told_again(gain: float, loss: float, said: list[str]) -> None:
    assert step_said(StepAdvice("warmth", "Warm it up.", gain, loss), Words()) == said


def test_a_score_that_stays_is_told_once() -> None:
    said = opinions_said(replace(ADVICE, opinion=Opinion("flaws", "exposure", 8.941, 8.943)), Words())
    assert said == ["The photo scores 8.94 of 10. What this score answers to: exposure (juror: flaws)."]


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        *((6.0, "agrees"), (4.8, "does not agree")),
        *((5.03, "hardly sees a difference"), (4.95, "hardly sees a difference")),
    ],
)
def test_a_second_opinion_agrees_or_not_or_hardly_sees_a_difference(after: float, verdict: str, tmp_path: Path) -> None:
    second = Opinion("naturalness", "damage", 5.0, after)
    page = page_of(replace(ADVICE, second_opinion=second), tmp_path)
    assert f"A second opinion {verdict}." in page and f"5.00 before and {after:.2f} after" in page


def test_a_tile_and_the_words_on_a_series_name_whites_that_became_grey(tmp_path: Path) -> None:
    greyed = replace(ADVICE, steps=[STEPS[0], replace(STEPS[1], greyed=0.1)])
    write_overview(tmp_path / "all.html", [Shot(greyed, ""), Shot(ADVICE, "")], [], Words())
    page = (tmp_path / "all.html").read_text(encoding="utf-8")
    assert re.findall(r'<span class="soft">(.*)</span></li>', page) == [
        "2 edits made; look at the whites",
        "2 edits made",
    ]
    assert "In 1 photo an area that was burnt out became grey: look at it." in page


def test_a_photo_that_needs_nothing_is_shown_alone(tmp_path: Path) -> None:
    page = page_of(replace(ADVICE, recipe=[], steps=[], edited=None), tmp_path, after=None)
    assert "Leave it as it is" in page and page.count("<img") == 1 and "<script" not in page


def test_a_given_recipe_is_told_without_a_verdict(tmp_path: Path) -> None:
    steps = [replace(step, gain=None, loss_without=None) for step in STEPS]
    page = page_of(replace(ADVICE, editor=GIVEN, steps=steps, opinion=None), tmp_path)
    assert (
        "2 edits made" in page and "Who says so" not in page and "score" not in re.sub(r"<style>.*</style>", "", page)
    )


def test_what_was_cut_stands_beside_the_photo_not_over_it(tmp_path: Path) -> None:
    page = page_of(ADVICE, tmp_path, same_frame=False)
    assert 'class="pair"' in page and 'type="range"' not in page


def test_only_the_script_of_the_slider_may_run(tmp_path: Path) -> None:
    page = page_of(ADVICE, tmp_path)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    expected = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{expected}'" in page and "unsafe-inline" not in page.partition("script-src")[2][:80]


def test_names_are_text_and_never_markup(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>.jpg"
    page = page_of(replace(ADVICE, photo=name, edited=name, remarks=[name]), tmp_path)
    write_overview(tmp_path / "all.html", [Shot(replace(ADVICE, photo=name, page=name), "")], [(name, name)], Words())
    for text in (page, (tmp_path / "all.html").read_text()):
        assert "<script>alert" not in text and "&lt;script&gt;" in text


def test_a_series_links_to_its_pages_and_lists_what_could_not_be_read(tmp_path: Path) -> None:
    shots = [Shot(replace(ADVICE, page="a b/IMG#1-advice.html"), "data:image/jpeg;base64,AA"), Shot(ADVICE, "")]
    write_overview(tmp_path / "all.html", shots, [("c.jpg", "the file is empty")], Words("de"))
    page = (tmp_path / "all.html").read_text(encoding="utf-8")
    assert 'href="a%20b/IMG%231-advice.html"' in page and "the file is empty" in page
    assert "3 Fotos" in page and '<html lang="de">' in page


def test_the_tile_of_a_photo_names_the_crop_that_waits_to_be_made(tmp_path: Path) -> None:
    crop = CropAdvice("crop(0.1,0.0,0.9,1.0)", "Come closer.", 0.8, "attention", "", 5.0, 6.0, {})
    left = replace(ADVICE, recipe=[], steps=[], edited=None)
    made = replace(ADVICE, recipe=[crop.label, *ADVICE.recipe], crop=crop)
    shots = [Shot(one, "") for one in (replace(ADVICE, crop=crop), replace(left, crop=crop), made, ADVICE, left)]
    write_overview(tmp_path / "all.html", shots, [], Words())
    said = re.findall(r'<span class="soft">(.*)</span></li>', (tmp_path / "all.html").read_text(encoding="utf-8"))
    assert said == [
        "2 edits made, a crop suggested",
        "Only a crop is suggested",
        "A crop and 2 edits made",
        "2 edits made",
        "Leave it as it is",
    ]
