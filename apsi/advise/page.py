"""The page on one photo, and the page on all of a series."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from apsi.advise.advice import GIVEN, Advice, Opinion, StepAdvice
from apsi.advise.framing import crop_said, crop_scored, score_knows
from apsi.advise.measured import greyed_said, observation_said
from apsi.advise.words import Words
from apsi.photo.write import write_text
from apsi.transform.crop import parse as parse_crop
from apsi.web.page import data_uri, render, script

_UNCHANGED = 0.005
"""Change of a score that is shown as 0"""
_HARDLY = 0.1
"""Change of a second opinion below which it has none: edits that nobody sees move `naturalness` as much"""


@dataclass(frozen=True)
class Pictures:
    """JPEG files of a photo before and after, for a page to show."""

    before: bytes
    after: bytes | None
    """None where nothing was done"""
    same_frame: bool = True
    """whether the one lies on the other: nothing was cut or turned"""
    framed: bytes | None = None
    """with the frame of the crop that is suggested; None where none is"""
    cropped: bytes | None = None
    """cut to it; None where `after` is"""


@dataclass(frozen=True)
class Shot:
    """A photo of a series, as the page on all of them shows it."""

    advice: Advice
    thumbnail: str
    """as a `data:` URI; empty: none"""


def write_page(path: Path, advice: Advice, pictures: Pictures, words: Words, overview: str = "") -> None:
    """Writes the page on one photo, which needs no other file.

    Args:
        path: the HTML file, beside the photo's results.
        advice: what it says.
        pictures: what it shows.
        words: the language.
        overview: where the page on the whole series is, seen from this one; empty: there is none.
    """
    is_compared = pictures.after is not None and pictures.same_frame
    page = render(
        "apsi.advise",
        "advice.html.j2",
        script=script("slider.js") if is_compared else None,
        _=words,
        lang=words.tag,
        name=Path(advice.photo).name,
        overview=quote(overview),
        heading=heading(advice, words),
        lead=lead(advice, words),
        before=data_uri(pictures.before, "image/jpeg"),
        after=None if pictures.after is None else data_uri(pictures.after, "image/jpeg"),
        same_frame=pictures.same_frame,
        steps=[
            {
                "label": step.label,
                "sentence": words(step.advice),
                "said": step_said(step, words),
                "warning": greyed_said(step.greyed, words),
            }
            for step in advice.steps
        ],
        crop=_crop(advice, pictures, words),
        opinions=opinions_said(advice, words),
        facts=_facts(advice, words),
        remarks=[words(remark) for remark in advice.remarks],
    )
    write_text(path, page)


def write_overview(path: Path, shots: Sequence[Shot], failures: Sequence[tuple[str, str]], words: Words) -> None:
    """Writes the page on a series, which links to the pages on its photos.

    Args:
        path: the HTML file, in the folder of the results.
        shots: the photos that were worked on.
        failures: file and reason of those that were not.
        words: the language.
    """
    page = render(
        "apsi.advise",
        "overview.html.j2",
        _=words,
        lang=words.tag,
        heading=words.plural("{n} photo", "{n} photos", len(shots) + len(failures)),
        lead=series_said([shot.advice for shot in shots], len(failures), words),
        shots=[
            {
                "name": Path(shot.advice.photo).name,
                "page": quote(shot.advice.page) if shot.advice.page else "",
                "picture": shot.thumbnail,
                "said": _said_in_short(shot.advice, words),
            }
            for shot in shots
        ],
        failures=[{"photo": photo, "error": error} for photo, error in failures],
    )
    write_text(path, page)


def heading(advice: Advice, words: Words) -> str:
    """In a few words: leave it, or how many edits beside a crop, made where there is a photo that has them."""
    if advice.leave_it:
        return words("Leave it as it is") if advice.crop is None else words("Only a crop is suggested")
    is_cut = parse_crop(advice.recipe[0]) is not None
    n = len(advice.recipe) - is_cut
    if advice.editor == GIVEN or advice.edited is not None:
        if not is_cut:
            return words.plural("{n} edit made", "{n} edits made", n)
        return words.plural("A crop and {n} edit made", "A crop and {n} edits made", n) if n else words("A crop made")
    if not is_cut:
        return words.plural("{n} edit suggested", "{n} edits suggested", n)
    if not n:
        return words("Only a crop is suggested")
    return words.plural("A crop and {n} edit suggested", "A crop and {n} edits suggested", n)


def _said_in_short(advice: Advice, words: Words) -> str:
    """The heading, a crop to look at where it does not say that, and a warning."""
    said = heading(advice, words)
    if advice.crop is not None and not advice.is_cut and not advice.leave_it:
        said = words("{said}, a crop suggested", said=said)
    return words("{said}; look at the whites", said=said) if advice.warnings(words) else said


def lead(advice: Advice, words: Words) -> str:
    """One sentence or two on the whole."""
    opinion = advice.opinion
    if advice.leave_it and advice.crop is not None:
        return words("No edit that was tried makes this photo clearly better, so nothing was changed.")
    if advice.leave_it:
        return words("Nothing that was tried makes this photo clearly better, so nothing was changed.")
    done = " ".join(words(step.advice) for step in advice.steps)
    if opinion is None:
        return done
    scores = {"before": words.number(opinion.before), "after": words.number(opinion.after)}
    if abs(opinion.gain) <= _UNCHANGED:
        return done
    if opinion.gain > 0 and opinion.of_crop:
        scored = words("The score of what the crop leaves rises from {before} to {after} of 10.", **scores)
    elif opinion.gain > 0:
        scored = words("The score rises from {before} to {after} of 10.", **scores)
    elif opinion.of_crop:
        scored = words("The score of what the crop leaves falls from {before} to {after} of 10.", **scores)
    else:
        scored = words("The score falls from {before} to {after} of 10.", **scores)
    return f"{done} {scored}"


def step_said(step: StepAdvice, words: Words) -> list[str]:
    """What was measured before and after a step, what it gained, and what the result would lose without it."""
    seen = [] if step.observation is None else [observation_said(step.observation, words)]
    if step.gain is None or step.loss_without is None:
        return seen
    gain, loss = words.number(abs(step.gain)), words.number(abs(step.loss_without))
    gained = _sign(step.gain)
    if gained > 0:
        said = words("It raised the score by {gain}.", gain=gain)
    elif gained < 0:
        said = words("By itself it lowered the score by {gain}.", gain=gain)
    else:
        said = words("By itself it did not change the score.")
    if gained >= 0 and gained == _sign(step.loss_without) and gain == loss:
        return [*seen, said]  # what is lost without it says no more
    return [*seen, said, _without(step.loss_without, loss, words)]


def _without(change: float, loss: str, words: Words) -> str:
    if change > _UNCHANGED:
        return words("Without it the result would score {loss} less.", loss=loss)
    if change < -_UNCHANGED:
        return words("Without it the result would score {loss} more: look whether you want it.", loss=loss)
    return words("Without it the result would score the same.")


def _sign(change: float) -> int:
    """Of a change of a score; 0 where it is shown as 0."""
    return 0 if abs(change) <= _UNCHANGED else 1 if change > 0 else -1


def opinions_said(advice: Advice, words: Words) -> list[str]:
    """Who scored the photo, what they know, and whether they agree."""
    said = []
    if advice.opinion is not None:
        said.append(_scored(advice.opinion, words))
    second = advice.second_opinion
    if second is not None and not advice.leave_it:
        said.append(f"{_verdict(second, words)} {_scored(second, words)}")
    return said


def series_said(advice: Sequence[Advice], failures: int, words: Words) -> str:
    """How many photos of a series were edited, left as they are, and not read."""
    left = sum(one.leave_it for one in advice)
    said = [
        words.plural("{n} photo was edited.", "{n} photos were edited.", len(advice) - left),
        words.plural("{n} was left as it is.", "{n} were left as they are.", left),
    ]
    crops = sum(one.crop is not None and not one.is_cut for one in advice)
    if crops:
        said.append(words.plural("For {n} photo a crop is suggested.", "For {n} photos a crop is suggested.", crops))
    greyed = sum(bool(one.warnings(words)) for one in advice)
    if greyed:
        said.append(
            words.plural(
                "In {n} photo an area that was burnt out became grey: look at it.",
                "In {n} photos areas that were burnt out became grey: look at them.",
                greyed,
            )
        )
    if failures:
        said.append(words.plural("{n} could not be edited.", "{n} could not be edited.", failures))
    return " ".join(said)


def _crop(advice: Advice, pictures: Pictures, words: Words) -> dict[str, Any] | None:
    """What the page says of a crop."""
    crop = advice.crop
    if crop is None or pictures.framed is None:
        return None
    cropped = pictures.cropped
    return {
        "label": crop.label,
        "is_cut": advice.is_cut,
        "said": [" ".join([words(crop.sentence), *crop_said(crop, words)]), crop_scored(crop, words)],
        "framed": data_uri(pictures.framed, "image/jpeg"),
        "cropped": None if cropped is None else data_uri(cropped, "image/jpeg"),
    }


def _scored(opinion: Opinion, words: Words) -> str:
    before, after = words.number(opinion.before), words.number(opinion.after)
    if before == after and opinion.of_crop:
        said = words("What the crop leaves scores {after} of 10.", after=after)
    elif before == after:
        said = words("The photo scores {after} of 10.", after=after)
    elif opinion.of_crop:
        said = words(
            "What the crop leaves scores {before} before the other edits and {after} after them, of 10.",
            before=before,
            after=after,
        )
    else:
        said = words("The photo scores {before} before and {after} after, of 10.", before=before, after=after)
    return f"{said} {score_knows(opinion.juror, opinion.knows, words)}"


def _verdict(second: Opinion, words: Words) -> str:
    if abs(second.gain) < _HARDLY:
        return words("A second opinion hardly sees a difference.")
    return words("A second opinion agrees.") if second.gain > 0 else words("A second opinion does not agree.")


def _facts(advice: Advice, words: Words) -> list[tuple[str, str, str]]:
    """Terms, what is to be said of them, and links to files beside the page; empty where there is none."""
    size = f"{advice.width} × {advice.height}, {advice.format}"
    facts = [(words("Photo"), advice.photo, ""), (words("Size"), size, "")]
    if advice.edited:
        facts.append((words("Edited photo"), advice.edited, _beside(advice.edited)))
    if advice.recipe_file:
        facts.append((words("Recipe, for other photos: task=apply"), advice.recipe_file, _beside(advice.recipe_file)))
    if advice.editor != GIVEN:
        facts.append((words("Edited by"), advice.editor, ""))
    if advice.opinion is not None:
        facts.append((words("Versions of it that were compared"), words.number(advice.juror_calls, 0), ""))
    return facts


def _beside(file: str) -> str:
    return quote(f"./{Path(file).name}")  # "./", as a name may begin like an address: a:b.jpg
