"""The same edit for every photo: what a button in any program does."""

from collections.abc import Sequence

from apsi.env.core import EditCore
from apsi.policy.base import Choice, Policy, PolicyContext, no_calls
from apsi.transform.recipe import Recipe


class Fixed(Policy):
    """Plays one transform of the catalogue, whether or not it is an action, and stops."""

    def __init__(self, context: PolicyContext, label: str) -> None:
        """Looks the transform up.

        Args:
            context: with any actions.
            label: of the transform.

        Raises:
            ApsiError: there is none.
        """
        super().__init__(context)
        self._recipe = Recipe.of([label])

    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        begun = {i: self._recipe for i in active if core.steps[i] == 0}
        return Choice(core.actions.end(len(active)), no_calls(active), begun)
