"""The trained agent."""

from collections.abc import Sequence

import numpy as np

from apsi.env.core import EditCore
from apsi.policy.base import Choice, Policy


class Agent(Policy):
    """Takes the action the agent thinks best; sees the observation and nothing else."""

    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        if self.context.predict is None:
            raise ValueError("the policy 'agent' needs a trained agent")
        return Choice(self.context.predict(core.observe(active)), np.zeros(len(active), dtype=np.int64))
