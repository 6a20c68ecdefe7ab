"""The gymnasium face of the editing core: one photo at a time, `apsi/PhotoEdit-v0`."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from apsi.env.core import Components, EditCore
from apsi.env.vec_env import spaces_of
from apsi.photo import Photo
from apsi.photo.prepared import PhotoStore, PreparedSplit, RandomEpisodes


class PhotoEditEnv(gymnasium.Env[npt.NDArray[np.uint8], np.int64]):
    """Edits one photo an episode."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 2}  # noqa: RUF012 (gymnasium's own form)

    def __init__(
        self,
        components: Components,
        split: PreparedSplit,
        render_mode: str | None = None,
        resources: ExitStack | None = None,
    ) -> None:
        """Takes what the environment is made of.

        Args:
            components: goal, actions, reward and juror.
            split: where episodes come from, e.g. `prepare(config).split("train")`.
            render_mode: `rgb_array` to get the photo from `render`.
            resources: closed together with the environment.
        """
        self._resources = resources or ExitStack()
        self.render_mode = render_mode
        observation_space, self.action_space = spaces_of(components.goal, components.actions)
        self.observation_space = observation_space  # type: ignore[assignment]  # Box is typed by every dtype at once
        self._components, self._split, self._store = components, split, PhotoStore()
        self._core = self._new_core()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self._core = self._new_core()
        self._core.reset()
        return self._core.observe()[0], self._info()

    def step(self, action: np.int64) -> tuple[npt.NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        result = self._core.step(np.array([action], dtype=np.int64))
        info = self._info() | {"is_success": bool(result.success[0])}
        done = bool(result.terminated[0]), bool(result.truncated[0])
        return self._core.observe()[0], float(result.rewards[0]), *done, info

    def render(self) -> Photo | None:
        return self._core.photos[0].copy() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        self._resources.close()

    def _new_core(self) -> EditCore:
        return EditCore(self._components, RandomEpisodes(self._split, self.np_random), 1, self._store)

    def _info(self) -> dict[str, Any]:
        return {"score": float(self._core.scores[0]), "step": int(self._core.steps[0])}


def from_overrides(overrides: Sequence[str] = (), split: str = "train", render_mode: str | None = None) -> PhotoEditEnv:
    """The environment of a configuration: `gymnasium.make("apsi/PhotoEdit-v0", overrides=["dataset=folder", ...])`.

    Prepares the photos when that was not done before.

    Args:
        overrides: as on the command line of `run.py`.
        split: where episodes come from.
        render_mode: `rgb_array` to get the photo from `render`.
    """
    from apsi.assemble import components, open_jury, prepare
    from apsi.config import load_config

    config = load_config(overrides)
    prepared = prepare(config)
    with ExitStack() as stack:
        jury = stack.enter_context(open_jury(config, prepared.juror))
        return PhotoEditEnv(components(config, jury), prepared.split(split), render_mode, stack.pop_all())
