"""The gymnasium face of the editing core: one photo at a time, `apsi/PhotoEdit-v0`."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import gymnasium
import numpy as np

from apsi.env.core import Components, EditCore, Observations, spaces_of
from apsi.env.vec_env import at
from apsi.episodes.base import EpisodeSource
from apsi.photo import Photo


class PhotoEditEnv(gymnasium.Env[Any, Any]):
    """Edits one photo an episode."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 2}  # noqa: RUF012 (gymnasium's own form)

    def __init__(
        self,
        components: Components,
        source: EpisodeSource,
        render_mode: str | None = None,
        resources: ExitStack | None = None,
    ) -> None:
        """Takes what the environment is made of.

        Args:
            components: goal, actions, reward and juror.
            source: where episodes come from.
            render_mode: `rgb_array` to get the photo from `render`.
            resources: closed together with the environment.
        """
        self._resources = resources or ExitStack()
        self.render_mode = render_mode
        self.observation_space, self.action_space = spaces_of(components.goal, components.actions)
        self._core = EditCore(components, source, 1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self._core.reseed(seed)
        self._core.reset()
        return at(self._core.observe(), 0), self._info()

    def step(self, action: Any) -> tuple[Observations, float, bool, bool, dict[str, Any]]:
        result = self._core.step(np.asarray([action]))
        info = self._info() | {"is_success": bool(result.success[0])}
        done = bool(result.terminated[0]), bool(result.truncated[0])
        return at(self._core.observe(), 0), float(result.rewards[0]), *done, info

    def render(self) -> Photo | None:
        return self._core.photos[0].copy() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        self._resources.close()

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
    from apsi.assemble import components, episode_source, open_jury, prepare
    from apsi.config import load_config

    config = load_config(overrides)
    prepared = prepare(config)
    with ExitStack() as stack:
        jury = stack.enter_context(open_jury(config, prepared.juror))
        source = episode_source(config, prepared.split(split), jury, config.seed)
        return PhotoEditEnv(components(config, jury), source, render_mode, stack.pop_all())
