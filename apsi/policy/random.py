"""Random actions."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from apsi.env.core import EditCore
from apsi.policy.base import Choice, Policy, PolicyContext, no_calls


class Random(Policy):
    """Takes any action, each equally likely."""

    without_skill: ClassVar[str] = "edits at random"

    def __init__(self, context: PolicyContext) -> None:
        super().__init__(context)
        self._space = context.components.actions.space
        self._space.seed(int(context.rng.integers(2**31)))

    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        return Choice(np.array([self._space.sample() for _ in active]), no_calls(active))
