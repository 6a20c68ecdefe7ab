"""The juror contract."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from apsi.juror.framed import FramedPhoto, photos_of
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
    def sees_frame(self) -> bool:
        """Whether a score depends on what a photo was cut from; such jurors score by `score_framed`."""
        return False

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Names model, weights and version: part of every cache key and annotation file."""

    @property
    def tolerance(self) -> float:
        """By how much two scores of one photo may differ between machines and settings; 0: not at all.

        On one machine with one setting they are equal, in any batch and process. A target score counts as reached
        within this tolerance, and a photo as better than at the start beyond it.
        """
        return 0.0

    @property
    def reservation(self) -> str:
        """Why an agent that has learned already should not go on learning from it; empty: it may."""
        return ""

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

    def score_framed(self, framed: Sequence[FramedPhoto]) -> Floats:
        """Scores photos of which it is known what they were cut from; by default that does not matter.

        Returns:
            `(N,)`, as `score`.
        """
        return self.score(photos_of(framed))

    def pooled(self, open_pool: "Callable[[Juror], Juror]") -> "Juror":
        """The same juror, scoring in a pool of workers that is opened here; those that take no time stay outside."""
        return open_pool(self)


class FramingJuror(Juror):
    """A juror of crops: it looks at the whole photo and at the part that is left of it.

    It takes a millisecond, and stays in this process whatever the worker pool is.
    """

    @property
    def sees_frame(self) -> bool:
        return True

    def score(self, photos: Sequence[Photo]) -> Floats:
        return self.score_framed([FramedPhoto(photo) for photo in photos])

    @abstractmethod
    def score_framed(self, framed: Sequence[FramedPhoto]) -> Floats: ...

    @property
    @abstractmethod
    def part_names(self) -> tuple[str, ...]:
        """What `parts` holds."""

    @abstractmethod
    def parts(self, framed: Sequence[FramedPhoto]) -> dict[str, Floats]:
        """What the score is made of, each `(N,)`, by name."""

    def pooled(self, open_pool: Callable[[Juror], Juror]) -> Juror:
        return self


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
