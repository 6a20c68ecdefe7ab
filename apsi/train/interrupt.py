"""Ctrl-C and SIGTERM in training: they wait until all that was learned can be saved."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

from stable_baselines3.common.callbacks import BaseCallback

from apsi.train.callbacks import MilestoneCallback

log = logging.getLogger(__name__)

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """An interrupt that may have come and waits."""

    def __init__(self) -> None:
        self._handle: Callable[[], object] | None = None

    def came(self, handle: Callable[[], object]) -> None:
        """Remembers what to do later."""
        self._handle = handle

    @property
    def waits(self) -> bool:
        """Whether one has come."""
        return self._handle is not None

    def happen(self) -> None:
        """Does what the interrupt would have done when it came, which raises KeyboardInterrupt."""
        if self._handle is not None:
            self._handle()


@contextmanager
def deferred() -> Iterator[Interrupt]:
    """In the block the first Ctrl-C or SIGTERM waits, at most until its end; the second interrupts at once.

    Only Python's main thread hears signals; in any other this does nothing.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    handlers = {number: handler for number in _NUMBERS if callable(handler := signal.getsignal(number))}

    def give_back() -> None:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    def come(number: int, frame: FrameType | None) -> None:
        give_back()
        interrupt.came(partial(handlers[signal.Signals(number)], number, None))

    try:
        for number in handlers:
            signal.signal(number, come)
        yield interrupt
        interrupt.happen()
    finally:
        give_back()


class InterruptCallback(BaseCallback):
    """Saves and ends training between two rollouts when an interrupt waits."""

    def __init__(self, interrupt: Interrupt, milestones: MilestoneCallback, path: Path) -> None:
        """Takes who saves, and where to, for people to read."""
        super().__init__()
        self._interrupt, self._milestones, self._path = interrupt, milestones, path
        self._told = False

    def _on_step(self) -> bool:
        if self._interrupt.waits and not self._told:
            self._told = True
            log.info("Ending after this rollout; Ctrl-C again ends at once, with the latest checkpoint")
        return True

    def _on_rollout_start(self) -> None:
        if not self._interrupt.waits:
            return
        if self.num_timesteps > self._milestones.state.timesteps:
            self._milestones.checkpoint()
            log.warning("Saved %s steps in %s", f"{self.num_timesteps:,}", self._path)
        self._interrupt.happen()
