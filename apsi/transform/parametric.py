"""Continuous actions: the strengths of several adjustments at once."""

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from apsi.errors import ApsiError, did_you_mean
from apsi.photo import Bools
from apsi.transform.action_set import ActionSet, NoNumberError
from apsi.transform.adjust import ADJUSTMENTS, Adjust
from apsi.transform.base import STOP_LABEL
from apsi.transform.recipe import Recipe

_END = -np.inf
"""END is an action of such numbers: not NaN, which is what a diverged network gives, and no strength either"""


class ParametricActions(ActionSet):
    """An action is a vector of strengths in [-1, 1], one for each adjustment, all applied in order in one step.

    Where the environment has STOP, a last number above 0.5 means it.
    """

    space: gymnasium.spaces.Box

    def __init__(self, adjustments: list[str], reach: float, dead_zone: float, stop: bool = False) -> None:
        """Looks the adjustments up.

        Args:
            adjustments: their names without repetition, in the order in which they are applied.
            reach: strength of an adjustment at 1, in (0, 1].
            dead_zone: an adjustment weaker than this, in [0, 1), is left out.
            stop: whether STOP follows as the last number.

        Raises:
            ApsiError: an unknown or repeated name, none, or a number out of range.
        """
        for name in adjustments:
            if name not in ADJUSTMENTS:
                raise ApsiError(
                    f"transform.adjustments: unknown '{name}'.{did_you_mean(name, ADJUSTMENTS)} "
                    f"Known: {', '.join(ADJUSTMENTS)}."
                )
        if not adjustments or len(set(adjustments)) < len(adjustments):
            raise ApsiError(f"transform.adjustments={adjustments} must name one or more, each once")
        if not 0 < reach <= 1 or not 0 <= dead_zone < 1:
            raise ApsiError(f"transform.reach={reach} must be in (0, 1], transform.dead_zone={dead_zone} in [0, 1)")
        self.names, self.reach, self._dead_zone, self._has_stop = adjustments, reach, dead_zone, stop
        self.space = gymnasium.spaces.Box(-1, 1, (len(adjustments) + stop,), np.float32)

    @property
    def labels(self) -> list[str]:
        return [*self.names, *[STOP_LABEL] * self._has_stop]

    def recipe(self, action: Any) -> Recipe:
        strengths = zip(self.names, np.clip(action, -1, 1).tolist(), strict=False)  # a further number is STOP
        return Recipe(tuple(Adjust(name, self.reach * s) for name, s in strengths if abs(s) > self._dead_zone))

    def of_strengths(self, strengths: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The action of one strength for each adjustment; it does not stop."""
        return np.array([*strengths, *[-1.0] * self._has_stop], np.float32)

    def scaled(self, actions: npt.NDArray[Any], factor: float) -> npt.NDArray[np.float32]:
        """Actions `(n, ...)` with all strengths multiplied by a factor in [0, 1]; STOP stays what it is."""
        if factor == 1:
            return actions
        changed = actions.copy()
        changed[:, : len(self.names)] *= factor
        return changed

    def end(self, n: int) -> npt.NDArray[np.float32]:
        return np.full((n, *self.space.shape), _END, np.float32)

    def one(self, action: Any) -> npt.NDArray[np.float32]:
        try:
            value = np.asarray(action, np.float32)
        except (TypeError, ValueError) as error:
            raise self._unknown(action) from error
        if value.shape != self.space.shape or not (np.abs(value) <= 1).all():  # NaN is neither
            raise self._unknown(action)
        return value[None]

    def require_valid(self, actions: npt.NDArray[Any]) -> None:
        wrong = np.isnan(actions).any(axis=1)
        if wrong.any():
            raise NoNumberError(str(self._unknown(actions[wrong][0])))

    def _unknown(self, action: Any) -> ApsiError:
        return ApsiError(
            f"{action!r} is no action: it must be {len(self.labels)} numbers from -1 to 1 ({', '.join(self.labels)})"
        )

    def stops(self, actions: npt.NDArray[Any]) -> Bools:
        ended: Bools = (actions == _END).all(axis=1)
        return ended | (actions[:, -1] > 0.5) if self._has_stop else ended

    @property
    def n_features(self) -> int:
        return int(self.space.shape[0])

    def features(self, actions: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        numbers = np.where(np.isfinite(actions), actions, 0)  # older checkpoints have NaN for END
        features: npt.NDArray[np.float32] = np.clip(numbers, -1, 1).astype(np.float32)
        return features
