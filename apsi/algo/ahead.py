"""Learning from photos that an algorithm degrades itself, made while it learns from others."""

import copy
import queue
import threading
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback

from apsi.algo.full_information import FullInformationModel
from apsi.episodes.base import EpisodeSource
from apsi.episodes.fresh import FreshEpisodes
from apsi.errors import ApsiError
from apsi.photo import Bools
from apsi.state import State, generator

_AHEAD = 8  # batches made while others are learned from


class OwnPhotosModel(FullInformationModel):
    """Learns from batches that a thread makes ahead; to the source of episodes each photo is one."""

    algo: ClassVar[str]
    """the option, for messages"""
    success_figure: ClassVar[str]
    """name of the share of successes in the record"""

    def __init__(self, *args: Any, updates: int = 1, **kwargs: Any) -> None:
        """Takes what `FullInformationModel` takes, and `updates` of the networks between two checks of milestones."""
        self.updates = updates
        self._batches: Ahead | None = None
        super().__init__(*args, **kwargs)

    @abstractmethod
    def _make(self, source: FreshEpisodes) -> Iterator[tuple[Any, int, State]]:
        """Endless batches: what `_judge` takes, how many photos, the random state of the source after them."""

    @abstractmethod
    def _judge(self, batch: Any) -> tuple[torch.Tensor, Bools]:
        """The loss of a batch, and the successes among its episodes."""

    def _round(self, callback: BaseCallback) -> bool:
        source = self.core.source
        losses, successes = [], []
        for _ in range(self.updates):
            if self._batches is None:
                ahead = copy.copy(source)
                ahead.restore(source.state())  # the thread has random numbers of its own, some batches ahead
                self._batches = Ahead(self._make(own_photos(ahead, self.algo)))
            batch, count, numbers = self._batches.next()
            source.rng = generator(numbers)  # where they stand after the batches that were learned from
            loss, success = self._judge(batch)
            self._descend(loss)
            losses.append(loss.item())
            successes += success.tolist()
            self.ep_success_buffer.extend(success.tolist())  # type: ignore[union-attr]  # made by then
            if source.on_episode_end(success):
                self._finish()  # what was made ahead is of the old kind
            self.num_timesteps += count
            callback.update_locals({"dones": np.ones(count, dtype=bool)})
            if not callback.on_step():
                return False
        self.logger.record("train/loss", float(np.mean(losses)))
        self.logger.record(f"train/{self.success_figure}", float(np.mean(successes)) if successes else 0.0)
        self.logger.record("train/n_updates", self._n_updates)
        return True

    def _finish(self) -> None:
        if self._batches is not None:
            self._batches.close()
            self._batches = None

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_batches"]


def own_photos(source: EpisodeSource, algo: str) -> FreshEpisodes:
    """The source, if an algorithm can degrade its photos itself; else an ApsiError that names one."""
    if not isinstance(source, FreshEpisodes):
        raise ApsiError(f"algo={algo} makes its own photos: add episodes=fresh or episodes=curriculum")
    return source


class Ahead:
    """Takes what an iterator gives in a thread of its own, a few items ahead."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._made: queue.Queue[Any] = queue.Queue(_AHEAD)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(items,), daemon=True, name="apsi-ahead")
        self._thread.start()

    def next(self) -> Any:
        """The next item; raises what the iterator raised."""
        item = self._made.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _run(self, items: Iterator[Any]) -> None:
        try:
            for item in items:
                if not self._put(item):
                    return
        except BaseException as error:  # raised again where it is waited for
            self._put(error)

    def _put(self, item: Any) -> bool:
        """Waits for room; False when nobody will take it any more."""
        while not self._closed.is_set():
            try:
                self._made.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False
