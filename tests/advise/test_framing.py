"""Which crop is suggested, when, and what is said of it."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from apsi.advise.advice import Advice, advise, crop_of, edit
from apsi.advise.editor import Editor
from apsi.advise.framing import NO_CROP_OF_SHAPE, CropAdvice, Framer, crop_said, parts_of, share
from apsi.advise.page import lead, opinions_said
from apsi.advise.photos import find_photos
from apsi.advise.series import Job, run_series
from apsi.advise.words import Words
from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.juror.crop_prior import CropPrior
from apsi.juror.framed import FramedPhoto
from apsi.juror.mix import Mix
from apsi.photo.faces import has_detector
from apsi.photo.full_size import read_photo_file
from apsi.photo.resample import fit
from apsi.task.advise import open_framer
from apsi.transform.crop import Crop
from apsi.transform.recipe import Recipe
from tests.advise.conftest import SEARCH
from tests.conftest import Redness, natural_photo
from tests.crop_jurors import WANTED, Near

Save = Callable[..., Path]
BEST = Crop(WANTED).label


def framer(*overrides: str, juror: Any = None) -> Framer:
    """As the task makes it, with another juror."""
    made = open_framer(load_config(["task=advise", *overrides]))
    assert made is not None
    return replace(made, juror=juror or Near())


def found(file: Path, *overrides: str) -> CropAdvice | None:
    return framer(*overrides).crop_for(read_photo_file(file))


def advice_of(job: Job, *files: Path) -> list[Advice]:
    return [shot.advice for shot in run_series(find_photos([str(file) for file in files]), job).shots]


def test_the_best_of_a_grid_is_suggested_where_it_gains_enough(save: Save) -> None:
    file = save("a.jpg")
    crop = found(file)
    assert crop is not None and crop.label == BEST and crop.area == pytest.approx(WANTED.area)
    assert crop.before == pytest.approx(10 * (1 - 0.292)) and crop.after == pytest.approx(10)
    assert crop.parts["kept"] == pytest.approx((1.0, WANTED.area**0.1))
    assert found(file, "advise.min_crop_gain=2.8") is not None
    assert found(file, "advise.min_crop_gain=3.0") is None


def test_the_juror_of_attention_comes_nearer_to_a_small_subject(tmp_path: Path) -> None:
    photo = np.full((400, 600, 3), 120, np.uint8)
    cv2.circle(photo, (200, 150), 45, (250, 80, 20), -1)
    Image.fromarray(photo).save(tmp_path / "a.png")
    suggested = open_framer(load_config(["task=advise", "juror@crop_juror=attention"]))
    assert suggested is not None
    crop = suggested.crop_for(read_photo_file(tmp_path / "a.png"))
    assert crop is not None and crop.area < 0.7 and crop.parts["kept"][1] > 0.8
    box = crop_of(crop.label).box
    assert box.x1 < 155 / 600 and box.x2 > 245 / 600 and box.y1 < 105 / 400 and box.y2 > 195 / 400


@pytest.mark.parametrize(("aspect", "across", "down"), [("1:1", 1, 1), ("16:9", 16, 9), ("2:3", 2, 3)])
def test_a_photo_of_another_shape_is_cut_to_it_whatever_it_gains(
    save: Save, aspect: str, across: int, down: int
) -> None:
    file = save("a.jpg", 0, 451, 677)
    crop = found(file, f"advise.aspect={aspect}", "advise.min_crop_gain=9")
    assert crop is not None and crop.label.endswith(f",{aspect})")
    height, width = crop_of(crop.label)(natural_photo(0, 451, 677)).shape[:2]
    assert abs(width * down / across - height) <= 1


@pytest.mark.parametrize(("aspect", "height", "width"), [("3:2", 683, 1024), ("3:2", 400, 600), ("original", 451, 677)])
def test_a_photo_that_has_the_shape_is_cut_only_where_that_gains(
    save: Save, aspect: str, height: int, width: int
) -> None:
    file = save("a.jpg", 0, height, width)
    assert found(file, f"advise.aspect={aspect}", "advise.min_crop_gain=9") is None
    crop = found(file, f"advise.aspect={aspect}")
    assert crop is not None and crop.label.endswith(f",{aspect})") and crop.gain >= 0.2


@pytest.mark.parametrize(("height", "width", "aspect"), [(20, 24, "null"), (100, 600, "1:1")])
def test_for_photos_too_small_or_too_long_for_the_shape_there_is_no_crop_and_no_warning(
    save: Save, height: int, width: int, aspect: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert found(save("a.png", 0, height, width), f"advise.aspect={aspect}") is None
    assert not caplog.records


@pytest.mark.parametrize(
    ("height", "width", "aspect", "said"),
    [(100, 600, "1:1", True), (100, 600, "null", False), (100, 600, "6:1", False), (100, 600, "original", False)],
)
def test_where_no_crop_can_have_the_shape_that_is_asked_for_the_page_says_so(
    height: int, width: int, aspect: str, said: bool, *, save: Save, job: Job
) -> None:
    file = save("a.png", 0, height, width)
    framed = replace(job, framer=framer(f"advise.aspect={aspect}", "advise.crop=apply", "advise.min_crop_gain=9"))
    (advice,) = advice_of(framed, file)
    assert advice.crop is None and advice.remarks == [NO_CROP_OF_SHAPE] * said
    assert (NO_CROP_OF_SHAPE in (job.out / "advice.html").read_text()) is said


@pytest.mark.slow
def test_what_is_edited_does_not_change_by_a_suggestion(save: Save, job: Job, tmp_path: Path) -> None:
    file = save("a.jpg")
    (plain,) = advice_of(job, file)
    (advice,) = advice_of(replace(job, framer=framer(), out=tmp_path / "framed"), file)
    assert advice.crop is not None and advice.crop.label == BEST and not advice.is_cut
    assert replace(advice, crop=None) == plain and advice.edited
    assert (tmp_path / "framed" / advice.edited).read_bytes() == (job.out / advice.edited).read_bytes()
    told = json.loads((tmp_path / "framed" / "advice.jsonl").read_text().splitlines()[-1])["advice"]
    assert (
        told["crop"]["said"][0]
        == "It keeps 93\N{NO-BREAK SPACE}% of what people probably look at, on 50\N{NO-BREAK SPACE}% of the photo."
    )
    assert Advice.from_dict(told) == advice


def test_an_applied_crop_is_the_first_edit_of_the_file_and_of_the_recipe(save: Save, job: Job) -> None:
    file = save("a.png", 0, 301, 401)
    (advice,) = advice_of(replace(job, framer=framer("advise.crop=apply")), file)
    assert advice.is_cut and advice.recipe[0] == BEST and len(advice.recipe) > 1
    assert advice.edited and advice.recipe_file
    recipe = Recipe.from_json((job.out / advice.recipe_file).read_text())
    assert recipe.labels == advice.recipe == [step.label for step in advice.steps]
    expected, _ = edit(read_photo_file(file), recipe)
    edited = read_photo_file(job.out / advice.edited).pixels
    assert (edited == expected).all() and edited.shape == crop_of(BEST)(natural_photo(0, 301, 401)).shape
    page = (job.out / "advice.html").read_text()
    assert "the whole photo, with the frame of the crop" in page and "advise.crop=apply" not in page


def test_the_other_juror_scores_what_is_left_of_the_photo(save: Save, editor: Editor) -> None:
    photo = read_photo_file(save("a.png", 0, 300, 400))
    advice, recipe = advise(photo, editor, framer=framer("advise.crop=apply"))
    left = replace(photo, pixels=crop_of(BEST)(photo.pixels)).small_copy(*editor.size)
    expected = Redness().score([left, Recipe(recipe.transforms[1:])(left)])
    assert advice.opinion is not None and advice.opinion.of_crop
    assert [advice.opinion.before, advice.opinion.after] == pytest.approx(expected.tolist()), "the crop is no rise"
    assert advice.opinion.gain == pytest.approx(sum(step.gain or 0 for step in advice.steps))
    assert advice.steps[0].gain is None and all(step.gain is not None for step in advice.steps[1:])
    assert "The score of what the crop leaves rises from" in lead(advice, Words())
    assert opinions_said(advice, Words())[0].startswith("What the crop leaves scores")
    second, _ = advise(photo, editor, Redness(), framer=framer("advise.crop=apply"))
    assert second.second_opinion == advice.opinion
    bare, _ = advise(photo, editor, explain=False, framer=framer("advise.crop=apply"))
    assert bare.opinion == advice.opinion


def test_a_crop_alone_is_no_rise_of_the_score(save: Save) -> None:
    editor = Editor(load_config([*SEARCH, "transform.labels=[swap_gb]"]), Redness())
    advice, recipe = advise(read_photo_file(save("a.png")), editor, framer=framer("advise.crop=apply"))
    assert recipe.labels == [BEST] and advice.opinion is not None and advice.opinion.gain == 0
    assert "score" not in lead(advice, Words())
    assert re.match(r"What the crop leaves scores \d\.\d\d of 10\.", opinions_said(advice, Words())[0])


def test_who_crops_already_gets_no_second_suggestion(save: Save, editor: Editor) -> None:
    photo = read_photo_file(save("a.png"))
    cuts = Editor(load_config([*SEARCH, "transform.labels=[crop_thirds,warmth]"]), Redness())
    recipe = Recipe.of(["crop_thirds"])
    assert cuts.crops(recipe) and not cuts.crops(Recipe.of(["warmth"]))
    frames = Editor(
        load_config(["task=advise", "policy=exhaustive", "env=crop", "transform=crop_edges", "juror=attention"]), Near()
    )
    advice, recipe = advise(photo, frames, framer=framer())
    assert recipe.labels == [BEST] and advice.crop is None and advice.steps[0].gain is not None


def test_photos_of_one_series_are_each_told_and_kept(save: Save, job: Job) -> None:
    files = [save(f"{i}.jpg", i) for i in range(4)]
    framed = replace(job, framer=framer(), workers=2)
    first = advice_of(framed, *files)
    assert [one.crop is not None and one.crop.label for one in first] == [BEST] * 4
    done = run_series(find_photos([str(file) for file in files]), framed)
    assert done.kept == 4 and [shot.advice for shot in done.shots] == first


def test_the_page_shows_the_frame_and_the_crop_and_says_how_to_get_it(save: Save, job: Job) -> None:
    advice_of(replace(job, framer=framer()), save("IMG_1.jpg", 0, 300, 400))
    page = (job.out / "advice.html").read_text()
    assert 'alt="IMG_1.jpg: the whole photo, with the frame of the crop"' in page
    assert 'alt="IMG_1.jpg: cropped"' in page and page.count("<figure") == 3
    text = re.sub(r"<[^>]+>", "", page)
    assert "A crop that is suggested" in text and "advise.crop=apply" in text and BEST in text
    assert "The whole photo scores 7.08 and the crop 10.00, of 10." in text
    advice_of(replace(job, framer=framer(), words=Words("de"), key="de"), save("IMG_1.jpg", 0, 300, 400))
    assert "Der Ausschnitt behält 93\N{NO-BREAK SPACE}% von dem" in (job.out / "advice.html").read_text()


CROP = CropAdvice(BEST, "Keep the frame as it is.", 0.5, "near", "", 5.0, 6.0, {})


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({}, ["It shows 50 % of the photo."]),
        ({"kept": (1.0, 0.996)}, ["It keeps 99.6 % of what people probably look at, on 50 % of the photo."]),
        ({"placed": (0.2, 0.5)}, ["It shows 50 % of the photo.", "The subject comes nearer to a third."]),
        ({"placed": (0.2, 0.25)}, ["It shows 50 % of the photo."]),
        (
            {"placed": (0.5, 0.2), "filled": (0.1, 0.3)},
            [
                "It shows 50 % of the photo.",
                "The subject fills more of the picture.",
                "The subject goes further from the thirds: look whether you want it.",
            ],
        ),
        (
            {"uncut": (1.0, 0.6)},
            [
                "It shows 50 % of the photo.",
                "Something that people look at lies at an edge of it: look whether you want it.",
            ],
        ),
    ],
)
def test_what_the_parts_say_is_said_in_words(parts: dict[str, tuple[float, float]], said: list[str]) -> None:
    told = crop_said(replace(CROP, parts=parts), Words())
    assert [one.replace("\N{NO-BREAK SPACE}", " ") for one in told] == said


def test_shares_are_never_rounded_to_all_or_nothing() -> None:
    numbers = [share(one, Words("de")).replace("\N{NO-BREAK SPACE}", " ") for one in (0.0, 1e-5, 0.5, 0.9999, 1.0)]
    assert numbers == ["0 %", "0,1 %", "50 %", "99,9 %", "100 %"]


def test_the_parts_of_a_mix_are_those_of_its_jurors_of_crops() -> None:
    mixed = Mix({"near": Near(), "prior": CropPrior(), "red": Redness()}, {"near": 1.0, "prior": 1.0, "red": 1.0})
    whole = fit(natural_photo(0), 32, "longest_side")
    parts = parts_of(mixed, [FramedPhoto(whole)])
    assert set(parts) == {"kept", "placed", *CropPrior().part_names}
    assert parts_of(Redness(), [FramedPhoto(whole)]) == {}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["advise.aspect=3x2"], r"advise\.aspect=3x2 must be width:height in whole numbers"),
        (["juror@crop_juror=naturalness"], "crop_juror has to be fitted"),
        (["~juror@crop_juror"], r"advise\.crop needs a juror of crops"),
    ],
)
def test_a_setting_that_means_nothing_is_told_at_the_start(overrides: list[str], message: str) -> None:
    with pytest.raises(ApsiError, match=message):
        open_framer(load_config(["task=advise", *overrides]))


@pytest.mark.skipif(has_detector(), reason="the extra 'faces' is installed")
def test_faces_can_be_kept_only_where_they_are_found() -> None:
    with pytest.raises(ApsiError, match=r"advise\.faces=keep needs a detector of faces"):
        open_framer(load_config(["task=advise", "advise.faces=keep"]))


def test_no_crop_may_be_asked_for() -> None:
    assert open_framer(load_config(["task=advise", "advise.crop=null", "~juror@crop_juror"])) is None
