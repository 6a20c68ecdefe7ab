"""Learning from all actions at once: right targets, right values, and an agent that has learned them."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback

from apsi.agent.ask import trained_agent
from apsi.agent.build import build_model
from apsi.algo.ahead import Ahead
from apsi.algo.undo import WaysBack
from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.env.core import EditCore, EnvComponents
from apsi.env.vec_env import PhotoVecEnv
from apsi.episodes.curriculum import CurriculumEpisodes
from apsi.errors import ApsiError
from apsi.photo import Bools
from apsi.photo.prepared import PhotoStore, PreparedSplit
from apsi.policy.agent import Agent
from apsi.policy.base import PolicyContext
from apsi.policy.rollout import roll_out
from apsi.state import State
from apsi.transform.action_set import DiscreteActions
from apsi.transform.catalogue import by_label
from apsi.transform.channel_group import Element, compose
from apsi.transform.recipe import Recipe
from tests.conftest import LABELS, context

REVERSIBLE = list(load_config([]).transform.labels)
NETWORK = ["feature_extractor.channels=[16,16]", "feature_extractor.features_dim=32"]


def trained(parts: EnvComponents, split: PreparedSplit, steps: int, *overrides: str):  # type: ignore[no-untyped-def]
    config = load_config(["device=cpu", *NETWORK, *overrides])
    source = instantiate(config.episodes, context=context(split))
    algo, model = build_model(config, PhotoVecEnv(EditCore(parts, source, 4)), 0)
    model.learn(steps)
    return algo, model


def test_every_way_back_is_a_shortest_one() -> None:
    """Whatever was done, following any action that is called right ends at the photo as it was, in as many steps."""
    ways, rng = WaysBack(DiscreteActions(REVERSIBLE)), np.random.default_rng(0)
    elements = [by_label(label).element for label in REVERSIBLE]
    for _ in range(200):
        done = compose(elements[i] for i in rng.integers(14, size=3))  # type: ignore[misc]
        steps = 0
        while done != Element():
            right = np.flatnonzero(ways.of(done))
            element = elements[int(rng.choice(right))]
            assert element is not None
            done, steps = done.then(element), steps + 1
        assert steps <= 3
    assert not ways.of(Element()).any()


def test_of_one_degradation_only_its_inverse_leads_back_and_then_only_stop() -> None:
    ways = WaysBack(DiscreteActions(REVERSIBLE, stop=True))
    for i, label in enumerate(REVERSIBLE):
        element = by_label(label).element
        assert element is not None
        assert np.flatnonzero(ways.of(element)).tolist() == [i]
    assert np.flatnonzero(ways.of(Element())).tolist() == [14]


def test_what_the_actions_cannot_undo_is_an_error() -> None:
    swap = by_label("swap_rb").element
    assert swap is not None
    with pytest.raises(ApsiError, match=r"choose degradation\.labels among transform\.labels"):
        WaysBack(DiscreteActions(["invert_r", "invert_g"])).of(swap)
    with pytest.raises(ApsiError, match="can't undo 'clahe'"):
        WaysBack(DiscreteActions(["clahe"]))


def test_what_a_round_recorded_can_be_seen_when_the_next_begins(restore: EnvComponents, split: PreparedSplit) -> None:
    """There the learning curve takes the loss from."""
    seen: list[bool] = []

    class Looks(BaseCallback):
        def _on_rollout_start(self) -> None:
            seen.append("train/loss" in self.logger.name_to_value)

        def _on_step(self) -> bool:
            return True

    config = load_config(["device=cpu", *NETWORK, "algo=undo", "episodes=fresh", "algo.batch_size=16"])
    source = instantiate(config.episodes, context=context(split))
    _, model = build_model(config, PhotoVecEnv(EditCore(restore, source, 4)), 0)
    model.learn(1000, callback=Looks())
    assert not seen[0] and all(seen[1:]) and len(seen) > 2
    assert not model.logger.name_to_value, "all is handed on"


def test_undo_repairs_photos_that_it_never_saw_and_asks_no_juror(restore: EnvComponents, split: PreparedSplit) -> None:
    others = replace(split, episodes=split.episodes[:1])
    asked = len(restore.juror.batches)  # type: ignore[attr-defined]
    algo, model = trained(restore, others, 6000, "algo=undo", "episodes=fresh", "algo.batch_size=32")
    assert len(restore.juror.batches) == asked  # type: ignore[attr-defined]
    policy = Agent(PolicyContext(restore, trained_agent(algo, model), np.random.default_rng(0)), no_repeats=True)
    results = list(roll_out(policy, restore, split.episodes, batch_size=4, store=PhotoStore()))
    assert [(r.success, r.steps) for r in results] == [(True, 1)] * 3


@pytest.mark.slow
def test_undo_tells_a_curriculum_how_it_did_so_that_the_photos_get_harder(
    restore: EnvComponents, split: PreparedSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []
    draw = CurriculumEpisodes.recipe

    def recipe(source: CurriculumEpisodes) -> Recipe:
        made = draw(source)
        lengths.append(len(made))
        return made

    monkeypatch.setattr(CurriculumEpisodes, "recipe", recipe)
    harder = ["episodes=curriculum", f"episodes.labels={LABELS}", "episodes.n_max=2", "episodes.window=64"]
    _, model = trained(restore, split, 3200, "algo=undo", "algo.batch_size=32", *harder, "episodes.success_rate=0.6")
    assert model.core.source.level == 2
    risen = lengths.index(2)
    assert risen >= 64 and set(lengths[risen:]) == {1, 2}
    assert 0 < np.mean(model.ep_success_buffer) <= 1


def test_undo_goes_on_after_a_rise_as_one_that_begins_at_that_level(
    restore: EnvComponents, split: PreparedSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had made ahead is thrown away, so that a continued run sees the same photos."""
    seen: list[bytes] = []
    rises: list[tuple[int, State]] = []
    ended = CurriculumEpisodes.on_episode_end

    def spy(source: CurriculumEpisodes, success: Bools) -> bool:
        if risen := ended(source, success):
            rises.append((len(seen), source.state()))
        return risen

    monkeypatch.setattr(CurriculumEpisodes, "on_episode_end", spy)
    harder = ["episodes=curriculum", f"episodes.labels={LABELS}", "episodes.window=8", "episodes.success_rate=0.01"]
    _, model = trained(restore, split, 0, "algo=undo", "algo.batch_size=8", *harder)
    to_tensor = model.policy.obs_to_tensor
    model.policy.obs_to_tensor = lambda photos: seen.append(photos.tobytes()) or to_tensor(photos)
    model.learn(300)
    following, state = rises[0]
    source = model.core.source
    source.restore(state)
    (photos, _), _, _ = next(model._make(source))
    assert photos.tobytes() == seen[following]


@pytest.mark.slow
def test_full_q_learns_what_every_action_is_worth(optimise: EnvComponents, split: PreparedSplit) -> None:
    """Without discount a Q-value is the step's own reward, which the juror tells."""
    small = ["algo.learning_starts=16", "algo.batch_size=32", "algo.gamma=0", "algo.gradient_steps=8"]
    algo, model = trained(optimise, split, 300, "algo=full_q", *small)
    core = EditCore(optimise, instantiate(load_config([]).episodes, context=context(split)), 3)
    core.reset()
    lookahead = core.look_ahead()
    agent = trained_agent(algo, model)
    assert agent.prefer is not None
    assert np.abs(agent.prefer(core.observe()) - lookahead.rewards).max() < 0.5
    assert np.ptp(lookahead.rewards) > 2


def test_full_q_values_what_it_remembers_anew_with_the_target_network(
    optimise: EnvComponents, split: PreparedSplit
) -> None:
    small = ["algo.learning_starts=1000", "algo.buffer_size=8", "algo.batch_size=6", "algo.gamma=0.5"]
    _, model = trained(optimise, split, 8, "algo=full_q", *small, "algo.target_update_interval=3")
    memory, rows = model._memory, np.array([0, 3, 5])
    ends = memory["terminated"]
    assert ends[:, -1].all() and not ends.all()  # STOP is the end
    model.policy.q_net_target.forward = lambda photos: torch.full((len(photos), 5), 7.0)
    before = memory["values"].copy()
    model._refresh(rows)
    anew = memory["values"] != before
    assert anew.sum(axis=1).tolist() == [1, 0, 0, 1, 0, 1, 0, 0]
    assert (memory["values"][anew] == 7).all() and not ends[anew].any()

    for _ in range(60):
        model._refresh(rows)
    targets: list[torch.Tensor] = []
    smooth = torch.nn.functional.smooth_l1_loss
    torch.nn.functional.smooth_l1_loss = lambda a, b: targets.append(b) or smooth(a, b)  # type: ignore[func-returns-value]
    try:
        model._loss(memory["observations"][rows], rows, np.tile(np.arange(ends.shape[1]), (len(rows), 1)))
    finally:
        torch.nn.functional.smooth_l1_loss = smooth
    expected = memory["rewards"][rows] + 0.5 * np.where(ends[rows], 0, 7)
    np.testing.assert_allclose(targets[0].numpy(), expected, rtol=1e-6)


def test_full_qs_target_network_follows_at_intervals(optimise: EnvComponents, split: PreparedSplit) -> None:
    small = ["algo.learning_starts=1000", "algo.buffer_size=8", "algo.batch_size=6", "algo.target_update_interval=3"]
    _, model = trained(optimise, split, 4, "algo=full_q", *small)
    alike = []
    for _ in range(6):
        model._learn_from_memory()
        pairs = zip(model.policy.q_net.parameters(), model.policy.q_net_target.parameters(), strict=True)
        alike.append(all(torch.equal(a, b) for a, b in pairs))
    assert alike == [False, False, True] * 2


def test_what_is_made_ahead_comes_in_order_and_its_error_where_it_is_waited_for() -> None:
    def items() -> Iterator[int]:
        yield from range(20)
        raise ApsiError("no more photos")

    ahead = Ahead(items())
    assert [ahead.next() for _ in range(20)] == list(range(20))
    with pytest.raises(ApsiError, match="no more photos"):
        ahead.next()
    ahead.close()


def test_an_error_that_nobody_waits_for_does_not_keep_the_end_waiting() -> None:
    def items() -> Iterator[int]:
        yield from range(8)  # as many as are made ahead
        raise ApsiError("too late")

    ahead = Ahead(items())
    closing = threading.Thread(target=ahead.close, daemon=True)
    closing.start()
    closing.join(timeout=10)
    assert not closing.is_alive()
