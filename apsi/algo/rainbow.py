"""Six improvements of deep Q-learning in one."""

from dataclasses import dataclass
from typing import Literal

from pydantic import PositiveInt

from apsi.algo.dqn import Dqn


@dataclass(frozen=True)
class Rainbow(Dqn):
    """Hessel et al.: "Rainbow: Combining Improvements in Deep Reinforcement Learning", 2018."""

    double: bool = True
    dueling: bool = True
    n_steps: PositiveInt = 3
    prioritized: bool = True
    noisy: bool = True
    distribution: Literal["categorical", "quantile"] | None = "categorical"
