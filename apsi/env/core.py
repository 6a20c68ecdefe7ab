"""The editing core: N episodes stepped together, all changed photos scored in one juror call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import gymnasium
import numpy as np
import numpy.typing as npt

from apsi.env.base import Objective
from apsi.env.edit_state import EditState, observe
from apsi.episodes.base import EpisodeSource, Start
from apsi.juror.base import Juror
from apsi.photo import Bools, Floats, Ints, Photo, require_photo
from apsi.photo.difference import mean_difference, newly_clipped
from apsi.reward.base import Reward, Transition
from apsi.state import State, fill
from apsi.transform.action_set import ActionSet, require_discrete
from apsi.transform.recipe import Recipe

Observations = npt.NDArray[np.uint8] | dict[str, npt.NDArray[Any]]
"""Photos `(n, 3, h, w)` `uint8` RGB; with `env.extras` a dict of `photo` and the extras, each `(n, ...)`"""

_ARRAYS = ("start", "target", "scores", "lowest", "_deferred", "_distance", "steps", "juror_calls", "last")
"""Of a core, one number an episode"""


@dataclass(frozen=True)
class StepResult:
    """Outcome of one step of N episodes, before any of them is reset."""

    rewards: Floats
    terminated: Bools
    """the task is over, and nothing follows"""
    truncated: Bools
    """cut off, where the task would have gone on: what would follow still counts"""
    success: Bools
    stopped: Bools
    """nothing was done to the photo"""
    labels: list[tuple[str, ...]]
    """transforms applied to each episode, none where it was stopped"""

    @property
    def done(self) -> Bools:
        """Over for either reason, `(N,)`."""
        return self.terminated | self.truncated


@dataclass(frozen=True)
class Lookahead:
    """What each of A actions would do to N episodes."""

    scores: Floats
    """of the photo after the action, `(N, A)`"""
    rewards: Floats
    """`(N, A)`"""
    terminated: Bools
    """as in `StepResult`, `(N, A)`"""
    observations: npt.NDArray[np.uint8]
    """of the photo after the action, `(N, A, 3, h, w)`"""


@dataclass(frozen=True)
class EnvComponents:
    """What an editing core is made of, shared by training and evaluation."""

    objective: Objective
    actions: ActionSet
    reward: Reward
    juror: Juror


class EditCore:
    """N episodes side by side; the faces decide when an ended one is reset."""

    def __init__(self, components: EnvComponents, source: EpisodeSource, n: int) -> None:
        self.objective, self.actions, self.source = components.objective, components.actions, source
        self.n = n
        self._reward, self._juror = components.reward, components.juror
        # Pardo et al.: "Time limits in reinforcement learning", 2018: an agent that knows the time is trained on states
        # where it is up, so these are the end; for one that does not, being cut off says nothing about the photo
        self._cut_is_final = self.objective.knows_time or self._reward.cut_is_final
        self.starts: list[Start] = []
        self.edits: list[EditState] = []
        self.start, self.target, self.scores, self.lowest, self._deferred = (np.zeros(n) for _ in range(5))
        self._distance = np.zeros(n)
        self._change = np.zeros((2, n))  # since the start: how far, and the share of newly clipped pixels
        self.steps: Ints = np.zeros(n, dtype=np.int64)
        self.juror_calls: Ints = np.zeros(n, dtype=np.int64)
        self.last = self.actions.end(n)
        """the action that led here, `END` at the start"""
        # not told by the recipes: a crop's moves become one crop in them, which an episode may begin with
        self._kinds: list[frozenset[str]] = [frozenset()] * n

    @property
    def photos(self) -> list[Photo]:
        """The photos as edited so far, which are not to be written to."""
        return [edit.view for edit in self.edits]

    def reseed(self, seed: int) -> None:
        """Lets the order of the coming episodes depend on this seed."""
        self.source.reseed(seed)

    def reset(self, indices: Sequence[int] | None = None) -> None:
        """Begins new episodes at these indices, or at all."""
        if indices is None:
            indices = range(self.n)
            self.starts = self.source.draw(self.n)
            self.edits = self._begin(self.starts)
        else:
            starts = self.source.draw(len(indices))
            for i, start, edit in zip(indices, starts, self._begin(starts), strict=True):
                self.starts[i], self.edits[i] = start, edit
        for i in indices:
            start = self.starts[i]
            self.start[i] = self.scores[i] = self.lowest[i] = start.score
            self.target[i] = start.target
            self.steps[i] = self.juror_calls[i] = self._deferred[i] = 0
            self._kinds[i] = frozenset()
        self.last[list(indices)] = self.actions.end(1)
        self._change[:, list(indices)] = 0
        if self._reward.needs_distance:
            self._distance[list(indices)] = [self._distance_of(self.edits[i], i) for i in indices]

    def _begin(self, starts: Sequence[Start]) -> list[EditState]:
        return [self.objective.begin(start.photo, self.actions) for start in starts]

    def state(self) -> State:
        """The episodes in progress and where the next ones come from; arrays are not copied."""
        return {
            "source": self.source.state(),
            "starts": [start.state() for start in self.starts],
            "edits": [edit.state() for edit in self.edits],
            "kinds": [sorted(kinds) for kinds in self._kinds],
            "arrays": {name: getattr(self, name) for name in _ARRAYS},
        }

    def restore(self, state: State) -> None:
        """Goes on with the episodes of a core made alike.

        Raises:
            KeyError, TypeError, ValueError: they don't fit.
        """
        starts = [Start.restored(saved) for saved in state["starts"]]
        if not len(starts) == len(state.get("edits", starts)) == self.n:
            raise ValueError(f"{len(starts)} episodes where {self.n} are needed")
        if "edits" in state:
            begun = self._begin(starts)
            edits = [edit.restored(saved) for edit, saved in zip(begun, state["edits"], strict=True)]
        else:  # saved before recipes were: the photos as they were then count as the originals
            pairs = zip(starts, state["photos"], strict=True)
            starts = [replace(start, photo=require_photo(photo)) for start, photo in pairs]
            edits = self._begin(starts)
        # saved before kinds were: those that the recipes tell
        kinds = state["kinds"] if "kinds" in state else [_kinds_of(edit.recipe.labels) for edit in edits]
        if len(kinds) != self.n:
            raise ValueError(f"kinds of edits of {len(kinds)} episodes where {self.n} are needed")
        for name in _ARRAYS:
            fill(getattr(self, name), state["arrays"][name])
        self.source.restore(state["source"])
        self.starts, self.edits = starts, edits
        self._kinds = [frozenset(of_episode) for of_episode in kinds]
        if self._reward.needs_change:
            self._change = _change_of(edits)

    def step(self, actions: npt.NDArray[Any], recipes: Mapping[int, Recipe] | None = None) -> StepResult:
        """Applies one action to every episode.

        Args:
            actions: `(N, ...)` actions of the action set, or its `END`.
            recipes: by episode, edits that are made instead of its action and count as one step.

        Raises:
            ApsiError: one of them is no action; a `NoNumberError` where it is NaN. Nothing has changed then.
        """
        self.actions.require_valid(actions)
        given = recipes or {}
        stopped = self.actions.stops(actions)
        stopped[list(given)] = False
        changed = np.flatnonzero(~stopped)
        labels: list[tuple[str, ...]] = [()] * self.n
        for i in changed.tolist():
            recipe = given[i] if i in given else self.actions.recipe(actions[i])
            edit = self.edits[i]
            self.edits[i] = edit.play(recipe) if i in given else edit.apply(actions[i])
            labels[i] = tuple(recipe.labels)
        before, distance_before, change_before = self.scores.copy(), self._distance.copy(), self._change.copy()
        if len(changed):
            self.scores[changed] = self._juror.score_framed([self.edits[i].framed for i in changed])
        self.juror_calls[changed] += 1
        self.steps += 1
        self.last = actions.copy()
        self.lowest = np.minimum(self.lowest, self.scores)
        if self._reward.needs_distance:
            self._distance[changed] = [self._distance_of(self.edits[i], int(i)) for i in changed]
        if self._reward.needs_change:
            self._change[:, changed] = _change_of([self.edits[i] for i in changed])

        kinds, rows = [_kinds_of(of_step) for of_step in labels], np.arange(self.n)
        transition = replace(
            self._transition(rows, stopped, self.scores, self.steps),
            before=before,
            distance_before=distance_before,
            repeated=self._repeated(rows, kinds),
            change_before=change_before[0],
            clipped_before=change_before[1],
        )
        self._kinds = [earlier | of_step for earlier, of_step in zip(self._kinds, kinds, strict=True)]
        rewards, self._deferred = self.objective.defer(self._reward(transition), self._deferred, transition)
        if transition.ended.any():
            self.source.on_episode_end(transition.success[transition.ended])
        terminated = self._terminated(transition)
        truncated = transition.ended & ~terminated
        return StepResult(rewards, terminated, truncated, transition.success, stopped, labels)

    def look_ahead(self) -> Lookahead:
        """What every discrete action would do to every episode, without doing it: all scored in one juror call."""
        actions = require_discrete(self.actions, "looking ahead")
        rows = np.repeat(np.arange(self.n), len(actions))
        stopped = np.tile(np.arange(len(actions)) == (-1 if actions.stop is None else actions.stop), self.n)
        outcomes = [outcome for edit in self.edits for outcome in edit.outcomes()]
        scores, distance, change = self.scores[rows], self._distance[rows], self._change[:, rows]
        scores[~stopped] = self._juror.score_framed([outcome.framed for outcome in outcomes])
        if self._reward.needs_distance:
            pairs = zip(outcomes, rows[~stopped], strict=True)
            distance[~stopped] = [self._distance_of(outcome, int(i)) for outcome, i in pairs]
        if self._reward.needs_change:
            change[:, ~stopped] = _change_of(outcomes)
        repeated = np.zeros(len(rows), dtype=np.bool_)
        kinds = [_kinds_of([transform.label]) for transform in actions.transforms]
        repeated[~stopped] = self._repeated(rows[~stopped], kinds * self.n)
        transition = replace(
            self._transition(rows, stopped, scores, self.steps[rows] + 1),
            repeated=repeated,
            distance_after=distance,
            change_after=change[0],
            clipped_after=change[1],
        )
        rewards, _ = self.objective.defer(self._reward(transition), self._deferred[rows], transition)
        observations = np.repeat(observe(self.edits), len(actions), axis=0)
        observations[~stopped] = observe(outcomes)
        shape = (self.n, len(actions))
        terminated = self._terminated(transition)
        return Lookahead(
            scores.reshape(shape),
            rewards.reshape(shape),
            terminated.reshape(shape),
            observations.reshape(*shape, *observations.shape[1:]),
        )

    def _repeated(self, rows: Ints, kinds: Sequence[frozenset[str]]) -> Bools:
        """Whether steps of these kinds have one that the episodes `rows` had, where the reward needs it, `(n,)`."""
        if not self._reward.needs_repeats:
            return np.zeros(len(rows), dtype=np.bool_)
        pairs = zip(rows.tolist(), kinds, strict=True)
        return np.array([not self._kinds[i].isdisjoint(of_step) for i, of_step in pairs], dtype=np.bool_)

    def _transition(self, rows: Ints, stopped: Bools, after: Floats, steps: Ints) -> Transition:
        """A step of the episodes `rows`, from where they are, to these scores."""
        tolerance = self._juror.tolerance
        start, target = self.start[rows], self.target[rows] - tolerance
        success = self.objective.success(start + tolerance, target, after)
        terminated = stopped | self.objective.reached(start + tolerance, target, after)
        truncated = ~terminated & (steps >= self.objective.max_steps)
        return Transition(
            before=self.scores[rows],
            after=after.copy(),
            start=start,
            target=target,
            lowest=np.minimum(self.lowest[rows], after),
            step=steps.copy(),
            stopped=stopped,
            ended=terminated | truncated,
            success=success,
            tolerance=tolerance,
            truncated=truncated,
            distance_before=self._distance[rows],
            distance_after=self._distance[rows],
            change_before=self._change[0, rows],
            change_after=self._change[0, rows],
            clipped_before=self._change[1, rows],
            clipped_after=self._change[1, rows],
        )

    def _terminated(self, transition: Transition) -> Bools:
        """Which of the ended episodes are so because their task is over, `(N,)`."""
        if self._cut_is_final:
            return transition.ended
        return transition.ended & ~cast("Bools", transition.truncated)

    def _distance_of(self, edit: EditState, i: int) -> float:
        return mean_difference(edit.view, edit.same_part(self.starts[i].original))

    def observe(self, indices: Sequence[int] | None = None) -> Observations:
        """What the agent sees of these episodes, or of all."""
        chosen = list(range(self.n)) if indices is None else list(indices)
        photos = observe([self.edits[i] for i in chosen])
        if not self.objective.extras:
            return photos
        extras = {name: EXTRAS[name].of(self, chosen) for name in self.objective.extras}
        return {"photo": photos, **extras}

    def action_masks(self) -> Bools:
        """Which actions make sense, `(N, A)`: all but the one that would undo the last."""
        return self.actions.masks(self.last)


def _change_of(edits: Sequence[EditState]) -> Floats:
    """How far edits are from their starts, and which share of the pixels they clipped, `(2, n)`."""
    pairs = [(edit.view, edit.same_part(edit.original)) for edit in edits]
    found = [(mean_difference(*pair), newly_clipped(*pair)) for pair in pairs]
    return np.array(found, dtype=np.float64).reshape(-1, 2).T


def spaces_of(objective: Objective, actions: ActionSet) -> tuple[gymnasium.Space[Any], gymnasium.Space[Any]]:
    """Observation and action space of an environment."""
    photo = gymnasium.spaces.Box(0, 255, (3, *objective.observation_size), np.uint8)
    if not objective.extras:
        return photo, actions.space
    extras = {name: EXTRAS[name].space(actions) for name in objective.extras}
    return gymnasium.spaces.Dict({"photo": photo, **extras}), actions.space


@dataclass(frozen=True)
class Extra:
    """Something that the agent observes beside the photo."""

    of: Callable[[EditCore, list[int]], npt.NDArray[np.float32]]
    """of these episodes, `(n, ...)`"""
    space: Callable[[ActionSet], gymnasium.spaces.Box]


def _unit_box(length: int) -> gymnasium.spaces.Box:
    return gymnasium.spaces.Box(-1, 1, (length,), np.float32)


EXTRAS = {
    "steps_left": Extra(
        lambda core, chosen: (1 - core.steps[chosen, None] / core.objective.max_steps).astype(np.float32),
        lambda actions: _unit_box(1),
    ),
    "score": Extra(
        lambda core, chosen: (core.scores[chosen, None] / 5 - 1).astype(np.float32), lambda actions: _unit_box(1)
    ),
    "box": Extra(
        lambda core, chosen: np.array([2 * core.edits[i].box.array - 1 for i in chosen], np.float32).reshape(-1, 4),
        lambda actions: _unit_box(4),
    ),
    "last_action": Extra(
        lambda core, chosen: core.actions.features(core.last[chosen]),
        lambda actions: _unit_box(actions.n_features),
    ),
}
"""By the names that `env.extras` may hold, all in [-1, 1]: share of the steps left, score, last action, box"""


def _kinds_of(labels: Sequence[str]) -> frozenset[str]:
    """Of the transforms of these labels, whatever their strength: `exposure` of `exposure(+0.350)`."""
    return frozenset(label.partition("(")[0] for label in labels)
