"""People who are made up: with a known taste, and noise, ties, a bias to a side and repeats as real ones have.

They try what is made for people without any: what a model says of them can be held against the truth. Their tastes are
measured in other ways than the features of the model (`apsi.juror.preference_features`), so that it has to find them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from pydantic import NonNegativeFloat

import apsi
from apsi.errors import ApsiError, did_you_mean
from apsi.juror.framed import FramedPhoto
from apsi.photo import Floats, Photo
from apsi.photo.hash import seed_for, value_hash
from apsi.photo.resample import shrunk
from apsi.preference.answer import Answer, Choice
from apsi.preference.pair import Pair
from apsi.types import Fraction

_SIDE = 96  # pixels at which tastes look


def _warm(photo: Photo) -> float:
    """Red less blue."""
    mean = photo.reshape(-1, 3).mean(axis=0)
    return float(mean[0] - mean[2]) / 25


def _busy(photo: Photo) -> float:
    """How much neighbours differ."""
    grey = cv2.cvtColor(np.ascontiguousarray(shrunk(photo, _SIDE)), cv2.COLOR_RGB2GRAY).astype(np.float64)
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()) / 8


def _contrast(photo: Photo) -> float:
    """How far dark and bright are apart."""
    grey = cv2.cvtColor(np.ascontiguousarray(photo), cv2.COLOR_RGB2GRAY)
    low, high = np.percentile(grey, [10, 90])
    return float(high - low) / 60


Taste = Callable[[FramedPhoto], float]
TASTES: Mapping[str, Taste] = {
    "warm_tight": lambda one: _warm(one.photo) - 4 * one.box.area,
    "wide_calm": lambda one: 4 * one.box.area - _busy(one.photo),
    "high_contrast": lambda one: _contrast(one.photo),
}
"""What people like, by name: warm and tight crops, wide and calm ones, high contrast"""


@dataclass(frozen=True)
class SimulatedPerson:
    """Perceives the difference of two versions with logistic noise, and says tie where it is small (Rao, Kupper 1967).

    The defaults say a pair again as before in about three of four cases, tie in about one of seven, and lean to the
    left a little.
    """

    taste: str
    """of `TASTES`"""
    sharpness: NonNegativeFloat = 2.5
    """log-odds of a typical difference within a pair; 0: answers at random"""
    band: NonNegativeFloat = 0.6
    """a perceived difference below this, in log-odds, is a tie"""
    side: float = 0.2
    """log-odds for what stands left"""

    def __post_init__(self) -> None:
        if self.taste not in TASTES:
            raise ApsiError(
                f"taste={self.taste} must be one of {', '.join(TASTES)}.{did_you_mean(self.taste, list(TASTES))}"
            )

    def chances(self, margins: Floats) -> Floats:
        """`(N, 3)`: of left, tie and right.

        Args:
            margins: `(N,)`: utility of what stands left less that of what stands right, in typical differences.
        """
        perceived = self.sharpness * margins + self.side
        left, right = _logistic(perceived - self.band), _logistic(-perceived - self.band)
        return np.column_stack([left, 1 - left - right, right])

    def choose(self, margins: Floats, rng: np.random.Generator) -> list[Choice]:
        """An answer to each of N pairs."""
        chances = self.chances(margins).cumsum(axis=1)
        names: tuple[Choice, ...] = ("left", "tie", "right")
        drawn = (rng.random(len(margins))[:, None] > chances[:, :2]).sum(axis=1)
        return [names[i] for i in drawn]


def _logistic(values: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-values))
    return found


def typical(tastes: Mapping[str, float], pairs: Sequence[Pair]) -> dict[str, float]:
    """Tastes by key of a version, in units of a typical difference within these pairs (root mean square)."""
    apart = np.array([tastes[pair.left.key] - tastes[pair.right.key] for pair in pairs])
    scale = float(np.sqrt((apart**2).mean())) if len(apart) else 0.0
    return {key: value / (scale or 1.0) for key, value in tastes.items()}


def answers_of(
    person: SimulatedPerson,
    pairs: Sequence[Pair],
    tastes: Mapping[str, float],
    *,
    annotator: str,
    repeats: Fraction = 0.1,
    seed: int = 0,
) -> list[Answer]:
    """What a simulated person says to pairs, and again, with sides exchanged, to some of them.

    Args:
        person: who.
        pairs: to what.
        tastes: utility of each version, by its key, in typical differences: `typical`.
        annotator: name under which the answers stand.
        repeats: share of the pairs that are shown twice.
        seed: of noise, sides and repeats.
    """
    rng = np.random.default_rng([seed, seed_for(annotator) % 2**32])
    again = rng.permutation(len(pairs))[: round(repeats * len(pairs))]
    shown = [(pair, False) for pair in pairs] + [(pairs[i], True) for i in again]
    first_left = {pair.id: bool(rng.integers(2)) for pair in pairs}
    is_left = [first_left[pair.id] != repeat for pair, repeat in shown]
    sides = [(p.left.key, p.right.key) if left else (p.right.key, p.left.key) for (p, _), left in zip(shown, is_left)]
    margins = np.array([tastes[left] - tastes[right] for left, right in sides])
    return [
        Answer(
            id=f"sim-{value_hash([annotator, seed, i, pair.id])}",
            pair=pair.id,
            left=left,
            answer=choice,
            milliseconds=int(rng.integers(800, 6000)),
            annotator=annotator,
            time="2000-01-01T00:00:00+00:00",
            apsi=apsi.__version__,
            is_repeat=repeat,
        )
        for i, ((pair, repeat), (left, _), choice) in enumerate(
            zip(shown, sides, person.choose(margins, rng), strict=True)
        )
    ]
