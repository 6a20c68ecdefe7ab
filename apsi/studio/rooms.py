"""All rooms together, and serving them."""

import os
import socket
from pathlib import Path

from fastapi import FastAPI

from apsi.advise.words import Words
from apsi.studio.advice import AdviceRoom
from apsi.studio.editing import Editing
from apsi.studio.jobs import Jobs
from apsi.studio.limits import Limits
from apsi.studio.uploads import Uploads
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
        workers: int | None = None,
    ) -> None:
        """Furnishes the rooms.

        Args:
            folder: for photos, of nobody else.
            limits: what is taken.
            words: the language.
            editing: what is done with photos.
            workers: photos that are worked on at a time; None: as many as there are processors.
        """
        self.words, self.uploads = words, Uploads(folder, limits)
        jobs = Jobs(workers or os.cpu_count() or 1, limits.max_waiting)
        self.rooms: list[Room] = [AdviceRoom(self.uploads, editing, jobs, words).room()]

    @property
    def received(self) -> int:
        """Photos that came."""
        return self.uploads.count

    def app(self, door: Door) -> FastAPI:
        """The application."""
        return make_app(door, self.rooms, self.words)

    def serve(self, door: Door, listener: socket.socket) -> None:
        """Serves until SIGINT or SIGTERM."""

        def end() -> None:
            for room in self.rooms:
                room.ending()

        run(self.app(door), listener, _PATIENCE, end)
