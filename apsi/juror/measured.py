"""Taking the time of a juror."""

import time
from collections.abc import Sequence

from apsi.juror.base import Juror
from apsi.juror.framed import FramedPhoto
from apsi.monitoring.metrics import Metrics
from apsi.photo import Floats, Photo


class MeasuredJuror(Juror):
    """Another juror, usually a worker pool; counts its photos and calls and how long they take.

    Args:
        juror: what scores.
        metrics: where that is counted.
    """

    def __init__(self, juror: Juror, metrics: Metrics) -> None:
        self._juror, self._metrics = juror, metrics

    @property
    def fingerprint(self) -> str:
        return self._juror.fingerprint

    @property
    def tolerance(self) -> float:
        return self._juror.tolerance

    @property
    def reservation(self) -> str:
        return self._juror.reservation

    @property
    def sees_frame(self) -> bool:
        return self._juror.sees_frame

    def warm_up(self) -> None:
        self._juror.warm_up()

    def score(self, photos: Sequence[Photo]) -> Floats:
        return self.score_framed([FramedPhoto(photo) for photo in photos])

    def score_framed(self, framed: Sequence[FramedPhoto]) -> Floats:
        metrics, began = self._metrics, time.perf_counter()
        metrics.scoring.inc(len(framed))
        try:
            scores = self._juror.score_framed(framed)
        finally:
            metrics.scoring.dec(len(framed))
        metrics.score_seconds.observe(time.perf_counter() - began)
        metrics.scored.inc(len(framed))
        return scores
