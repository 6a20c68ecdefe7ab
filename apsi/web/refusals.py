"""The log of refused requests."""

import logging
import time

log = logging.getLogger(__name__)

_PAUSE = 1.0
_LONGEST = 200


class RefusalLog:
    """One line a second at most, so that who is refused can't fill the disk; what is left out is counted."""

    def __init__(self) -> None:
        self._next, self._left_out = 0.0, 0

    def note(self, client: str | None, status: int, reason: str) -> None:
        """Logs who was refused and why; what a client may have written is escaped and cut."""
        now = time.monotonic()
        if now < self._next:
            self._left_out += 1
            return
        more = f" ({self._left_out} more since the last such line)" if self._left_out else ""
        log.warning("Refused a request of %s: %d, %s%s", client, status, ascii(reason)[1:-1][:_LONGEST], more)
        self._next, self._left_out = now + _PAUSE, 0
