"""The embedded juror: how far a photo's statistics are from those of good photos. Needs no download."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from apsi.errors import ApsiError
from apsi.juror.base import SCORE_MAX, About, FittedJuror, Parameters, require_scores
from apsi.juror.natural_scene_statistics import VERSION, features
from apsi.photo import Floats, Photo


class Naturalness(FittedJuror):
    """NIQE-like juror (Mittal 2013, Zhang 2015): Mahalanobis distance to a Gaussian fitted on undamaged photos.

    The distance d becomes the score 10 / (1 + (d / 2m)^2), with m the median distance of the photos it was fitted on:
    strictly falling, 8 for a typical good photo, towards 0 for unnatural pictures.
    """

    about = About(
        native_range="distance d, from 0",
        mapping="10 / (1 + (d / 2m)²), m the median of the training photos",
        reference="after NIQE (Mittal 2013) and IL-NIQE (Zhang 2015)",
        licence="MIT, part of apsi",
        higher_is_better=False,
        knows="damage that photographs never show: exchanged or inverted channels, shifted parts, noise, "
        "blur; not beauty, and it holds duller photos than good ones for better",
    )

    def __init__(self) -> None:
        self._mean: Floats = np.empty(0)
        self._whiten: Floats = np.empty((0, 0))
        self._median = 0.0

    @property
    def is_fitted(self) -> bool:
        return self._mean.size > 0

    @property
    def fingerprint(self) -> str:
        if not self.is_fitted:
            return f"naturalness-{VERSION}-unfitted"
        digest = hashlib.sha256()
        for name, values in sorted(self.parameters().items()):
            digest.update(name.encode() + np.ascontiguousarray(values).tobytes())
        return f"naturalness-{VERSION}-{digest.hexdigest()[:12]}"

    def fit(self, photos: Iterable[Photo]) -> None:
        from sklearn.covariance import LedoitWolf

        rows = [features(photo) for photo in photos]
        if len(rows) < 2:
            raise ApsiError(f"juror=naturalness is fitted on at least 2 photos, the training split has {len(rows)}")
        values = np.stack(rows)
        mean, spread = values.mean(axis=0), values.std(axis=0) + 1e-2
        covariance = LedoitWolf().fit((values - mean) / spread).covariance_
        # precision = L L^T, so that the distance is the length of one matrix product
        self._whiten = np.linalg.cholesky(np.linalg.inv(covariance + 1e-6 * np.eye(len(mean)))) / spread[:, None]
        self._mean = mean
        self._median = float(np.median([self._distance(row) for row in values]))

    def parameters(self) -> Parameters:
        return {"mean": self._mean, "whiten": self._whiten, "median": np.array(self._median)}

    def load_parameters(self, parameters: Parameters) -> None:
        mean, whiten, median = parameters["mean"], parameters["whiten"], float(parameters["median"])
        if whiten.shape != (mean.size, mean.size) or median <= 0:
            raise ApsiError("these parameters are not those of a fitted naturalness juror; prepare the data again")
        self._mean, self._whiten, self._median = mean, whiten, median

    def distances(self, photos: Sequence[Photo]) -> Floats:
        """Mahalanobis distances `(N,)` to the good photos.

        Raises:
            ApsiError: not fitted yet.
        """
        if not self.is_fitted:
            raise ApsiError("juror=naturalness scores only after it was fitted; run task=preprocess first")
        return np.array([self._distance(features(photo)) for photo in photos], dtype=np.float64)

    def score(self, photos: Sequence[Photo]) -> Floats:
        return require_scores(SCORE_MAX / (1 + (self.distances(photos) / (2 * self._median)) ** 2), self)

    def _distance(self, values: Floats) -> float:
        if values.shape != self._mean.shape:
            raise ApsiError("this naturalness juror was fitted by another version of apsi; prepare the data again")
        # one row at a time: a matrix product of many rows rounds differently for different batch sizes
        return float(np.linalg.norm((values - self._mean) @ self._whiten))
