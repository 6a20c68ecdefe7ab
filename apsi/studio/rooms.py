"""All rooms together, and serving them."""

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI

from apsi.advise.words import Words
from apsi.studio.advice import advice_room
from apsi.studio.editing import Editing
from apsi.studio.jobs import Jobs
from apsi.studio.limits import Limits
from apsi.studio.uploads import Uploads
from apsi.studio.work import Work
from apsi.web.door import Door
from apsi.web.listening import run
from apsi.web.server import make_app
from apsi.web.shell import Room

_PATIENCE = 3  # seconds that requests in hand may take at the end


class Studio:
    """The rooms, with what they work with."""

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        words: Words,
        editing: Editing,
        *,
        workers: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Makes the rooms.

        Args:
            folder: for photos, of nobody else.
            limits: what is taken.
            words: the language.
            editing: what is done with photos.
            workers: photos that are worked on at a time; None: as many as there are processors.
            clock: seconds.
        """
        self.words, self.editing, self.uploads = words, editing, Uploads(folder, limits, clock)
        jobs = Jobs(workers or os.cpu_count() or 1, limits.max_waiting)
        self.rooms: list[Room] = [advice_room(Work(self.uploads, editing, jobs, words))]

    @property
    def received(self) -> int:
        """Photos that came."""
        return self.uploads.count

    def app(self, door: Door) -> FastAPI:
        """The application."""
        return make_app(door, self.rooms, self.words)

    def serve(self, door: Door, listener: socket.socket) -> None:
        """Serves until SIGINT or SIGTERM."""
        run(self.app(door), listener, _PATIENCE, self.end)

    def end(self) -> None:
        """Nothing new is begun, and answers without an end are to end."""
        for room in self.rooms:
            room.ending()
