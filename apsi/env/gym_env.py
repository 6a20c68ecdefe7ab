"""The gymnasium face of the editing core: one photo at a time, `apsi/PhotoEdit-v0`."""

from contextlib import ExitStack
from typing import Any

import gymnasium

from apsi.env.core import EditCore, EnvComponents, Observations, spaces_of
from apsi.env.frame import frame
from apsi.env.vec_env import at
from apsi.episodes.base import EpisodeSource
from apsi.photo import Bools, Photo
from apsi.transform.base import STOP_LABEL


class PhotoEditEnv(gymnasium.Env[Any, Any]):
    """Edits one photo an episode, until a juror scores it higher.

    Action: a transform. `Discrete(A)` with the labels in `action_labels`, in order (`transform.labels`, and `stop` last
    with `env.stop=true`); with `transform=parametric` a `Box` of strengths in [-1, 1], one for each adjustment, where a
    last number above 0.5 means `stop`. Anything else is an error.

    Observation: the photo as it is now, `(3, h, w)` `uint8` RGB, 64 x 64 unless `env.observation_size` says otherwise;
    with `env.extras` a dict of `photo` and what else the agent observes, `float32` in [-1, 1]: `steps_left` `(1,)`,
    `score` `(1,)`, `last_action` `(A,)`, `box` `(4,)`: x1, y1, x2, y2 of the part that is shown. With `env=crop` the
    whole photo is seen, dimmed outside of the crop.

    Reward: what `reward=` makes of the juror's scores (0 to 10) before and after the step; by default the difference,
    less 0.01, and 0.1 more when the episode ends with the target reached.

    End: `terminated` by `stop`, with `env=restore` once the photo scores as high as its undegraded original, and after
    `env.max_steps` where that is 1, the agent observes `steps_left` or the reward is given at `stop` only. Else
    `truncated` after `env.max_steps`: what would follow still counts.

    Info, at every reset and step, without pictures:

    - `photo`: file of the data set that was taken; `degradation`: labels of what was done to it.
    - `score`, `start_score`, `target_score`: now, at the start, of the undegraded photo.
    - `step`: steps so far; `action`: label of the latest one, empty at the start; `recipe`: labels of all transforms so
      far, with which `Recipe.of` makes the same edit of the original at full size.
    - `is_success`, after a step: whether an episode that ended here would be a success.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 2}  # noqa: RUF012 (gymnasium's own form)

    def __init__(
        self,
        components: EnvComponents,
        source: EpisodeSource,
        render_mode: str | None = None,
        resources: ExitStack | None = None,
    ) -> None:
        """Takes what the environment is made of.

        Args:
            components: objective, actions, reward and juror.
            source: where episodes come from.
            render_mode: `rgb_array` to get pictures from `render`.
            resources: closed together with the environment.
        """
        self._resources = resources or ExitStack()
        self.render_mode = render_mode
        self.observation_space, self.action_space = spaces_of(components.objective, components.actions)
        self._core = EditCore(components, source, 1)
        self._action = ""

    @property
    def action_labels(self) -> list[str]:
        """What each action, or each number of an action, does."""
        return self._core.actions.labels

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self._core.reseed(seed)
        self._core.reset()
        self._action = ""
        return at(self._core.observe(), 0), self._info()

    def step(self, action: Any) -> tuple[Observations, float, bool, bool, dict[str, Any]]:
        actions = self._core.actions.one(action)
        stopped = bool(self._core.actions.stops(actions)[0])
        result = self._core.step(actions)
        self._action = STOP_LABEL if stopped else " ".join(result.labels[0])
        info = self._info() | {"is_success": bool(result.success[0])}
        done = bool(result.terminated[0]), bool(result.truncated[0])
        return at(self._core.observe(), 0), float(result.rewards[0]), *done, info

    def action_masks(self) -> Bools:
        """Which actions make sense now, `(A,)`: all but the one that would undo the last; MaskablePPO asks for it.

        Raises:
            ApsiError: the actions are continuous.
        """
        masks: Bools = self._core.action_masks()[0]
        return masks

    def render(self) -> Photo | None:
        """The photo, as large as it fits into 384 x 384 pixels, above its scores and the latest action.

        Returns:
            `(440, 384, 3)` `uint8` RGB, whatever the photo's size; None without `render_mode="rgb_array"`.
        """
        if self.render_mode != "rgb_array":
            return None
        info, limit = self._info(), self._core.objective.max_steps
        scores = f"score {info['score']:.2f}   start {info['start_score']:.2f}   target {info['target_score']:.2f}"
        return frame(self._core.edits[0].picture, scores, f"step {info['step']} of {limit}   {info['action']}")

    def close(self) -> None:
        self._resources.close()

    def _info(self) -> dict[str, Any]:
        core, start = self._core, self._core.starts[0]
        return {
            "photo": start.source,
            "degradation": start.degradation,
            "score": float(core.scores[0]),
            "start_score": start.score,
            "target_score": start.target,
            "step": int(core.steps[0]),
            "action": self._action,
            "recipe": tuple(core.edits[0].recipe.labels),
        }
