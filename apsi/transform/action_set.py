"""What an agent can do: one transform an action, or the strengths of several adjustments at once."""

from abc import ABC, abstractmethod
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from apsi.errors import ApsiError
from apsi.photo import Bools, Ints
from apsi.transform.base import STOP_LABEL, Transform
from apsi.transform.catalogue import by_label
from apsi.transform.channel_group import Element
from apsi.transform.recipe import Recipe

END = -1
"""Ends an episode as it is without an action: what a policy that is done says where the agent has no STOP."""


class NoNumberError(ApsiError):
    """An action that is no number, as networks give it whose training has diverged."""


class ActionSet(ABC):
    """What the actions of an agent mean; arrays of actions have one row an episode."""

    space: gymnasium.Space[Any]

    @property
    @abstractmethod
    def labels(self) -> list[str]:
        """What the agent can do, in the order of its outputs, STOP included."""

    @abstractmethod
    def recipe(self, action: Any) -> Recipe:
        """The transforms of one action that is not STOP."""

    @abstractmethod
    def end(self, n: int) -> npt.NDArray[Any]:
        """`n` times END."""

    @abstractmethod
    def one(self, action: Any) -> npt.NDArray[Any]:
        """An action from outside as an array `(1, ...)`.

        Raises:
            ApsiError: it is none of this set; the message says what is.
        """

    @abstractmethod
    def require_valid(self, actions: npt.NDArray[Any]) -> None:
        """Refuses actions, one row an episode, that mean nothing.

        Raises:
            ApsiError: the first of them, a `NoNumberError` where it is NaN.
        """

    @abstractmethod
    def stops(self, actions: npt.NDArray[Any]) -> Bools:
        """Which are STOP or END, `(n,)`."""

    @property
    @abstractmethod
    def n_features(self) -> int:
        """Length of `features` for one action."""

    @abstractmethod
    def features(self, actions: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Actions as observations in [-1, 1], `(n, n_features)`; zeros for END."""

    def masks(self, last: npt.NDArray[Any]) -> Bools:
        """Which actions make sense after these, `(n, A)`: all but what undoes them; only discrete ones have masks."""
        raise ApsiError("only discrete actions can be masked: choose another algo, or a transform option with labels")


class DiscreteActions(ActionSet):
    """One transform for each action, in a fixed order; the last is STOP where the environment has one."""

    space: gymnasium.spaces.Discrete

    def __init__(self, labels: list[str], stop: bool = False) -> None:
        """Looks the transforms up by their labels.

        Args:
            labels: labels of transforms without repetition, in action order.
            stop: whether STOP follows as the last action.

        Raises:
            ApsiError: an unknown or repeated label, or none.
        """
        if not labels:
            raise ApsiError("transform.labels is empty: an agent needs at least one action")
        if len(set(labels)) < len(labels) or STOP_LABEL in labels:
            raise ApsiError(
                f"transform.labels must name each transform once, and not STOP (env.stop adds it): {labels}"
            )
        self.transforms = tuple(by_label(label) for label in labels)
        self.stop = len(labels) if stop else None
        self.space = gymnasium.spaces.Discrete(len(labels) + stop)
        self._recipes = tuple(Recipe((transform,)) for transform in self.transforms)
        masks = [[not _undoes(b, a) for b in self.transforms] + [True] * stop for a in self.transforms]
        self._masks = np.array([*masks, [True] * len(self)])
        self._masks[~self._masks.any(axis=1)] = True

    @property
    def mirrored(self) -> Ints | None:
        """For each action the one that does the same to a mirrored photo, `(A,)`; None where one has none."""
        places = {transform.label: i for i, transform in enumerate(self.transforms)}
        found = [places.get(transform.mirrored.label) for transform in self.transforms]
        if None in found:
            return None
        return np.array([*found, *range(len(found), len(self))], dtype=np.int64)

    @property
    def labels(self) -> list[str]:
        return [transform.label for transform in self.transforms] + [STOP_LABEL] * (self.stop is not None)

    def __len__(self) -> int:
        return int(self.space.n)

    def recipe(self, action: Any) -> Recipe:
        return self._recipes[int(action)]

    def end(self, n: int) -> Ints:
        return np.full(n, END, dtype=np.int64)

    def one(self, action: Any) -> Ints:
        value = np.asarray(action)
        if value.size != 1 or value.dtype.kind not in "iu" or not 0 <= value.item() < len(self):
            raise self._unknown(action)
        return value.reshape(1).astype(np.int64)

    def require_valid(self, actions: npt.NDArray[Any]) -> None:
        unknown = ~((actions >= 0) & (actions < len(self)) | (actions == END))
        if unknown.any():
            raise self._unknown(actions[unknown][0])

    def _unknown(self, action: Any) -> ApsiError:
        known = ", ".join(f"{i} {label}" for i, label in enumerate(self.labels))
        return ApsiError(f"{action!r} is no action: it must be a whole number from 0 to {len(self) - 1} ({known})")

    def stops(self, actions: npt.NDArray[Any]) -> Bools:
        ended: Bools = (actions == END) | (actions == (END if self.stop is None else self.stop))
        return ended

    @property
    def n_features(self) -> int:
        return len(self)

    def features(self, actions: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        features: npt.NDArray[np.float32] = (actions[:, None] == np.arange(len(self))).astype(np.float32)
        return features

    def masks(self, last: npt.NDArray[Any]) -> Bools:
        masks: Bools = self._masks[np.where(self.stops(last), len(self.transforms), last)]
        return masks


def _undoes(after: Transform, before: Transform) -> bool:
    """Whether two transforms in a row do nothing.

    By the composition rules, a shift by half undoes itself at any size: where a side is odd, two of them move the photo
    by one pixel, which no degradation does and no agent needs, so that what makes sense is the same for all photos.
    """
    if after.element is None or before.element is None:
        return after == before.inverse
    return before.element.then(after.element) == Element()


def require_discrete(actions: ActionSet, what: str) -> DiscreteActions:
    """The actions, if they are discrete.

    Raises:
        ApsiError: they are continuous; the message names the options that would do.
    """
    if not isinstance(actions, DiscreteActions):
        raise ApsiError(
            f"{what} needs discrete actions: choose transform=reversible, sensible, full or your own labels"
        )
    return actions
