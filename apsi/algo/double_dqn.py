"""Double deep Q-learning."""

from dataclasses import dataclass

from apsi.algo.dqn import Dqn


@dataclass(frozen=True)
class DoubleDqn(Dqn):
    """DQN in which one network chooses the best action and another values it, against overestimation."""

    double: bool = True
