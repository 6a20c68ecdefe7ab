"""The room where people choose between two versions of a photo."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from apsi.advise.words import Words
from apsi.preference.index import PairIndex
from apsi.preference.photos import MissingOriginalError
from apsi.studio.annotators import Annotators, Said
from apsi.studio.pair_pictures import PairPictures
from apsi.web.body import body_of
from apsi.web.server import shell_of
from apsi.web.shell import Refusal, Room, is_full

_PACKAGE = "apsi.studio"
_MAX_BODY = 50_000  # bytes
_MAX_LATEST = 100  # answers to which one can walk back after the page was opened anew


class Asked(BaseModel):
    """Who asks for what comes next."""

    annotator: str = Field(max_length=200)
    begin: bool = False
    """whether the page knows nothing yet"""


class Sent(BaseModel):
    """What somebody said, in order."""

    annotator: str = Field(max_length=200)
    answers: list[Said] = Field(max_length=100)
    folder: str | None = None
    """id of the folder whose pairs the page shows; None: a page of an earlier version"""


def annotate_room(
    people: Annotators, index: PairIndex, pictures: PairPictures, language: Words, annotator: str | None
) -> Room:
    """The room, as the application has it.

    Args:
        people: who answers.
        index: the pairs.
        pictures: of the pairs.
        language: of the page.
        annotator: who answers, where that is known; None: the page asks.
    """
    return Room("annotate", "Pairs", _PACKAGE, _router(people, index, pictures, language, annotator), pictures.running)


def _router(
    people: Annotators, index: PairIndex, pictures: PairPictures, words: Words, annotator: str | None
) -> APIRouter:
    router = APIRouter()

    @router.get("/")
    async def page(request: Request) -> Response:
        return shell_of(request).page(
            request,
            _PACKAGE,
            "annotate.html.j2",
            sentences=script_sentences(words),
            annotator=annotator or "",
            folder=people.folder_id,
        )

    @router.post("/next")
    async def upcoming(request: Request) -> dict[str, Any]:
        asked = await body_of(request, Asked, _MAX_BODY)
        found = await run_in_threadpool(people.state, asked.annotator, _MAX_LATEST if asked.begin else 0)
        return found | {"left_out_said": _left_out_said(found, words), "repeats_said": _repeats_said(found, words)}

    @router.post("/answers")
    async def answers(request: Request) -> dict[str, Any]:
        sent = await body_of(request, Sent, _MAX_BODY)
        if sent.folder not in (None, people.folder_id):
            return {"kept": [], "refused": [said.id for said in sent.answers]}
        try:
            return await run_in_threadpool(people.add, sent.annotator, sent.answers)
        except OSError as error:
            if not is_full(error):
                raise
            raise Refusal(
                507, "The disk of the server is full: make room there. Your answers are kept in this page until then."
            ) from error

    @router.get("/pictures/{pair}/{side}")
    async def picture(pair: str, side: str) -> Response:
        if pair not in index or side not in ("a", "b"):
            raise Refusal(404, "There is no such picture.")
        try:
            made = await asyncio.shield(asyncio.wrap_future(pictures.of(pair)))
        except MissingOriginalError as error:
            raise Refusal(410, "This pair can't be shown any more.") from error
        return Response(made[side == "b"], media_type="image/jpeg")

    return router


def _left_out_said(found: dict[str, Any], words: Words) -> str:
    if not found["left_out"]:
        return ""
    return words.plural(
        "{n} pair is left out, as its photo is missing or was changed: {names}",
        "{n} pairs are left out, as their photos are missing or were changed: {names}",
        found["left_out"],
        names=", ".join(found["photos"]) + (" …" if len(found["photos"]) == 3 else ""),
    )


def _repeats_said(found: dict[str, Any], words: Words) -> str:
    """As short as a line on a phone: when it goes, nothing may jump."""
    if not found["repeats"]:
        return ""
    if found["goal"] < found["total"]:
        return words("Some pairs come again, to see how sure you are.")
    return words.plural(
        "{n} of them shows a pair again, to see how sure you are.",
        "{n} of them show a pair again, to see how sure you are.",
        found["repeats"],
    )


def script_sentences(words: Words) -> dict[str, str]:
    """What the page's script says, by the names that it uses; it fills in the values that are missing."""
    return {
        "no_answer": words("The server does not answer: is it still running?"),
        "kept": words("{reason} Answers that are not saved yet: {n}. They are kept here and sent again by themselves."),
        "back": words("The server answers again; everything is saved."),
        "saved": words("All your answers are saved: {done}."),
        "sending": words("Being saved: {n}."),
        "refused": words(
            "Answers to pairs that are not here could not be saved: {n}. This browser keeps them and sends them again "
            "when the page is opened."
        ),
        "pair": words("Pair {number} of {goal}"),
        "soon": words("less than a minute left"),
        "minute": words("about a minute left"),
        "minutes": words("about {n} minutes left"),
        "hour": words("about an hour left"),
        "hours": words("about {n} hours left"),
        "nothing_to_undo": words("There is nothing to undo."),
        "undone": words("Taken back. Choose again."),
        "first": words("This is the first one that can be shown again."),
        "newest": words("This one has no answer yet: choose, or skip it."),
        "answered": words("You said: {answer}"),
        "left": words("left is better"),
        "right": words("right is better"),
        "upper": words("the upper one is better"),
        "lower": words("the lower one is better"),
        "tie": words("no preference"),
        "skip": words("skipped"),
        "left_shown": words("Left"),
        "right_shown": words("Right"),
        "upper_shown": words("Upper"),
        "lower_shown": words("Lower"),
        "picture": words("The pictures are on their way."),
        "zoomed": words("Both are enlarged at the same place. Arrow keys or dragging move it."),
        "keys_off": words("Keys are switched off; ? shows them."),
    }
