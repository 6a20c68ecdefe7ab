"""The Stable-Baselines3 face of the editing core."""

from collections.abc import Sequence
from typing import Any, cast

import gymnasium
import numpy as np
import numpy.typing as npt
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices, VecEnvObs, VecEnvStepReturn

from apsi.env.core import EditCore, Observations, spaces_of
from apsi.photo import Bools
from apsi.state import State, fill


def at(observations: Observations, i: int) -> Observations:
    """A copy of the observation of one episode."""
    if isinstance(observations, dict):
        return {name: values[i].copy() for name, values in observations.items()}
    photo: npt.NDArray[np.uint8] = observations[i].copy()
    return photo


class PhotoVecEnv(VecEnv):
    """Steps all episodes of a core together and resets those that ended."""

    def __init__(self, core: EditCore) -> None:
        self.core = core
        self.render_mode = None
        super().__init__(core.n, *spaces_of(core.objective, core.actions))
        self._actions = core.actions.end(core.n)
        self._returns = np.zeros(core.n)

    def reset(self) -> VecEnvObs:
        if self._seeds[0] is not None:
            self.core.reseed(self._seeds[0])
        self.core.reset()
        self._returns[:] = 0
        self._reset_seeds()
        self._reset_options()
        return self.core.observe()

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = np.asarray(actions, dtype=self._actions.dtype).reshape(self._actions.shape)

    def step_wait(self) -> VecEnvStepReturn:
        core = self.core
        result = core.step(self._actions)
        self._returns += result.rewards
        infos: list[dict[str, Any]] = [{} for _ in range(core.n)]
        observations = core.observe()
        ended = np.flatnonzero(result.done)
        for i in ended:
            infos[i] = {
                "terminal_observation": at(observations, int(i)),
                "TimeLimit.truncated": bool(result.truncated[i]),
                "is_success": bool(result.success[i]),
                "episode": {"r": float(self._returns[i]), "l": int(core.steps[i]), "t": 0.0},
            }
        if len(ended):
            self._returns[ended] = 0
            core.reset(ended.tolist())
            fresh = core.observe(ended.tolist())
            if isinstance(observations, dict):
                for name, values in cast("dict[str, Any]", fresh).items():
                    observations[name][ended] = values
            else:
                observations[ended] = cast("npt.NDArray[np.uint8]", fresh)
        return observations, result.rewards.astype(np.float32), result.done, infos

    def state(self) -> State:
        """Of the core, and the returns of the episodes so far."""
        return {"core": self.core.state(), "returns": self._returns}

    def restore(self, state: State) -> None:
        """Goes on with the episodes of an environment made alike."""
        self.core.restore(state["core"])
        fill(self._returns, state["returns"])

    def action_masks(self) -> Bools:
        """Which actions make sense, `(n_envs, A)`; sb3-contrib's MaskablePPO asks for a row of it with `env_method`."""
        return self.core.action_masks()

    def close(self) -> None:
        """The core holds nothing that needs closing; its juror belongs to whoever made it."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        return [getattr(self, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        setattr(self, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any) -> list[Any]:
        if method_name == "action_masks":
            return list(self.action_masks()[list(self._get_indices(indices))])
        return [getattr(self, method_name)(*args, **kwargs) for _ in self._get_indices(indices)]

    def env_is_wrapped(
        self, wrapper_class: type[gymnasium.Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        return [False for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[np.ndarray | None]:
        return self.core.photos
