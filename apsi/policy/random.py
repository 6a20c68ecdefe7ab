"""Guessing."""

from collections.abc import Sequence

import numpy as np

from apsi.env.core import EditCore
from apsi.policy.base import Choice, Policy


class Random(Policy):
    """Takes any action, each equally likely."""

    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        actions = self.context.rng.integers(len(core.actions), size=len(active))
        return Choice(actions, np.zeros(len(active), dtype=np.int64))
