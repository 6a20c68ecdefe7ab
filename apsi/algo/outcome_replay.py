"""Learning from what came of every action at visited states: the memory, the exploring and the updates."""

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import NonNegativeInt, PositiveInt
from stable_baselines3.common.callbacks import BaseCallback

from apsi.algo.full_information import FullInformation, FullInformationModel
from apsi.env.core import Lookahead
from apsi.photo import Ints
from apsi.state import State, fill, generator, generator_state
from apsi.transform.action_set import require_discrete
from apsi.types import Fraction

Rows = dict[str, npt.NDArray[Any]]
"""What is remembered of states, by name; a row a state"""


class OutcomeReplayModel(FullInformationModel):
    """Tries every action at each state it visits, remembers what came of it, and learns from the memory."""

    def __init__(
        self,
        *args: Any,
        buffer_size: int = 1,
        learning_starts: int = 1,
        gradient_steps: int = 1,
        mirror: bool = True,
        exploration_initial_eps: float = 0.0,
        exploration_final_eps: float = 0.0,
        **kwargs: Any,
    ) -> None:
        """Takes what `FullInformationModel` takes, and:

        Args:
            args: of `FullInformationModel`.
            buffer_size: states that are remembered with what came of every action.
            learning_starts: states before the first update.
            gradient_steps: updates after each step of the environments.
            mirror: whether states are mirrored every other time, with the same targets; of actions that tell left from
                right, those of the mirrored ones.
            exploration_initial_eps: share of random actions at the start of training.
            exploration_final_eps: and at its end.
            kwargs: of `FullInformationModel`.
        """
        self.buffer_size, self.learning_starts = buffer_size, learning_starts
        self.gradient_steps, self.mirror = gradient_steps, mirror
        self.eps = exploration_initial_eps, exploration_final_eps
        self._filled = self._next = 0
        super().__init__(*args, **kwargs)

    @abstractmethod
    def _empty_memory(self) -> Rows:
        """Room for what `_outcomes` gives, `buffer_size` rows each."""

    @abstractmethod
    def _outcomes(self, lookahead: Lookahead) -> Rows:
        """What came of every action at the present states."""

    @abstractmethod
    def _loss(self, photos: npt.NDArray[np.uint8], chosen: Ints, same: Ints) -> torch.Tensor:
        """Of remembered states.

        Args:
            photos: `(B, 3, h, w)`, as they are or mirrored.
            chosen: their rows in the memory, `(B,)`.
            same: for each action the one that was tried and does the same, another only where a photo is mirrored and
                the action tells left from right, `(B, A)`.
        """

    def _setup_model(self) -> None:
        super()._setup_model()
        self._rng = np.random.default_rng(self.seed)
        self._memory = {"observations": self._room(*(self.observation_space.shape or ()), dtype=np.uint8)}
        self._memory |= self._empty_memory()

    def _room(self, *shape: int, dtype: type[np.generic] = np.float32) -> npt.NDArray[Any]:
        return np.zeros((self.buffer_size, *shape), dtype)

    @cached_property
    def _mirrored(self) -> Ints | None:
        return require_discrete(self.core.actions, "learning from the outcomes of all actions").mirrored

    @property
    def _n_actions(self) -> int:
        return int(self.action_space.n)  # type: ignore[attr-defined]  # Discrete

    def _round(self, callback: BaseCallback) -> bool:
        core, env = self.core, self.env
        assert env is not None
        here = core.observe()
        assert isinstance(here, np.ndarray)  # `FullInformation` refuses others
        outcomes = self._outcomes(core.look_ahead())
        self._remember({"observations": here, **outcomes})
        actions = self._choose(here, outcomes)
        _, _, dones, infos = env.step(actions)
        self._update_info_buffer(infos, dones)
        self.num_timesteps += env.num_envs
        callback.update_locals(locals())
        if not callback.on_step():
            return False
        if self._filled >= min(self.learning_starts, self.buffer_size):
            self.policy.set_training_mode(True)
            losses = [self._learn_from_memory() for _ in range(self.gradient_steps)]
            self.logger.record("train/loss", float(np.mean(losses)))
            self.logger.record("train/n_updates", self._n_updates)
            self.logger.record("rollout/exploration_rate", self._exploration_rate)
        self.logger.record("train/replay_size", self._filled)
        return True

    @property
    def _exploration_rate(self) -> float:
        return self.eps[1] + (self.eps[0] - self.eps[1]) * self._current_progress_remaining

    def _choose(self, observations: npt.NDArray[np.uint8], outcomes: Rows) -> npt.NDArray[np.int64]:
        """What to do at the present states, exploring."""
        actions: npt.NDArray[np.int64] = self._q(observations).argmax(axis=1)
        explores = self._rng.random(len(actions)) < self._exploration_rate
        actions[explores] = self._rng.integers(self._n_actions, size=int(explores.sum()))
        return actions

    def _remember(self, rows: Rows) -> None:
        for i in range(len(rows["observations"])):
            for name, values in rows.items():
                self._memory[name][self._next] = values[i]
            self._next = (self._next + 1) % self.buffer_size
            self._filled = min(self._filled + 1, self.buffer_size)

    def _learn_from_memory(self) -> float:
        chosen = self._rng.integers(self._filled, size=self.batch_size)
        photos = self._memory["observations"][chosen]
        same = np.tile(np.arange(self._n_actions), (self.batch_size, 1))
        if self.mirror and self._mirrored is not None:
            flipped = self._rng.random(self.batch_size) < 0.5
            photos[flipped] = photos[flipped, :, :, ::-1]
            same[flipped] = self._mirrored
        loss = self._loss(photos, chosen, same)
        self._descend(loss)
        return loss.item()

    def _q(self, observations: Any) -> Any:
        self.policy.set_training_mode(False)
        with torch.no_grad():
            parts = np.array_split(observations, max(1, len(observations) // 512))
            return np.concatenate(
                [self.policy.q_net(self.policy.obs_to_tensor(part)[0]).cpu().numpy() for part in parts]
            )

    def state(self) -> State:
        """The memory, and which of it will be learned from next; arrays are not copied."""
        memory = {name: values[: self._filled] for name, values in self._memory.items()}
        return memory | {"next": self._next, "rng": generator_state(self._rng)}

    def restore(self, state: State) -> None:
        """Remembers what the model with this state did.

        Raises:
            KeyError, TypeError, ValueError: it does not fit.
        """
        if missing := self._memory.keys() - state.keys():
            raise ValueError(f"its memory has no {', '.join(sorted(missing))}")
        filled = len(state["observations"])
        for name, values in self._memory.items():
            fill(values[:filled], state[name])
        self._filled, self._next = filled, int(state["next"]) % self.buffer_size
        self._rng = generator(state["rng"])

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_memory", "_rng", "_mirrored"]


@dataclass(frozen=True)
class OutcomeReplay(FullInformation):
    """What the hyperparameters of such models have in common."""

    buffer_size: PositiveInt
    learning_starts: NonNegativeInt
    gradient_steps: PositiveInt
    exploration_initial_eps: Fraction
    exploration_final_eps: Fraction
    mirror: bool
