"""Doing nothing."""

from collections.abc import Sequence

import numpy as np

from apsi.env.core import END, EditCore
from apsi.policy.base import Choice, Policy


class Nothing(Policy):
    """Leaves every photo as it is."""

    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        return Choice(np.full(len(active), END, dtype=np.int64), np.zeros(len(active), dtype=np.int64))
