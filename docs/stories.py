"""The pictures of the stories (docs/story-*.md), and the figures in them, out of sample photos.

    python docs/stories.py [STORY ...]

writes `docs/assets/stories/NAME.webp` and, for each story, NAME.json: what was said of each photo, which
`docs/hooks.py` puts on the pages as tables. Flaws are put into copies of the photos; what edits and scores them is what
the pages name.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image

from apsi.advise.advice import Advice, advise
from apsi.advise.editor import Editor
from apsi.advise.framing import CropAdvice, Framer, crop_said
from apsi.advise.words import Words
from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.dataset.sample import Sample
from apsi.photo import Photo
from apsi.photo.full_size import PhotoFile, read_photo_file
from apsi.photo.read import read_photo
from apsi.photo.write import write_png
from apsi.preference.folder import MODEL_FILE
from apsi.task.advise import open_editor, open_framer, who_edits
from apsi.transform.recipe import Recipe

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(__file__).with_name("assets") / "stories"
_HEIGHT, _GAP, _QUALITY = 240, 8, 82
"""Of a picture's rows and of what is between them, in pixels; of WebP"""


class Case(NamedTuple):
    """A sample photo, and the flaws that its copy gets."""

    photo: str
    flaws: str = ""
    words: str = "as it is"

    def make(self) -> Photo:
        """The copy."""
        return Recipe.of(self.flaws.split())(read_photo(_files()[self.photo]))


DARK = "exposure_error(-1.50)"
REPAIRED = (
    Case("chelsea.png", DARK, "1.5 stops too dark"),
    Case("grace_hopper.jpg", DARK, "1.5 stops too dark"),
    Case("grace_hopper.jpg", "contrast(-0.600)", "flat"),
    Case("chelsea.png", "exposure_error(-1.00) white_balance_error(-50,+0.0000)", "a stop too dark, and blue"),
)
NOT_REPAIRED = (
    Case("coffee.png", "haze(0.500,0.90)", "haze"),
    Case("grace_hopper.jpg", "white_balance_error(+100,+0.0000)", "the light was warm"),
    Case("china.jpg", "exposure_error(+1.00)", "a stop too bright"),
)
EXPLAINED = Case("china.jpg", "white_balance_error(+100,+0.0000)", "the light was warm")
LEFT_ALONE = (Case("chelsea.png"), Case("chelsea.png", "exposure_error(+1.00)", "a stop too bright"))
FRAMED = (Case("flower.jpg"), Case("coffee.png"), Case("grace_hopper.jpg"))
CUT = (Case("china.jpg"),)
SQUARE = (Case("rocket.jpg"), Case("chelsea.png"))
ENOUGH = (("warm_tight", 100), ("wide_calm", 100))
PEOPLE = (*ENOUGH, ("warm_tight", 10))
"""Tastes of `apsi.preference.simulated`, and how many pairs they answer"""
TASTED = (Case("chelsea.png"), Case("flower.jpg"), Case("china.jpg"), Case("rocket.jpg"))


@dataclass(frozen=True)
class Shown:
    """A copy, and what was said of it."""

    case: Case
    before: Photo
    advice: Advice

    @property
    def after(self) -> Photo:
        """The edited copy."""
        return Recipe.of(self.advice.recipe)(self.before)

    def row(self) -> dict[str, Any]:
        """Of a table."""
        opinion = self.advice.opinion
        assert opinion is not None
        said = [step.advice for step in self.advice.steps] or ["Leave it as it is."]
        scores = f"{opinion.before:.1f} → {opinion.after:.1f}" if self.advice.recipe else f"{opinion.before:.1f}"
        return {
            "photo": Path(self.case.photo).stem,
            "copy": self.case.words,
            "advice": " ".join(said),
            "score": scores,
        }


def repair(folder: Path) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Copies with a flaw, as the agent that comes with apsi repairs them."""
    shown = [_advised(case) for case in REPAIRED]
    _save([[one.before for one in shown], [one.after for one in shown]], folder / "repair.webp")
    wrong = [_advised(case) for case in NOT_REPAIRED]
    originals = [Case(case.photo).make() for case in NOT_REPAIRED]
    _save([[one.before for one in wrong], [one.after for one in wrong], originals], folder / "repair_wrong.webp")
    return {"right": [one.row() for one in shown], "wrong": [one.row() for one in wrong]}


def advice(folder: Path) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """What is said of one photo, step by step."""
    shown = _advised(EXPLAINED)
    steps = [shown.before]
    for label in shown.advice.recipe:
        steps.append(Recipe.of([label])(steps[-1]))
    _save([steps], folder / "advice.webp")
    left = [_advised(case) for case in LEFT_ALONE]
    _save([[one.before for one in left]], folder / "advice_wrong.webp")
    reasons = [
        {
            "step": f"`{step.label}`",
            "advice": step.advice,
            "gained": f"{step.gain:+.2f}",
            "would be lost without it": f"{step.loss_without:+.2f}",
        }
        for step in shown.advice.steps
    ]
    return {"steps": reasons, "wrong": [one.row() for one in left]}


def crops(folder: Path) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Crops that are suggested, and squares that were asked for."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for name, cases, overrides in (
        ("right", FRAMED, []),
        ("wrong", CUT, []),
        ("square", SQUARE, ["advise.aspect=1:1"]),
    ):
        framer = _framer(*overrides)
        photos = [case.make() for case in cases]
        advised = [_crop(framer, photo) for photo in photos]
        _save(
            [
                [_framed(photo, crop) for photo, crop in zip(photos, advised, strict=True)],
                [Recipe.of([crop.label])(photo) for photo, crop in zip(photos, advised, strict=True)],
            ],
            folder / {"right": "crops.webp", "wrong": "crops_wrong.webp", "square": "crops_square.webp"}[name],
        )
        found[name] = [
            {
                "photo": Path(case.photo).stem,
                "what is said": " ".join(crop_said(crop, Words())),
                "score": f"{crop.before:.2f} → {crop.after:.2f}",
            }
            for case, crop in zip(cases, advised, strict=True)
        ]
    return found


def taste(folder: Path, work: Path | None = None) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """The crops that jurors like best which were fitted on the answers of made-up people.

    Args:
        folder: gets the pictures.
        work: a folder whose fitted jurors are taken where they are there; None: a temporary one.
    """
    with tempfile.TemporaryDirectory() as temporary:
        fitted = {person: _fitted((work or Path(temporary)), *person) for person in PEOPLE}
        jurors = [instantiate(load_config(["juror=framing"]).juror)]
        for run in fitted.values():
            jurors.append(instantiate(load_config(["juror=preference", f"juror.path={run / MODEL_FILE}"]).juror))
        figures = [_accuracy(*person, run) for person, run in fitted.items()]
    photos = [case.make() for case in TASTED]
    framers = [replace(_framer(), juror=juror, min_gain=-10.0) for juror in jurors]
    rows = [[_framed(photo, _crop(framer, photo)) for photo in photos] for framer in framers]
    _save(rows[: 1 + len(ENOUGH)], folder / "taste.webp")
    _save(rows[1:2] + rows[1 + len(ENOUGH) :], folder / "taste_few.webp")
    return {"figures": figures}


def _fitted(work: Path, name: str, count: int) -> Path:
    """The folder of the run that fitted a juror on a made-up person's answers."""
    place = work / f"{name}-{count}"
    places = [f"output_dir={place / 'outputs'}", f"data_dir={work / 'data'}", f"preference_dir={place / 'preferences'}"]
    if not list(place.glob(f"outputs/fit_preference/*/{MODEL_FILE}")):
        tasks = (
            ["task=make_pairs", f"task.count={count}"],
            ["task=simulate_answers", f"task.person.taste={name}"],
            ["task=fit_preference"],
        )
        for task in tasks:
            command = [sys.executable, str(ROOT / "run.py"), "dataset=sample", "tracking=none", *places, *task]
            subprocess.run(command, cwd=ROOT, check=True)
    return max(place.glob(f"outputs/fit_preference/*/{MODEL_FILE}")).parent


def _accuracy(name: str, count: int, folder: Path) -> Mapping[str, str]:
    """How often the juror is right about answers to photos that it was not fitted on, beside simple rules."""
    shares = json.loads((folder / "preference.json").read_text(encoding="utf-8"))["accuracy"]
    low, high = shares["model"]["interval"]
    rules = {rule: f"{shares[rule]['share']:.2f}" for rule in ("prior juror", "larger wins")}
    right = f"{shares['model']['share']:.2f} ({low:.2f} to {high:.2f})"
    return {"made-up person": name.replace("_", ", "), "pairs": str(count), "right": right, **rules}


STORIES = {"repair": repair, "advice": advice, "crops": crops, "taste": taste}


def story(which: str) -> str:
    """A table of a story, `NAME.TABLE`."""
    name, _, table = which.partition(".")
    rows = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))[table]
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(row.values() for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main(names: Sequence[str] = (), folder: Path = FOLDER) -> None:
    """Makes these stories, all where none is named."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or STORIES:
        text = json.dumps(STORIES[name](folder), indent=1, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _advised(case: Case) -> Shown:
    """What apsi's own agent says of a copy."""
    before = case.make()
    said, _ = advise(_as_file(before), _editor())
    return Shown(case, before, said)


@cache
def _files() -> dict[str, Path]:
    return {file.path.name: file.path for file in Sample(enlarge={}).listing().files}


@cache
def _editor() -> Editor:
    return open_editor(*who_edits(load_config(["task=advise"]), ["task=advise"]))


def _framer(*overrides: str) -> Framer:
    framer = open_framer(load_config(["task=advise", *overrides]))
    assert framer is not None
    return framer


def _as_file(photo: Photo) -> PhotoFile:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.png"
        write_png(path, photo)
        return read_photo_file(path)


def _crop(framer: Framer, photo: Photo) -> CropAdvice:
    crop = framer.crop_for(_as_file(photo))
    assert crop is not None, "no crop is suggested of a photo of this story"
    return crop


def _framed(photo: Photo, crop: CropAdvice) -> Photo:
    """The photo, dimmed outside of a crop."""
    box = Recipe.of([crop.label]).transforms[0].part_of(photo)
    assert box is not None
    height, width = photo.shape[:2]
    left, top, right, bottom = (round(share * side) for share, side in zip(box.array, (width, height) * 2, strict=True))
    dimmed = photo // 3
    dimmed[top:bottom, left:right] = photo[top:bottom, left:right]
    return cv2.rectangle(dimmed, (left, top), (right - 1, bottom - 1), (255, 255, 255), 3)


def _save(rows: Sequence[Sequence[Photo]], path: Path) -> None:
    """Rows of photos of one height, each column as wide as its widest, with nothing between them."""
    small = [[_of_height(photo) for photo in row] for row in rows]
    widths = [max(photo.shape[1] for photo in column) for column in zip(*small, strict=True)]
    sheet = np.zeros((len(rows) * (_HEIGHT + _GAP) - _GAP, sum(widths) + _GAP * (len(widths) - 1), 4), np.uint8)
    for i, row in enumerate(small):
        left = 0
        for photo, width in zip(row, widths, strict=True):
            top, start = i * (_HEIGHT + _GAP), left + (width - photo.shape[1]) // 2
            sheet[top : top + _HEIGHT, start : start + photo.shape[1]] = np.dstack(
                [photo, np.full(photo.shape[:2], 255, np.uint8)]
            )
            left += width + _GAP
    Image.fromarray(sheet, "RGBA").save(path, quality=_QUALITY, method=6)
    print(f"{path}: {sheet.shape[1]} x {sheet.shape[0]}, {path.stat().st_size / 1000:.0f} kB", flush=True)


def _of_height(photo: Photo) -> Photo:
    height, width = photo.shape[:2]
    return cv2.resize(photo, (round(width * _HEIGHT / height), _HEIGHT), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main(sys.argv[1:])
