"""What the room of advice says, in the reader's language."""

from typing import Any

from apsi.advise.advice import Advice, Opinion
from apsi.advise.framing import crop_said as parts_said
from apsi.advise.framing import crop_scored
from apsi.advise.measured import greyed_said
from apsi.advise.page import heading, lead, opinions_said, step_said
from apsi.advise.words import Words
from apsi.studio.editing import strength_of
from apsi.studio.limits import Limits, too_many_bytes
from apsi.studio.photo import Opened
from apsi.studio.uploads import Upload
from apsi.transform.crop import parse as parse_crop
from apsi.web.shell import error_said


def script_sentences(limits: Limits, words: Words) -> dict[str, str]:
    """What the page's script says, by the names that it uses; it fills in the values that are missing."""
    return {
        "sending": words("{name}: {percent} % sent"),
        "not_sent": words("{name} could not be sent: the server does not answer."),
        "no_answer": words("The server does not answer: is it still running?"),
        "removed": words("{name} is removed."),
        "gone": words("{name} is not on the server any more."),
        "too_large": error_said(too_many_bytes(limits.max_megabytes), words),
        "preparing": words("The file is being made at full size."),
        "ready": words("{name} is ready and being saved."),
        "crop_whole": words("The whole photo: {width} × {height} pixels"),
        "crop_part": words("{width} × {height} pixels, {area} % of the photo"),
        "crop_place": words("{left} % from the left, {top} % from the top"),
        "lost": words("The connection to the server is lost; trying again."),
    }


def photo_said(upload: Upload, words: Words) -> dict[str, Any]:
    """What becomes of a photo, as its list shows it.

    Returns:
        `id`, `name`, `stage` (`receiving`, `received`, `waiting`, `read`, `decided`, `edited`, `failed`), how many jobs
        come `before_it`, and `said`, a sentence.
    """
    return {
        "id": upload.id,
        "name": upload.name,
        "stage": upload.stage,
        "before_it": upload.before_it,
        "said": _stage_said(upload, words),
    }


def _stage_said(upload: Upload, words: Words) -> str:
    if upload.stage == "failed":
        return upload.error or ""
    if upload.stage == "waiting":
        return words.plural("Waiting: {n} job comes first", "Waiting: {n} jobs come first", upload.before_it)
    if upload.stage == "edited" and upload.opened is not None:
        return heading(upload.opened.advice, words)
    return {
        "received": words("Received, being read"),
        "read": words("Read, deciding"),
        "decided": words("Decided, editing"),
    }.get(upload.stage, words("Being received"))


def step_rows(opened: Opened, words: Words) -> list[dict[str, Any]]:
    """The steps as the editor decided them, for the page to make controls of."""
    rows = []
    steps = opened.advice.steps[opened.crop is not None :]
    for place, (transform, step) in enumerate(zip(opened.edits, steps, strict=True)):
        strength = strength_of(transform)
        rows.append(
            {
                "place": place,
                "label": step.label,
                "sentence": words(step.advice),
                "said": " ".join(step_said(step, words)),
                "warning": greyed_said(step.greyed, words),
                "strength": None if strength is None else f"{strength:+.3f}",
            }
        )
    return rows


def crop_said(opened: Opened, words: Words) -> dict[str, Any]:
    """For the crop tool: the photo's size, the crop as decided, and the one that is suggested, as labels, and why."""
    advice = opened.advice
    suggested = advice.crop
    return {
        "width": advice.width,
        "height": advice.height,
        "decided": "" if opened.crop is None else opened.crop.label,
        "suggested": "" if suggested is None else suggested.label,
        "scored": "" if suggested is None else crop_scored(suggested, words),
        "why": "" if suggested is None else " ".join([words(suggested.sentence), *parts_said(suggested, words)]),
    }


def result_said(opened: Opened, advice: Advice, words: Words) -> dict[str, Any]:
    """What is said of a photo with a recipe.

    Args:
        opened: the photo.
        advice: on it with that recipe.
        words: the language.

    Returns:
        `heading`, `lead`, `verdict` (the score in words, empty where no juror scores), `score` (None likewise),
        `opinions`, and `steps`: what is said of those that are on, in order, without the crop that comes first.
    """
    steps = advice.steps[1:] if advice.recipe and parse_crop(advice.recipe[0]) else advice.steps
    all_off = advice.leave_it and not opened.advice.leave_it
    return {
        "heading": words("The photo as it was") if all_off else heading(advice, words),
        "lead": words("All steps are switched off.") if all_off else lead(advice, words),
        "verdict": "" if advice.opinion is None else _verdict(advice.opinion, words),
        "score": advice.opinion and advice.opinion.after,
        "opinions": [] if all_off else opinions_said(advice, words),
        "steps": [
            {
                "label": step.label,
                "sentence": words(step.advice),
                "said": " ".join(step_said(step, words)),
                "warning": greyed_said(step.greyed, words),
            }
            for step in steps
        ],
    }


def _verdict(opinion: Opinion, words: Words) -> str:
    before, after = words.number(opinion.before), words.number(opinion.after)
    if before == after:
        return words("Score {after} of 10", after=after)
    return words("Score {before} → {after} of 10", before=before, after=after)
