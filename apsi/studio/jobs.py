"""Work that takes the processor: so many at a time, the others in line, each told how many come first."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from apsi.web.shell import Refusal

_Result = TypeVar("_Result")


@dataclass(eq=False)
class _Waiting:
    turn: "asyncio.Future[None]"
    tell: Callable[[int], None]


class Jobs:
    """First come, first served; used by one event loop only."""

    def __init__(self, workers: int, max_waiting: int) -> None:
        self._pool = ThreadPoolExecutor(workers, "studio")
        self.workers, self._max_waiting = workers, max_waiting
        self._waiting: list[_Waiting] = []
        self._running = 0
        self.is_stopping = False

    async def run(self, work: Callable[[], _Result], tell: Callable[[int], None] = lambda before: None) -> _Result:
        """What `work` returns, called in a thread once its turn has come.

        Args:
            work: may be called.
            tell: is told how many jobs come first, at once and whenever that changes; 0: it is at work.

        Raises:
            Refusal: 503, too many wait.
            Exception: what `work` raised.
        """
        loop = asyncio.get_running_loop()
        if len(self._waiting) >= self._max_waiting:
            raise Refusal(503, "Too many photos wait already: try again in a minute.", {"Retry-After": "30"})
        one = _Waiting(loop.create_future(), tell)
        self._waiting.append(one)
        self._go_on()
        try:
            await one.turn
        except asyncio.CancelledError:
            if one in self._waiting:
                self._waiting.remove(one)
                self._go_on()
            else:
                self._done()
            raise
        running = loop.run_in_executor(self._pool, work)
        running.add_done_callback(lambda _: self._done())
        return await asyncio.shield(running)  # a thread can't be interrupted: its place is taken until it ends

    def require_going_on(self, *_: object) -> None:
        """To be called between the steps of long work.

        Raises:
            Refusal: 503, the studio ends.
        """
        if self.is_stopping:
            raise Refusal(503, "The studio is being closed.")

    def stop(self) -> None:
        """Nothing is begun any more; returns once what is at work has come to its next step."""
        self.is_stopping = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _done(self) -> None:
        self._running -= 1
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting and self._running < self.workers and not self.is_stopping:
            one = self._waiting.pop(0)
            self._running += 1
            one.tell(0)
            one.turn.set_result(None)
        for place, one in enumerate(self._waiting):
            one.tell(self._running + place)
