"""What recorded runs made of photos, made once more from their recipes."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from omegaconf import DictConfig

from apsi.errors import ApsiError
from apsi.photo import Photo

_KEPT = 16  # runs


class Edits(Protocol):
    """How the edits of a run are made."""

    def picture(self, start: Photo, labels: Sequence[str]) -> Photo:
        """What a recipe makes of a photo."""


class Editors:
    """The latest runs that were asked for, ready to make their edits; used by several threads."""

    def __init__(self, config: DictConfig) -> None:
        """Reads nothing yet.

        Args:
            config: of this command: what it trusts.
        """
        self._config = config
        self._lock = threading.Lock()
        self._held: OrderedDict[Path, Edits | ApsiError] = OrderedDict()

    def of(self, run: Path) -> Edits:
        """Those of the run in a folder.

        Raises:
            ApsiError: its record is damaged, or comes from elsewhere and names what this command does not confirm.
        """
        with self._lock:
            if run not in self._held:
                self._held[run] = self._open(run)
                while len(self._held) > _KEPT:
                    self._held.popitem(last=False)
            self._held.move_to_end(run)
            held = self._held[run]
        if isinstance(held, ApsiError):
            raise held
        return held

    def _open(self, run: Path) -> Edits | ApsiError:
        from apsi.evaluate.replay import open_edits  # much that nobody needs who looks at no edited photo

        try:
            return open_edits(run, self._config)
        except ApsiError as error:
            return error
