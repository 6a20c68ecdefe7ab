"""The memory of Q-learners: transitions of Stable-Baselines3's replay buffers, as n-step returns and by priority."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.buffers import DictReplayBuffer, ReplayBuffer
from stable_baselines3.common.type_aliases import PyTorchObs
from stable_baselines3.common.vec_env import VecNormalize

from apsi.algo.sum_tree import SumTree
from apsi.photo import Floats, Ints
from apsi.state import State, fill

_LEAST = 1e-6  # added to every error, so that no transition is never drawn again


class Batch(NamedTuple):
    """Transitions to learn from, each `(B, 1)` but the observations and weights."""

    observations: PyTorchObs
    actions: torch.Tensor
    next_observations: PyTorchObs
    """`n_steps` later, or where the episode ended before"""
    dones: torch.Tensor
    """1 where nothing follows; an episode that was only cut off is none of these"""
    rewards: torch.Tensor
    """discounted sum of the rewards on the way"""
    discounts: torch.Tensor
    """of what follows: gamma to the power of the steps on the way"""
    weights: torch.Tensor | None
    """`(B,)`, at most 1: by how much each counts; None: all alike"""


class Steps(NamedTuple):
    """What came of transitions within some steps, each `(B,)`."""

    rewards: npt.NDArray[np.float32]
    discounts: npt.NDArray[np.float32]
    rows: Ints
    """the row of the last step"""
    dones: npt.NDArray[np.float32]


def add_steps(buffer: ReplayBuffer, rows: Ints, envs: Ints, n_steps: int, gamma: float) -> Steps:
    """Sums the rewards of up to `n_steps` transitions of the same episode, from these on.

    A sum ends with the episode, whether that is over or cut off, and with the newest transition of the memory: behind
    it comes the oldest one, of another episode (Sutton, Barto: "Reinforcement Learning", 2018, equation 7.1).

    Args:
        buffer: a row a step, with a column for each environment.
        rows: `(B,)`.
        envs: their columns.
        n_steps: at least 1.
        gamma: discount.
    """
    ahead = np.arange(n_steps)
    window = (rows[:, None] + ahead) % buffer.buffer_size
    newest = (buffer.pos - 1) % buffer.buffer_size
    ends = (buffer.dones[window, envs[:, None]] > 0) | (buffer.timeouts[window, envs[:, None]] > 0) | (window == newest)
    last = np.where(ends.any(axis=1), ends.argmax(axis=1), n_steps - 1)
    powers = np.float32(gamma) ** ahead.astype(np.float32)
    rewards = buffer.rewards[window, envs[:, None]] * np.where(ahead <= last[:, None], powers, 0)
    ended = window[np.arange(len(rows)), last]
    done = buffer.dones[ended, envs] * (1 - buffer.timeouts[ended, envs])
    return Steps(rewards.sum(axis=1, dtype=np.float32), np.float32(gamma) ** (last + 1).astype(np.float32), ended, done)


class Priorities:
    """How often transitions are drawn: in proportion to (error + a little) to the power of `alpha`, new ones as the
    highest.

    Schaul et al. 2016, section 3.3, the proportional variant, one draw from each of as many equal parts of the sum.
    """

    def __init__(self, cells: int, alpha: float) -> None:
        """Takes the number of transitions that there is room for, and how much errors count; 0: not at all."""
        self._tree, self._alpha = SumTree(cells), alpha
        self._highest = 1.0
        self.beta = 1.0
        """how much of the bias by unequal drawing the weights take away, in [0, 1]"""

    def begin(self, cells: Ints) -> None:
        """Gives transitions that were not learned from yet the highest priority so far."""
        self._tree.set(cells, np.full(len(cells), self._highest))

    def update(self, cells: Ints, errors: Floats) -> None:
        """Takes note of the absolute errors `(n,)` of transitions."""
        priorities = (errors + _LEAST) ** self._alpha
        self._highest = max(self._highest, float(priorities.max()))
        self._tree.set(cells, priorities)

    def draw(self, count: int, filled: int) -> tuple[Ints, npt.NDArray[np.float32]]:
        """Draws transitions out of the `filled` first cells, and gives their weights, the largest of which is 1.

        The random numbers are NumPy's, as in Stable-Baselines3.
        """
        parts = (np.arange(count) + np.random.random(count)) / count
        cells = self._tree.find(parts * self._tree.total)
        shares = self._tree.of(cells) / self._tree.total
        weights = (filled * shares) ** -self.beta
        return cells, (weights / weights.max()).astype(np.float32)

    def state(self, filled: int) -> State:
        """Priorities of the `filled` first cells."""
        return {"priorities": self._tree.of(np.arange(filled)), "highest": self._highest}

    def restore(self, state: State, filled: int) -> None:
        """Draws as the one with this state, of so many transitions, would.

        Raises:
            KeyError, TypeError, ValueError: it does not fit.
        """
        priorities = np.zeros(filled)
        fill(priorities, state["priorities"])
        if not (priorities >= 0).all():
            raise ValueError("a priority is negative or no number")
        if filled:
            self._tree.set(np.arange(filled), priorities)
        self._highest = float(state["highest"])


class _Drawing:
    """What both replay buffers of Q-learners do in another way than Stable-Baselines3's."""

    def __init__(self: Any, *args: Any, n_steps: int, gamma: float, alpha: float | None, **kwargs: Any) -> None:
        """Takes what Stable-Baselines3's take, and:

        Args:
            args: of the replay buffer.
            n_steps: of returns.
            gamma: discount.
            alpha: of `Priorities`; None: all transitions are drawn alike.
            kwargs: of the replay buffer.
        """
        super().__init__(*args, **kwargs)
        self._n_steps, self._gamma = n_steps, gamma
        self.priorities = None if alpha is None else Priorities(self.buffer_size * self.n_envs, alpha)
        self._drawn: Ints | None = None

    def add(self: Any, *args: Any, **kwargs: Any) -> None:
        """Remembers a transition of each environment."""
        if self.priorities is not None:
            self.priorities.begin(self.pos * self.n_envs + np.arange(self.n_envs))
        super().add(*args, **kwargs)  # type: ignore[misc]  # the buffer's

    def sample(self: Any, batch_size: int, env: VecNormalize | None = None) -> Batch:
        """Draws transitions; `env` is there for Stable-Baselines3, as nothing is normalised."""
        weights = None
        if self.priorities is None:  # the same random numbers as in Stable-Baselines3
            rows = np.random.randint(0, self.size(), size=batch_size)
            envs = np.random.randint(0, self.n_envs, size=batch_size)
        else:
            self._drawn, weights = self.priorities.draw(batch_size, self.size() * self.n_envs)
            rows, envs = np.divmod(self._drawn, self.n_envs)
        steps = add_steps(self, rows, envs, self._n_steps, self._gamma)
        return Batch(
            self._tensors(self.observations, rows, envs),
            self.to_torch(self.actions[rows, envs]),
            self._tensors(self.next_observations, steps.rows, envs),
            self.to_torch(steps.dones[:, None]),
            self.to_torch(steps.rewards[:, None]),
            self.to_torch(steps.discounts[:, None]),
            None if weights is None else self.to_torch(weights),
        )

    def update(self: Any, errors: torch.Tensor) -> None:
        """Takes note of the absolute errors `(B,)` of the batch that was drawn last."""
        if self.priorities is not None:
            self.priorities.update(self._drawn, errors.detach().cpu().numpy().astype(np.float64))

    def _tensors(self: Any, values: Any, rows: Ints, envs: Ints) -> Any:
        if isinstance(values, dict):
            return {name: self.to_torch(array[rows, envs]) for name, array in values.items()}
        return self.to_torch(values[rows, envs])


class Replay(_Drawing, ReplayBuffer):  # type: ignore[misc]  # its batches have weights too
    """Of photos."""


class DictReplay(_Drawing, DictReplayBuffer):  # type: ignore[misc]  # likewise
    """Of photos and extras."""
