"""Dynamic batching: photos of many requests scored together."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from apsi.juror.base import Juror
from apsi.photo import Photo
from apsi.serve.metrics import ServingMetrics


@dataclass
class _Waiting:
    photo: Photo
    score: "asyncio.Future[float]"


class Batcher:
    """Waits at most `max_delay` seconds after the first photo for `max_batch` of them, then scores them at once.

    When a batch fails, its photos are scored one by one: the error reaches only those that are at fault.
    """

    def __init__(self, juror: Juror, max_batch: int, max_delay: float, metrics: ServingMetrics) -> None:
        self._juror, self._metrics = juror, metrics
        self._max_batch, self._max_delay = max_batch, max_delay
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()

    async def score(self, photos: Sequence[Photo]) -> list[float]:
        """Scores of photos, once their turn has come.

        Raises:
            Exception: what the juror raised for the first photo at fault.
        """
        loop = asyncio.get_running_loop()
        waiting = [_Waiting(photo, loop.create_future()) for photo in photos]
        for one in waiting:
            self._queue.put_nowait(one)
        results = await asyncio.gather(*(one.score for one in waiting), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if isinstance(result, float)]

    async def run(self) -> None:
        """Scores incoming photos until it is cancelled."""
        while True:
            batch = await self._next_batch()
            batch = [one for one in batch if not one.score.done()]  # the client may have disconnected
            if not batch:
                continue
            self._metrics.batches.observe(len(batch))
            for one, result in zip(batch, await asyncio.to_thread(self._score, batch), strict=True):
                if one.score.done():
                    continue
                if isinstance(result, float):
                    one.score.set_result(result)
                else:
                    one.score.set_exception(result)

    async def _next_batch(self) -> list[_Waiting]:
        batch = [await self._queue.get()]
        deadline = asyncio.get_running_loop().time() + self._max_delay
        while len(batch) < self._max_batch:
            try:
                async with asyncio.timeout_at(deadline):
                    batch.append(await self._queue.get())
            except TimeoutError:
                break
        return batch

    def _score(self, batch: Sequence[_Waiting]) -> list[float | Exception]:
        try:
            return [float(score) for score in self._juror.score([one.photo for one in batch])]
        except Exception as error:  # whatever it is, it belongs to the request, not to the server
            if len(batch) == 1:
                return [error]
            return [result for one in batch for result in self._score([one])]
