"""Trying everything one step ahead."""

from collections.abc import Sequence

import numpy as np

from apsi.env.core import END, EditCore
from apsi.policy.base import Choice, Policy


class Greedy(Policy):
    """Scores the outcome of every action and takes the best, until none scores higher than the photo as it is.

    It asks the juror at every step, which the agent does not.
    """

    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        tried = [action for action in range(len(core.actions)) if action != core.actions.stop]
        actions = np.empty(len(active), dtype=np.int64)
        for k, i in enumerate(active):
            scores = self.context.components.juror.score([core.actions[action](core.photos[i]) for action in tried])
            best = int(np.argmax(scores))
            actions[k] = tried[best] if scores[best] > core.scores[i] else END
        # of an action taken, the environment's own scoring is one of those counted here
        calls = len(tried) - (actions != END)
        return Choice(actions, calls)
