"""Doing nothing."""

from collections.abc import Sequence
from typing import ClassVar

from apsi.env.core import EditCore
from apsi.policy.base import Choice, Policy, no_calls


class Nothing(Policy):
    """Leaves every photo as it is."""

    without_skill: ClassVar[str] = "leaving photos alone"

    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        return Choice(core.actions.end(len(active)), no_calls(active))
