"""Dueling deep Q-learning."""

from dataclasses import dataclass

from apsi.algo.dqn import Dqn


@dataclass(frozen=True)
class DuelingDqn(Dqn):
    """Double DQN that tells how good a photo is apart from what each action adds to it."""

    double: bool = True
    dueling: bool = True
