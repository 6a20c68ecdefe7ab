"""The juror contract."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from apsi.photo import Floats, Photo

SCORE_MAX = 10.0
"""Of the best photo; the worst has 0"""
Parameters = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class About:
    """Facts about a juror; the table of jurors in docs/ is made of these."""

    native_range: str
    mapping: str
    """From the native range to [0, 10]"""
    reference: str
    licence: str
    higher_is_better: bool = True
    """Direction of the native score"""
    knows: str = ""
    """What its score answers to, and what not"""


class Juror(ABC):
    """Scores photos; higher is always better. Wrappers (cache, worker pool) are jurors too, so they nest freely."""

    about: ClassVar[About | None] = None
    """None for a wrapper"""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Names model, weights and version: part of every cache key and annotation file."""

    @property
    def tolerance(self) -> float:
        """By how much two scores of one photo may differ between machines and settings; 0: not at all.

        On one machine with one setting they are equal, in any batch and process. A target score counts as reached
        within this tolerance.
        """
        return 0.0

    def warm_up(self) -> None:  # noqa: B027 - most have nothing to load
        """Loads what scoring needs, so that the first batch takes no longer than the next."""

    @abstractmethod
    def score(self, photos: Sequence[Photo]) -> Floats:
        """Scores a batch.

        Args:
            photos: N photos `(H, W, 3)` `uint8` RGB, sizes may differ.

        Returns:
            `(N,)` `float64` in [0, 10]; a photo's score does not depend on the rest of the batch.
        """


class FittedJuror(Juror):
    """A juror whose parameters are learned from good photos before it can score."""

    @property
    @abstractmethod
    def is_fitted(self) -> bool:
        """Whether `score` can be used."""

    @abstractmethod
    def fit(self, photos: Iterable[Photo]) -> None:
        """Learns from good photos; replaces earlier parameters.

        Args:
            photos: maybe more than memory holds; can be gone through more than once.
        """

    @abstractmethod
    def parameters(self) -> Parameters:
        """What was fitted, as named arrays."""

    @abstractmethod
    def load_parameters(self, parameters: Parameters) -> None:
        """Takes over what `parameters` returned."""


def require_scores(scores: Floats, juror: Juror) -> Floats:
    """Returns the scores unchanged, or raises: a score that is not a number in [0, `SCORE_MAX`] is never passed on."""
    bad = ~((scores >= 0) & (scores <= SCORE_MAX))
    if bad.any():
        raise ValueError(
            f"juror {juror.fingerprint} gave {scores[bad][0]} for photo {int(np.argmax(bad))} of its batch"
        )
    return scores
