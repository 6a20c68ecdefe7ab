"""Who edits: a trained agent or a search with a juror. It decides on small copies; a recipe holds at every size."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from omegaconf import DictConfig

from apsi.advise.reasons import each_without_one
from apsi.agent.ask import trained_agent
from apsi.agent.build import load_agent
from apsi.agent.checkpoint import Checkpoint
from apsi.agent.trial import Trial
from apsi.config.build import components
from apsi.config.instantiate import instantiate
from apsi.env.core import EnvComponents
from apsi.env.edit_state import EditState
from apsi.episodes.base import OUT_OF_REACH
from apsi.errors import ApsiError
from apsi.juror.base import FittedJuror, Juror
from apsi.juror.none import NoJuror
from apsi.juror.parameters import unpack_parameters
from apsi.photo import Photo
from apsi.photo.difference import colour_difference
from apsi.photo.full_size import PhotoFile
from apsi.photo.prepared import Episode, PhotoStore
from apsi.policy.base import Policy, PolicyContext
from apsi.policy.rollout import Frame, roll_out
from apsi.transform.crop import Crop
from apsi.transform.recipe import Recipe


@dataclass(frozen=True)
class Decision:
    """What is to be done to a photo."""

    recipe: Recipe
    """empty: nothing"""
    start_score: float
    """of the juror, for the small copy as it is"""
    score: float
    """with the recipe"""
    juror_calls: int


class Editor:
    """Edits photos up to the step limit, and keeps the state of each that its juror scores highest."""

    def __init__(self, config: DictConfig, juror: Juror, checkpoint: Checkpoint | None = None) -> None:
        """Builds who edits.

        Args:
            config: a whole configuration; with a checkpoint, that of the checkpoint.
            juror: ready to score.
            checkpoint: of the agent; None for a policy that needs none.

        Raises:
            ApsiError: the policy is not one alone, needs what is not there, or the checkpoint does not fit.
        """
        self.policy = policy_of(config)
        self.parts: EnvComponents = components(config, juror)
        self._node, self._seed = config.policy[self.policy], int(config.seed)
        self._size, self._mode = int(config.preprocess.steps.resize.size), str(config.preprocess.steps.resize.mode)
        self._max_calls, self._min_gain = config.advise.max_calls, float(config.advise.min_gain)
        self._min_change = float(config.advise.min_change)
        self._agent = None
        if checkpoint is not None:
            self._agent = trained_agent(*load_agent(config, checkpoint, self.parts, Trial(self.parts.objective)))
        self._policy(np.random.default_rng(0))  # what it lacks is told now

    @property
    def size(self) -> tuple[int, str]:
        """Of the small copies that it decides on, as `fit` takes it."""
        return self._size, self._mode

    def decide(self, photos: Sequence[Photo]) -> list[Decision]:
        """What is to be done to each photo; it does not depend on the others.

        Args:
            photos: `(H, W, 3)` `uint8` sRGB, at the editor's `size`.
        """
        store = _Given(photos)
        begun = [self.begin(photo) for photo in photos]
        scores = self.parts.juror.score_framed([state.framed for state in begun]).tolist()
        episodes = [
            Episode(path, path, path.name, path.name, (), score, OUT_OF_REACH)
            for path, score in zip(store.photos, scores, strict=True)
        ]
        decisions = []
        for episode, state in zip(
            episodes, begun, strict=True
        ):  # one at a time, so that a search draws the same for a photo in any company
            policy = self._policy(np.random.default_rng(self._seed))
            (played,) = roll_out(
                policy, self.parts, [episode], batch_size=1, store=store, pictures=1, max_calls=self._max_calls
            )
            kept = self._best(played.frames)
            decision = Decision(kept.recipe, episode.start_score, kept.score, played.juror_calls)
            decisions.append(self._shortened(decision, state))
        return decisions

    def begin(self, photo: Photo) -> EditState:
        """A small copy as what is edited."""
        return self.parts.objective.begin(photo, self.parts.actions)

    def cut(self, photo: PhotoFile, recipe: Recipe) -> EditState | None:
        """A small copy of what a recipe's first step leaves, as what is edited, so that it is cut before it is small.

        None where the first step is no crop, or the objective cuts by itself.
        """
        crop = recipe.transforms[0] if recipe.transforms else None
        if not isinstance(crop, Crop) or self.parts.objective.frames:
            return None
        return self.begin(replace(photo, pixels=crop(cast(Photo, photo.pixels))).small_copy(*self.size))

    def crops(self, recipe: Recipe) -> bool:
        """Whether the frame is this editor's own business: it looks for crops, or has cut with this recipe."""
        return self.parts.objective.frames or any(transform.reframes for transform in recipe)

    def _shortened(self, decision: Decision, begun: EditState) -> Decision:
        """Without the steps that nobody would see and those without which the juror scores the result higher."""
        recipe = without_invisible(decision.recipe, begun.original, self._min_change)
        shorter, calls = decision, decision.juror_calls
        if recipe != decision.recipe:
            calls += 1
            score = self._scores(begun, [recipe])[0] if recipe.transforms else decision.start_score
            shorter = replace(decision, recipe=recipe, score=score)
        while len(shorter.recipe) > 1:
            recipes = each_without_one(shorter.recipe)
            scores = self._scores(begun, recipes)
            calls, best = calls + len(recipes), int(np.argmax(scores))
            if scores[best] <= shorter.score:
                break
            shorter = replace(shorter, recipe=recipes[best], score=float(scores[best]))
        has_no_opinion = isinstance(self.parts.juror, NoJuror)
        is_enough = not shorter.recipe.transforms or has_no_opinion or self._gains(shorter.start_score, shorter.score)
        return replace(shorter if is_enough else decision, juror_calls=calls)

    def _scores(self, begun: EditState, recipes: Sequence[Recipe]) -> list[float]:
        scored: list[float] = self.parts.juror.score_framed([begun.play(one).framed for one in recipes]).tolist()
        return scored

    def _gains(self, before: float, after: float) -> bool:
        return after >= before + self._min_gain

    def _policy(self, rng: np.random.Generator) -> Policy:
        if self.policy == "agent" and self._agent is None:
            raise ApsiError("policy=agent needs an agent: add checkpoint=outputs/.../checkpoints/best.zip")
        policy: Policy = instantiate(self._node, context=PolicyContext(self.parts, self._agent, rng, False))
        return policy

    def _best(self, frames: Sequence[Frame]) -> Frame:
        if isinstance(self.parts.juror, NoJuror):  # which has no opinion: the agent's own word counts
            return frames[-1]
        best = max(frames, key=lambda frame: frame.score)
        return best if self._gains(frames[0].score, best.score) else frames[0]


def policy_of(config: DictConfig) -> str:
    """The one policy that edits: the only one configured, or the agent among several.

    Raises:
        ApsiError: there are several, and none is the agent.
    """
    names = [str(name) for name in config.policy]
    if len(names) == 1:
        return names[0]
    if "agent" in names:
        return "agent"
    raise ApsiError(f"policy=[{','.join(names)}]: one of them edits: policy={names[0] if names else 'greedy'}")


def without_invisible(recipe: Recipe, photo: Photo, min_change: float) -> Recipe:
    """A recipe without the steps that hardly change its result, the one that does least first.

    Args:
        recipe: any.
        photo: `(H, W, 3)` `uint8`, what it is for.
        min_change: mean CIEDE2000 between the results with and without a step that is kept; 0 keeps all.
    """
    while recipe.transforms and min_change > 0:
        result, shorter = recipe(photo), each_without_one(recipe)
        changes = [_change(one(photo), result) for one in shorter]
        least = int(np.argmin(changes))
        if changes[least] >= min_change:
            break
        recipe = shorter[least]
    return recipe


def _change(photo: Photo, result: Photo) -> float:
    return colour_difference(photo, result) if photo.shape == result.shape else np.inf


def fitted(juror: Juror, checkpoint: Checkpoint) -> Juror:
    """The juror with what the checkpoint holds of it, where it has to be fitted."""
    if checkpoint.juror is not None and isinstance(juror, FittedJuror):
        unpack_parameters(checkpoint.juror, juror, "the checkpoint")
    return juror


class _Given(PhotoStore):
    """Photos in memory."""

    def __init__(self, photos: Sequence[Photo]) -> None:
        super().__init__()
        self.photos = {Path(str(i)): photo for i, photo in enumerate(photos)}

    def read(self, path: Path) -> Photo:
        return self.photos[path]
