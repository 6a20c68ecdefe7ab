"""Deep Q-learning of the distribution of returns."""

from dataclasses import dataclass
from typing import Literal

from apsi.algo.dqn import Dqn


@dataclass(frozen=True)
class Qrdqn(Dqn):
    """Quantile-regression DQN (Dabney et al. 2018)."""

    distribution: Literal["categorical", "quantile"] | None = "quantile"
