"""The frame of every page of the web application, and refusals as one sentence."""

import errno
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from apsi.errors import ApsiError
from apsi.web.page import render
from apsi.web.refusals import RefusalLog

_FULL = (errno.ENOSPC, errno.EDQUOT)
log = logging.getLogger(__name__)


class Speaks(Protocol):
    """Sentences in the language of who reads them; `apsi.advise.words.Words` is one."""

    @property
    def tag(self) -> str:
        """As in the attribute `lang` of HTML."""

    def __call__(self, sentence: str, **values: Any) -> str:
        """The sentence, values filled in."""


class Refusal(HTTPException):
    """What a room refuses: a status, an English sentence, and the values of the names in it."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None, **values: Any) -> None:
        super().__init__(status, sentence, headers)
        self.values = values

    @property
    def english(self) -> str:
        """The sentence, values filled in, for programs."""
        return str(self.detail).format(**self.values)


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Room:
    """A part of the application, below a path of its own."""

    name: str
    """of its path, `advice`, and of its files, `static/advice/`"""
    title: str
    """English, for the navigation"""
    package: str
    """whose folders `templates` and `static` are its"""
    router: APIRouter
    lifespan: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    """is entered while the application runs"""
    ending: Callable[[], None] = _nothing
    """is called when the application is told to end: answers without an end are to end now"""


class Shell:
    """Makes pages and refusals."""

    def __init__(self, rooms: Sequence[Room], words: Speaks, root_path: str) -> None:
        self._rooms, self.words, self._root_path = rooms, words, root_path
        self._refusals = RefusalLog()

    def page(self, request: Request, package: str, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page in the frame of all rooms.

        Args:
            request: what it answers.
            package: whose folder `templates` holds the template, which extends `shell.html.j2`.
            template: its name.
            status: of HTTP.
            values: what it shows.
        """
        path = self.path(request)
        here = next((room.name for room in self._rooms if path.startswith(f"/{room.name}/")), "")
        text = render(
            package,
            template,
            _=self.words,
            lang=self.words.tag,
            root="../" * (path.count("/") - 1) or "./",
            rooms=[(room.name, self.words(room.title), room.name == here) for room in self._rooms],
            **values,
        )
        return HTMLResponse(text, status)

    def path(self, request: Request) -> str:
        """Of a request, below `root_path`."""
        path, root = str(request.scope["path"]), self._root_path
        return path.removeprefix(root) or "/" if path == root or path.startswith(f"{root}/") else path

    def refuse(
        self, request: Request, status: int, sentence: str, headers: dict[str, str] | None = None, what: str = ""
    ) -> Response:
        """A refusal as one sentence: in JSON `{"detail": ...}`, or on a page for who opened one.

        Args:
            request: what is refused.
            status: of HTTP.
            sentence: for the reader, in their language.
            headers: further ones.
            what: for the log, where the sentence does not say it.
        """
        self._refusals.note(request.client and request.client.host, status, what or sentence)
        if not opens_page(request):
            return JSONResponse({"detail": sentence}, status, headers)
        if status == 401:
            page = self.page(request, "apsi.web", "token.html.j2", 401, sentence=sentence)
            page.headers["Referrer-Policy"] = "same-origin"  # without, a form's origin is told as "null"
        else:
            page = self.page(request, "apsi.web", "refusal.html.j2", status, sentence=sentence)
        page.headers.update(headers or {})
        return page

    def refuse_error(self, request: Request, error: Exception) -> Response:
        """What an error of a room comes to."""
        if isinstance(error, HTTPException):
            return self.refuse(request, error.status_code, error_said(error, self.words), dict(error.headers or {}))
        status = 422
        if isinstance(error, MemoryError):
            status = 503
        elif is_full(error):
            status = 507
        elif not isinstance(error, RequestValidationError | ApsiError):
            status = 500
        return self.refuse(request, status, error_said(error, self.words))


def error_said(error: Exception, say: Speaks) -> str:
    """An error as one sentence for people; what was not foreseen is logged."""
    if isinstance(error, HTTPException):
        return say(str(error.detail), **getattr(error, "values", {}))
    if isinstance(error, RequestValidationError):
        wrong = ", ".join(str(found["loc"][-1]) for found in error.errors())
        return say("The request is not understood: {wrong}.", wrong=wrong)
    if isinstance(error, ApsiError):
        return str(error)
    if isinstance(error, MemoryError):
        return say("There is not enough memory for it now: try again, or a smaller photo.")
    if is_full(error):
        return say("The disk of the server is full: make room there, or remove photos here, and try again.")
    log.error("Something failed", exc_info=error)
    return say("Something went wrong here; what it was stands in the server's log.")


def is_full(error: Exception) -> bool:
    """Whether a disk has no room left."""
    return isinstance(error, OSError) and error.errno in _FULL


def opens_page(request: Request) -> bool:
    """Whether a person opens a page, and not a script something for it."""
    return request.headers.get("sec-fetch-mode", "navigate") == "navigate" and "text/html" in request.headers.get(
        "accept", ""
    )
