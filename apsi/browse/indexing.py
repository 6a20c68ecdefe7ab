"""Bringing the index up to date in the background, with progress, and to be stopped at any time."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apsi.browse.catalogue import Catalogue
from apsi.browse.index import Index, StoppedError, digest_of, is_broken
from apsi.browse.sources import Places, Source

_SHOW_AFTER = 2.0  # seconds of reading after which what was read so far is shown
log = logging.getLogger(__name__)


@dataclass
class Progress:
    """How far it is."""

    busy: bool = False
    file: str = ""
    done: int = 0
    """bytes that were read"""
    total: int = 0
    """bytes of all files that are to be read"""
    stopped: bool = False
    """whether somebody stopped it, so that files may be missing"""
    failed: str = ""
    """why it could not be done"""


class Indexing:
    """Holds the catalogue, and reads what is new or changed into it; used by several threads."""

    def __init__(self, places: Places, index: Index) -> None:
        """Reads nothing yet.

        Args:
            places: where the files lie.
            index: what is known of them.
        """
        self._places, self.index = places, index
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._doubt: sqlite3.Error | None = None  # why somebody could not read the index, until that is looked into
        self._catalogue: Catalogue | None = None
        self._is_shown = False  # whether the catalogue is what the index holds
        self.progress = Progress()
        self.generation = 0
        """is raised when there is something else to be seen"""
        self.left_out: dict[str, str] = {}
        """files that can't be read, and why"""

    @property
    def catalogue(self) -> Catalogue | None:
        """What is known now; None until the index was looked into."""
        return self._catalogue

    def begin(self) -> None:
        """Looks for what is new or changed, unless that is being done."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            self._stop.clear()
            self.progress = Progress(busy=True)
            self._thread = threading.Thread(target=self._run, name="index", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ends it soon; what was read whole stays."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> None:
        """Until it is done."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def broken(self, error: sqlite3.Error) -> None:
        """Somebody could not read the index: whether it is broken is looked into, and it is made anew."""
        if is_broken(error):
            self._doubt = error
            self.begin()

    def _run(self) -> None:
        progress = self.progress
        try:
            with self.index.lock():
                doubt, self._doubt = self._doubt, None
                if doubt is not None and not self.index.is_sound():
                    self._remake(doubt)
                try:
                    self._bring_up_to_date(progress)
                except sqlite3.DatabaseError as error:
                    if not is_broken(error):
                        raise
                    self._remake(error)
                    self._bring_up_to_date(progress)
        except StoppedError:
            progress.stopped = True
        except Exception as error:  # the page is told, the log has it all
            log.exception("The index could not be brought up to date")
            progress.failed = str(error)
        finally:
            try:
                self._show()
            except sqlite3.Error:
                log.exception("The index could not be read")
            progress.busy = False

    def _remake(self, error: sqlite3.Error) -> None:
        log.warning("The index is broken and is made anew (%s)", error)
        self.index.remake()
        self._is_shown = False

    def _bring_up_to_date(self, progress: Progress) -> None:
        if self._catalogue is None:
            self._show()
        sources = {source.key: source for source in self._places.sources()}
        known = self.index.known()
        gone = known.keys() - sources.keys()
        if gone:
            self._is_shown = False
            self.index.drop(gone)
        changed = [
            source
            for key, source in sources.items()
            if key not in known or (known[key].size, known[key].stamp) != (source.size, source.stamp)
        ]
        progress.total = sum(source.size for source in changed)
        shown = time.monotonic()
        for source in changed:
            self._is_shown = False
            progress.file = source.name
            before = progress.done
            self._take(source, known.get(source.key), self._seeing(progress))
            progress.done = before + source.size
            if time.monotonic() - shown > _SHOW_AFTER and source is not changed[-1]:
                self._show()
                shown = time.monotonic()

    def _seeing(self, progress: Progress) -> Callable[[int], None]:
        def see(count: int) -> None:
            if self._stop.is_set():
                raise StoppedError
            progress.done = min(progress.done + count, progress.total)

        see(0)
        return see

    def _take(self, source: Source, known: Any, see: Callable[[int], None]) -> None:
        if known is not None and not known.said:
            try:
                if digest_of(source, see) == known.digest:
                    self.index.restamp(source)
                    return
            except OSError:
                pass  # taking it says why
        self.index.take(source, see)

    def _show(self) -> None:
        if self._is_shown:
            return
        known = self.index.known()
        self.left_out = {key.partition(":")[2]: one.said for key, one in known.items() if one.said}
        self._catalogue = Catalogue.load(self.index)
        self._is_shown = True
        self._catalogue.prepare()
        self.generation += 1
