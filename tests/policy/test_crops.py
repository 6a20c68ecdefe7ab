"""Crops without an agent, and an agent whose favourites the juror checks."""

from typing import Any

import numpy as np
import pytest

from apsi.agent.ask import TrainedAgent
from apsi.env.core import EditCore, EnvComponents
from apsi.errors import ApsiError
from apsi.photo.box import Box
from apsi.policy.base import PolicyContext
from apsi.policy.crops import AttentionCrop, Centre, Exhaustive, Shortlist
from apsi.policy.fixed import Fixed
from apsi.reward.bonus import NoBonus
from apsi.reward.score_difference import ScoreDifference
from apsi.transform.crop_actions import CropAnchors, grid_anchors
from tests.env.test_crop import EDGES, Rightness, Same, components, framing
from tests.juror.test_attention import spot

CONTEXT = PolicyContext(components(), None, np.random.default_rng(0))


def played(policy: Any, core: EditCore) -> Box:
    choice = policy.choose(core, [0])
    core.step(choice.actions, choice.recipes)
    return core.edits[0].box


def core_of(parts: EnvComponents, side: int = 320) -> EditCore:
    core = EditCore(parts, Same(spot(0.3, 0.6, side)), 1)
    core.reset()
    return core


def test_exhaustive_takes_the_best_of_all_anchors_and_tells_its_price() -> None:
    core = core_of(components())
    policy = Exhaustive(CONTEXT, 12, 0.5)
    choice = policy.choose(core, [0])
    assert choice.juror_calls.tolist() == [89], "90 boxes, one of which the environment scores again"
    result = core.step(choice.actions, choice.recipes)
    assert core.edits[0].box.x1 == max(box.x1 for box in grid_anchors(12, 0.5)) and result.stopped.tolist() == [False]
    assert Exhaustive.tries_all


def test_exhaustive_leaves_a_photo_that_no_crop_makes_better() -> None:
    class Wholeness(Rightness):
        def score_framed(self, framed: Any) -> Any:
            return np.array([one.box.area for one in framed])

    parts = EnvComponents(framing(), EDGES, ScoreDifference(NoBonus(planned=False)), Wholeness())
    core = core_of(parts)
    core.scores[:] = 1
    choice = Exhaustive(PolicyContext(parts, None, np.random.default_rng(0)), 12, 0.5).choose(core, [0])
    assert not choice.recipes and core.step(choice.actions, choice.recipes).stopped.all()


@pytest.mark.parametrize("aspect", [None, "1:1", "3:2"])
def test_crops_obey_the_aspect_wherever_they_come_from(aspect: str | None) -> None:
    for policy in (Centre(CONTEXT, 0.6), AttentionCrop(CONTEXT, 0.6), Exhaustive(CONTEXT, 12, 0.5)):
        core = core_of(components(aspect=aspect))
        box = played(policy, core)
        assert 0.3 < box.area <= 0.91
        if aspect:
            across, down = map(int, aspect.split(":"))
            height, width = core.edits[0].view.shape[:2]
            assert abs(height - width * down / across) <= 1


def test_the_middle_and_where_people_look() -> None:
    assert played(Centre(CONTEXT, 0.64), core_of(components())) == Box(0.1, 0.1, 0.9, 0.9)
    box = played(AttentionCrop(CONTEXT, 0.36), core_of(components()))
    assert box.x1 < 0.2 and box.y2 > 0.7 and box.area == pytest.approx(0.36, abs=0.02)
    thirds = played(Fixed(CONTEXT, "crop_thirds"), core_of(components()))
    assert thirds.area == pytest.approx(0.64, abs=0.01)


def test_the_juror_has_the_last_word_on_the_agents_favourites() -> None:
    actions = CropAnchors(12, 0.5, stop=True)
    parts = EnvComponents(framing(), actions, ScoreDifference(NoBonus(planned=False)), Rightness())
    favourites = [5, 80, 20]
    preferences = np.zeros((1, len(actions)))
    preferences[0, favourites], preferences[0, -1] = (3, 2, 1), 9
    agent = TrainedAgent(predict=lambda *_: (None, None), prefer=lambda observations: preferences)  # type: ignore[arg-type, return-value]
    core = core_of(parts)
    choice = Shortlist(PolicyContext(parts, agent, np.random.default_rng(0)), 3).choose(core, [0])
    assert choice.actions.tolist() == [80] and choice.juror_calls.tolist() == [2], "the one furthest to the right"
    with pytest.raises(ApsiError, match="calls=0"):
        Shortlist(PolicyContext(parts, agent, np.random.default_rng(0)), 0)
    with pytest.raises(ApsiError, match="needs an agent"):
        Shortlist(PolicyContext(parts, None, np.random.default_rng(0)), 3).choose(core, [0])


def test_without_crops_there_is_nothing_to_choose() -> None:
    class NoFrames:
        class objective:  # noqa: N801
            frames = False

    with pytest.raises(ApsiError, match="env=crop"):
        Centre(PolicyContext(NoFrames(), None, np.random.default_rng(0)), 0.5)  # type: ignore[arg-type]
    with pytest.raises(ApsiError, match="no box of a grid of 2"):
        Exhaustive(CONTEXT, 2, 0.5)
