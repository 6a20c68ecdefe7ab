"""Trying everything one step ahead."""

from collections.abc import Sequence

import numpy as np

from apsi.env.core import EditCore
from apsi.policy.base import Choice, Policy
from apsi.transform.action_set import END, require_discrete


class Greedy(Policy):
    """Scores the outcome of every action and takes the best, until none scores higher than the photo as it is.

    It calls the juror at every step, which the agent does not.
    """

    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        n_edits = len(require_discrete(core.actions, "policy=greedy").transforms)
        actions = np.empty(len(active), dtype=np.int64)
        for k, i in enumerate(active):
            scores = self.context.components.juror.score_framed(
                [outcome.framed for outcome in core.edits[i].outcomes()]
            )
            best = int(np.argmax(scores))
            actions[k] = best if scores[best] > core.scores[i] else END
        # the environment scores the outcome of the action taken, which is one of those counted here
        return Choice(actions, n_edits - (actions != END))
