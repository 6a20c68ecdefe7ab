"""Ctrl-C and SIGTERM during training: delayed until the checkpoint can be saved."""

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
    """Remembers an interrupt that was delayed."""

    def __init__(self) -> None:
        self._handle: Callable[[], object] | None = None

    def remember(self, handle: Callable[[], object]) -> None:
        """Remembers the handler to run later."""
        self._handle = handle

    @property
    def is_pending(self) -> bool:
        """Whether an interrupt is pending."""
        return self._handle is not None

    def deliver(self) -> None:
        """Runs the remembered handler, which raises KeyboardInterrupt; does nothing if none is pending."""
        if self._handle is not None:
            self._handle()


@contextmanager
def deferred() -> Iterator[Interrupt]:
    """Delays the first Ctrl-C or SIGTERM until the end of the block at most; the second one interrupts at once.

    Only Python's main thread receives signals; in any other thread this does nothing.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    handlers = {number: handler for number in _NUMBERS if callable(handler := signal.getsignal(number))}

    def restore_handlers() -> None:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    def delay(number: int, frame: FrameType | None) -> None:
        restore_handlers()
        interrupt.remember(partial(handlers[signal.Signals(number)], number, None))

    try:
        for number in handlers:
            signal.signal(number, delay)
        yield interrupt
        interrupt.deliver()
    finally:
        restore_handlers()


class InterruptCallback(BaseCallback):
    """Saves and ends training between two rollouts when an interrupt is pending."""

    def __init__(self, interrupt: Interrupt, milestones: MilestoneCallback, path: Path) -> None:
        """Stores what saves the checkpoint, and its path for the log."""
        super().__init__()
        self._interrupt, self._milestones, self._path = interrupt, milestones, path
        self._told = False

    def _on_step(self) -> bool:
        if self._interrupt.is_pending and not self._told:
            self._told = True
            log.info("Ending after this rollout; Ctrl-C again ends at once, with the latest checkpoint")
        return True

    def _on_rollout_start(self) -> None:
        if not self._interrupt.is_pending:
            return
        if self.num_timesteps > self._milestones.state.timesteps:
            self._milestones.checkpoint()
            log.warning("Saved %s steps in %s", f"{self.num_timesteps:,}", self._path)
        self._interrupt.deliver()
