"""Learning to undo what was done to a photo."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import PositiveInt
from stable_baselines3.common.vec_env import VecEnv

from apsi.algo.ahead import OwnPhotosModel, own_photos
from apsi.algo.full_information import FullInformation
from apsi.env.edit_state import EditState, observe
from apsi.env.vec_env import PhotoVecEnv
from apsi.episodes.fresh import FreshEpisodes
from apsi.errors import ApsiError
from apsi.photo import Bools
from apsi.state import State, generator_state
from apsi.transform.action_set import DiscreteActions, require_discrete
from apsi.transform.channel_group import Element, compose, word_lengths
from apsi.types import Fraction

_TRIED = 100  # degradations that must have a way back before training begins


class UndoModel(OwnPhotosModel):
    """Classifies photos that it degraded itself by the actions that lead back; calls no juror while it learns.

    A success is a photo for which the network's best action is one of those that lead back.
    """

    algo = "undo"
    success_figure = "right"

    def __init__(self, *args: Any, random_edit_prob: float = 0.0, **kwargs: Any) -> None:
        """Takes what `OwnPhotosModel` takes, and:

        Args:
            args: of `OwnPhotosModel`.
            random_edit_prob: share of the photos that are also edited at random once, and this share of those
                twice, and so on: where the agent is after its own mistakes.
            kwargs: of `OwnPhotosModel`.
        """
        self.random_edit_prob = random_edit_prob
        super().__init__(*args, **kwargs)

    def _judge(self, batch: tuple[npt.NDArray[np.uint8], Bools]) -> tuple[torch.Tensor, Bools]:
        photos, good = batch
        observations, leads_back = self.policy.obs_to_tensor(photos)[0], torch.from_numpy(good).to(self.device)
        log_probabilities = self.policy.q_net(observations).log_softmax(dim=1)
        # any way back is right: the probability of all that are
        loss = -log_probabilities.masked_fill(~leads_back, -torch.inf).logsumexp(dim=1).mean()
        best = log_probabilities.argmax(dim=1, keepdim=True)
        return loss, leads_back.gather(1, best)[:, 0].cpu().numpy()

    def _make(self, source: FreshEpisodes) -> Iterator[tuple[Any, int, State]]:
        """Observations `(B, 3, h, w)` and which actions lead back `(B, A)`, the number of photos, the random state."""
        actions = require_discrete(self.core.actions, "algo=undo")
        ways = WaysBack(actions)
        while True:
            states: list[EditState] = []
            good: list[Bools] = []
            while len(states) < self.batch_size:
                recipe = source.recipe()
                done = compose(ways.element_of(transform) for transform in recipe)
                state = self.core.objective.begin(recipe(source.cut()), actions)
                while source.rng.random() < self.random_edit_prob:
                    action = int(source.rng.integers(len(actions.transforms)))
                    state, done = state.apply(action), done.then(ways.element_of(actions.transforms[action]))
                leads_back = ways.of(done)
                if leads_back.any():
                    states.append(state)
                    good.append(leads_back)
            yield (observe(states), np.array(good)), len(states), generator_state(source.rng)


class WaysBack:
    """Which actions bring a photo nearer to what it was, by the composition rules."""

    def __init__(self, actions: DiscreteActions) -> None:
        self._actions = actions
        self._elements = [self.element_of(transform) for transform in actions.transforms]
        self._lengths = word_lengths(frozenset(self._elements))
        self._known: dict[Element, Bools] = {}

    def element_of(self, transform: Any) -> Element:
        if transform.element is None:
            raise ApsiError(
                f"algo=undo can't undo '{transform.label}': it knows swaps, inversions and shifts by half only; "
                "choose transform=reversible, or algo=afterstate or full_q, which ask the juror"
            )
        element: Element = transform.element
        return element

    def of(self, done: Element) -> Bools:
        """`(A,)`; STOP where nothing is left to undo."""
        if done not in self._known:
            if done not in self._lengths:
                raise ApsiError(
                    f"the actions {self._actions.labels} can't undo every degradation: choose degradation.labels "
                    "among transform.labels"
                )
            nearer = [self._lengths[done.then(element)] < self._lengths[done] for element in self._elements]
            self._known[done] = np.array(nearer + [done == Element()] * (self._actions.stop is not None))
        return self._known[done]


@dataclass(frozen=True)
class Undo(FullInformation):
    """Degrades undegraded photos itself and learns which actions lead back, all of them at once (self-supervised).

    The right actions follow from the composition rules of the reversible transforms, so the juror is needed for
    validation only. The agent sees its observation and nothing else; what was done to a training photo is its target,
    never its input.
    """

    random_edit_prob: Fraction
    """share of the photos that are edited at random once more, and again this share of those"""
    updates: PositiveInt
    """between two checks of milestones"""

    model = UndoModel

    def require_trainable(self, env: VecEnv) -> None:
        assert isinstance(env, PhotoVecEnv)
        source, ways = own_photos(env.core.source, "undo"), WaysBack(require_discrete(env.core.actions, "algo=undo"))
        for _ in range(_TRIED):
            ways.of(compose(ways.element_of(transform) for transform in source.recipe()))
