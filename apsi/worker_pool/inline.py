"""Scoring in this process."""

from collections.abc import Sequence

from apsi.juror.base import Juror
from apsi.juror.framed import FramedPhoto
from apsi.photo import Floats, Photo
from apsi.worker_pool.base import WorkerPool


class InlinePool(WorkerPool):
    """Runs the juror in the calling thread."""

    def __init__(self, juror: Juror) -> None:
        self._juror = juror

    @property
    def fingerprint(self) -> str:
        return self._juror.fingerprint

    @property
    def tolerance(self) -> float:
        return self._juror.tolerance

    def warm_up(self) -> None:
        self._juror.warm_up()

    @property
    def sees_frame(self) -> bool:
        return self._juror.sees_frame

    def score(self, photos: Sequence[Photo]) -> Floats:
        return self._juror.score(photos)

    def score_framed(self, framed: Sequence[FramedPhoto]) -> Floats:
        return self._juror.score_framed(framed) if self.sees_frame else super().score_framed(framed)
