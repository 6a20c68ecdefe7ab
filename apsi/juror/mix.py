"""Several jurors as one."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from apsi.errors import ApsiError, did_you_mean
from apsi.juror.base import SCORE_MAX, About, FittedJuror, Juror, Parameters, require_scores
from apsi.juror.framed import FramedPhoto
from apsi.photo import Floats, Photo
from apsi.photo.hash import value_hash


class Mix(FittedJuror):
    """Weighted mean of jurors, each on its scale from 0 to 10.

    Args:
        jurors: name to juror.
        weights: name to weight, not negative; only their proportions count.
    """

    about = About(
        native_range="[0, 10]",
        mapping="weighted mean of the scores of its jurors",
        reference="part of apsi",
        licence="those of its jurors",
        knows="what its jurors know",
    )

    def __init__(self, jurors: dict[str, Juror], weights: dict[str, float]) -> None:
        for name in weights.keys() ^ jurors.keys():
            raise ApsiError(f"juror=mix: '{name}' is not in both, jurors and weights.{did_you_mean(name, jurors)}")
        total = sum(weights.values())
        if total <= 0 or min(weights.values()) < 0:
            raise ApsiError(f"juror.weights={weights} must not be negative, and not all 0")
        self.jurors = jurors
        self.weights = {name: weight / total for name, weight in weights.items()}

    @property
    def fingerprint(self) -> str:
        parts = {name: [juror.fingerprint, self.weights[name]] for name, juror in self.jurors.items()}
        return f"mix-{value_hash(parts)}"

    @property
    def tolerance(self) -> float:
        return sum(self.weights[name] * juror.tolerance for name, juror in self.jurors.items())

    @property
    def reservation(self) -> str:
        return next((juror.reservation for juror in self.jurors.values() if juror.reservation), "")

    def warm_up(self) -> None:
        for juror in self.jurors.values():
            juror.warm_up()

    @property
    def sees_frame(self) -> bool:
        return any(juror.sees_frame for juror in self.jurors.values())

    def pooled(self, open_pool: Callable[[Juror], Juror]) -> Juror:
        if not self.sees_frame:
            return open_pool(self)
        return Mix({name: juror.pooled(open_pool) for name, juror in self.jurors.items()}, self.weights)

    def parts(self, framed: Sequence[FramedPhoto]) -> dict[str, Floats]:
        """The scores `(N,)` of each juror by its name."""
        return {name: juror.score_framed(framed) for name, juror in self.jurors.items()}

    def score(self, photos: Sequence[Photo]) -> Floats:
        return self.score_framed([FramedPhoto(photo) for photo in photos])

    def score_framed(self, framed: Sequence[FramedPhoto]) -> Floats:
        parts = self.parts(framed)
        weighted = [self.weights[name] * scores for name, scores in parts.items()]
        return require_scores(np.clip(np.sum(weighted, axis=0), 0, SCORE_MAX), self)  # rounding may pass it by a little

    @property
    def is_fitted(self) -> bool:
        return all(juror.is_fitted for juror in self._fitted().values())

    def fit(self, photos: Iterable[Photo]) -> None:
        for juror in self._fitted().values():
            juror.fit(photos)

    def parameters(self) -> Parameters:
        return {
            f"{name}.{key}": values
            for name, juror in self._fitted().items()
            for key, values in juror.parameters().items()
        }

    def load_parameters(self, parameters: Parameters) -> None:
        for name, juror in self._fitted().items():
            prefix = f"{name}."
            own = {key.removeprefix(prefix): values for key, values in parameters.items() if key.startswith(prefix)}
            juror.load_parameters(own)

    def _fitted(self) -> dict[str, FittedJuror]:
        return {name: juror for name, juror in self.jurors.items() if isinstance(juror, FittedJuror)}


def described(juror: Juror) -> tuple[str, str]:
    """Its name, of a mix those of all its jurors, and what it knows, of a mix what the weightiest of them does."""
    if isinstance(juror, Mix):
        weightiest = max(juror.weights, key=lambda name: juror.weights[name])
        return ", ".join(juror.jurors), described(juror.jurors[weightiest])[1]
    return type(juror).__name__.lower(), juror.about.knows if juror.about else ""
