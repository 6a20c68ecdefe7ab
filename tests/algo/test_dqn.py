"""Q-learning and the parts of Rainbow: what they are without them, with each of them, and with all."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Dict
from sb3_contrib import QRDQN
from stable_baselines3 import DQN

from apsi.agent.ask import trained_agent
from apsi.algo.base import Network
from apsi.algo.double_dqn import DoubleDqn
from apsi.algo.dqn import Dqn
from apsi.algo.dueling_dqn import DuelingDqn
from apsi.algo.noisy import NoisyLinear
from apsi.algo.optimizer.adam import Adam
from apsi.algo.q_learner import QLearner
from apsi.algo.qrdqn import Qrdqn
from apsi.algo.rainbow import Rainbow
from apsi.algo.schedule.fixed import Constant
from apsi.config.renamed import tensor_with_new_name
from apsi.env.core import EditCore, EnvComponents
from apsi.env.vec_env import PhotoVecEnv
from apsi.episodes.prepared import PreparedEpisodes
from apsi.errors import ApsiError
from apsi.feature_extractor.small_cnn import SmallCnn
from apsi.photo.prepared import PreparedSplit
from apsi.train.run_state import restore_run, run_state
from tests.conftest import context

GIVEN: dict[str, Any] = {
    **{"optimizer": Adam(1e-3, 0.0, 1.0, 0.0, 1e-8), "schedule": Constant(), "net_arch": [16]},
    **{"buffer_size": 64, "learning_starts": 16, "batch_size": 16, "gamma": 0.5, "train_freq": 1, "gradient_steps": 2},
    **{"target_update_interval": 24, "exploration_fraction": 0.5, "exploration_initial_eps": 1.0},
    **{"exploration_final_eps": 0.1, "max_grad_norm": 5.0},
}
NETWORK = Network(SmallCnn, {"channels": [8, 8], "features_dim": 16}, "cpu", 0)
PARTS: dict[str, dict[str, Any]] = {
    "double": {"double": True},
    "dueling": {"dueling": True},
    "n_steps": {"n_steps": 3},
    "prioritized": {"prioritized": True},
    "noisy": {"noisy": True},
    "categorical": {"distribution": "categorical"},
    "quantile": {"distribution": "quantile", "n_quantiles": 5},
}


def algo_of(kind: type[Dqn] = Dqn, **settings: Any) -> Dqn:
    return kind(**{**GIVEN, **settings})


@pytest.fixture
def env(restore: EnvComponents, split: PreparedSplit) -> Callable[..., PhotoVecEnv]:
    def make(n: int = 4, **objective: Any) -> PhotoVecEnv:
        parts = replace(restore, objective=replace(restore.objective, **objective))
        return PhotoVecEnv(EditCore(parts, PreparedEpisodes(context(split)), n))

    return make


def parameters_of(model: Any) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in model.policy.parameters()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("distribution", "theirs"),
    [({}, DQN), ({"distribution": "quantile", "n_quantiles": 5}, QRDQN)],
    ids=["dqn", "qrdqn"],
)
def test_without_parts_it_learns_what_stable_baselines3_does(
    distribution: dict[str, Any], theirs: Any, env: Callable[..., PhotoVecEnv]
) -> None:
    algo = algo_of(**distribution)
    ours = algo.build(env(), NETWORK, 1000)
    names = set(GIVEN) - {"optimizer", "schedule", "net_arch"}
    kwargs = NETWORK.policy_kwargs(env(), [16]) | {k: v for k, v in distribution.items() if k == "n_quantiles"}
    same = theirs(
        "CnnPolicy",
        env(),
        learning_rate=1e-3,
        policy_kwargs=kwargs,
        device="cpu",
        seed=0,
        **{name: GIVEN[name] for name in names},
    )
    algo.optimizer.attach(same)
    for model in (ours, same):
        model.set_random_seed(0)
        model.learn(160)
    for mine, other in zip(parameters_of(ours), parameters_of(same), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("name", "extras"), [*((name, []) for name in PARTS), ("rainbow", ["last_action"])])
def test_each_part_learns_by_itself_and_goes_on_as_if_it_had_never_stopped(
    name: str, extras: list[str], env: Callable[..., PhotoVecEnv], restore: EnvComponents
) -> None:
    algo = algo_of(Rainbow) if name == "rainbow" else algo_of(**PARTS[name])
    unbroken, broken = (algo.build(env(extras=extras), NETWORK, 1000) for _ in range(2))
    before = parameters_of(unbroken)
    unbroken.learn(48)
    broken.set_parameters(deepcopy(unbroken.get_parameters()))
    for counter in ("num_timesteps", "_n_updates", "_n_calls", "_episode_num"):
        setattr(broken, counter, getattr(unbroken, counter))
    state = deepcopy(run_state(unbroken, restore.juror))
    broken.learn(0, reset_num_timesteps=False)
    unbroken.learn(48, reset_num_timesteps=False)
    restore_run(state, broken, restore.juror)
    broken.learn(48, reset_num_timesteps=False)
    assert any(not torch.equal(old, new) for old, new in zip(before, parameters_of(unbroken), strict=True))
    for mine, other in zip(parameters_of(broken), parameters_of(unbroken), strict=True):
        assert torch.equal(mine, other)


def test_double_values_the_online_networks_choice_with_the_target_network(env: Callable[..., PhotoVecEnv]) -> None:
    model: Any = algo_of(DoubleDqn).build(env(), NETWORK, 1000)
    model.learn(64)
    batch = model.replay_buffer.sample(8)
    chosen, wanted = torch.tensor([1.0, 5.0, 2.0, 0.0]), torch.tensor([9.0, 3.0, 7.0, 8.0])
    model.q_net_target.returns = lambda _: wanted.repeat(8, 1)[:, :, None]
    zeros = torch.zeros(8, 4, 1, requires_grad=True)
    model.q_net.forward = lambda _: chosen.repeat(8, 1)
    model.q_net.returns = lambda _: zeros
    model._descend(batch)
    targets = batch.rewards + (1 - batch.dones) * 0.5 * 3.0  # the target network's value of action 1
    gradient = torch.zeros(8, 4, 1)
    gradient[torch.arange(8), batch.actions[:, 0].long(), 0] = -targets[:, 0].clamp(-1, 1) / 8
    torch.testing.assert_close(zeros.grad, gradient)


def test_weights_scale_what_is_learned_and_errors_become_priorities(env: Callable[..., PhotoVecEnv]) -> None:
    model: Any = algo_of(prioritized=True, priority_alpha=1.0).build(env(), NETWORK, 1000)
    model.learn(64)
    batch = model.replay_buffer.sample(8)._replace(weights=torch.linspace(0.1, 1, 8), dones=torch.ones(8, 1))
    zeros = torch.zeros(8, 4, 1, requires_grad=True)
    model.q_net.returns = lambda _: zeros
    model._descend(batch)
    gradient = torch.zeros(8, 4, 1)
    by = batch.weights * -batch.rewards[:, 0].clamp(-1, 1) / 8
    gradient[torch.arange(8), batch.actions[:, 0].long(), 0] = by
    torch.testing.assert_close(zeros.grad, gradient)
    last = dict(zip(model.replay_buffer._drawn.tolist(), batch.rewards[:, 0].abs().tolist(), strict=True))
    found = model.replay_buffer.priorities.state(64)["priorities"]
    assert {cell: found[cell] for cell in last} == pytest.approx(last, abs=1e-5)


def test_beta_reaches_1_at_the_end_of_training(env: Callable[..., PhotoVecEnv]) -> None:
    model: Any = algo_of(prioritized=True, priority_beta=0.4).build(env(), NETWORK, 1000)
    betas = []
    train = model.train
    model.train = lambda *a, **k: train(*a, **k) or betas.append(model.replay_buffer.priorities.beta)  # type: ignore[func-returns-value]
    model.learn(100)
    expected = [0.4 + 0.6 * steps / 100 for steps in range(20, 101, 4)]
    assert betas == pytest.approx(expected)


@pytest.mark.parametrize("size", [1, 3])
def test_dueling_advantages_have_mean_0(size: int, env: Callable[..., PhotoVecEnv]) -> None:
    quantiles = {"distribution": "quantile", "n_quantiles": size} if size > 1 else {}
    q_net: Any = algo_of(DuelingDqn, **quantiles).build(env(), NETWORK, 1000).policy.q_net
    photos = torch.rand(5, 3, 36, 36)
    values = q_net.value(q_net.extract_features(photos, q_net.features_extractor))
    torch.testing.assert_close(q_net.returns(photos).mean(dim=1), values)
    torch.testing.assert_close(q_net(photos).mean(dim=1), values.mean(dim=1))


def test_noise_explores_instead_of_random_actions_and_evaluation_is_without(env: Callable[..., PhotoVecEnv]) -> None:
    algo = algo_of(noisy=True, noisy_std=8.0, learning_starts=4)
    model: Any = algo.build(env(), NETWORK, 1000)
    assert sum(isinstance(layer, NoisyLinear) for layer in model.q_net.modules()) == 2
    model.learn(60)
    assert model.exploration_rate == 0
    photos = np.repeat(model.env.core.observe()[:1], 64, axis=0)
    explored = model.predict(photos)[0]
    assert len(set(explored.tolist())) > 1  # the same photo 64 times: each row has noise of its own
    agent = trained_agent(algo, model)
    assert agent.prefer is not None
    preferred = agent.prefer(photos[:1])
    for _ in range(3):
        np.testing.assert_array_equal(agent.prefer(photos[:1]), preferred)
        actions, _ = agent.predict(photos, None, np.ones(64, dtype=bool))
        assert (actions == preferred.argmax()).all()


def test_the_target_network_is_noisy_only_while_it_is_learned_from(env: Callable[..., PhotoVecEnv]) -> None:
    model: Any = algo_of(noisy=True).build(env(), NETWORK, 1000)
    model.learn(24)
    asked = []
    returns = model.q_net_target.returns
    layers = [layer for layer in model.q_net_target.modules() if isinstance(layer, NoisyLinear)]
    model.q_net_target.returns = lambda obs: asked.append(all(x.is_noisy for x in layers)) or returns(obs)  # type: ignore[func-returns-value]
    model.train(2, 8)
    assert asked == [True, True] and not any(layer.is_noisy for layer in layers)


@pytest.mark.slow
def test_exploration_decays_with_every_episode_down_to_its_floor(env: Callable[..., PhotoVecEnv]) -> None:
    model: Any = algo_of(exploration_decay=0.9, exploration_final_eps=0.3).build(env(1), NETWORK, 1000)
    seen: list[tuple[int, float]] = []
    on_step = model._on_step
    model._on_step = lambda: on_step() or seen.append((model._episode_num, model.exploration_rate))
    model.learn(80)
    assert seen == [(episodes, pytest.approx(max(0.3, 0.9**episodes))) for episodes, _ in seen]
    assert seen[0][1] == 1 and seen[-1][1] == 0.3 and len({rate for _, rate in seen}) > 8


def test_gradients_are_not_clipped_where_nobody_asks_for_it(env: Callable[..., PhotoVecEnv]) -> None:
    learned = []
    for limit in (None, 1e9, 1e-3):
        model = algo_of(max_grad_norm=limit, loss="mse").build(env(), NETWORK, 1000)
        model.learn(40)
        learned.append(parameters_of(model))
    assert all(torch.equal(a, b) for a, b in zip(learned[0], learned[1], strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(learned[0], learned[2], strict=True))


def test_q_values_are_recorded(env: Callable[..., PhotoVecEnv]) -> None:
    model: Any = algo_of().build(env(), NETWORK, 1000)
    model.learn(64)
    values = torch.tensor([[1.0, 3.0], [5.0, -1.0]])
    model._descend = lambda _: (0.25, values)
    model.train(1, 4)
    recorded = model.logger.name_to_value
    assert (recorded["train/q_mean"], recorded["train/q_max"], recorded["train/loss"]) == (2.0, 5.0, 0.25)
    assert recorded["train/q_std"] == pytest.approx(np.std([1, 3, 5, -1]))


def test_rainbow_is_all_of_them(env: Callable[..., PhotoVecEnv]) -> None:
    model = algo_of(Rainbow).build(env(extras=["last_action"]), NETWORK, 1000)
    assert isinstance(model, QLearner) and isinstance(model.observation_space, Dict)
    parts = model.parts
    assert parts.double and parts.n_steps == 3 and parts.priority_alpha == 0.5 and parts.is_noisy
    q_net: Any = model.q_net
    assert q_net.of_return.size == 51 and isinstance(q_net.value[-1], NoisyLinear)
    assert q_net.value[-1].out_features == 51 and q_net.q_net[-1].out_features == 4 * 51


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"loss": "mse", "distribution": "quantile"}, r"algo\.loss=mse .* algo\.distribution=quantile"),
        ({"distribution": "categorical", "v_min": 3.0, "v_max": 3.0}, r"algo\.v_min=3 to algo\.v_max=3"),
        ({"distribution": "categorical", "n_atoms": 1}, r"algo\.n_atoms=1"),
        ({"noisy": True, "exploration_decay": 0.9}, r"algo\.exploration_decay=0\.9 .* algo\.noisy=true"),
    ],
)
def test_what_does_not_go_together_is_an_error(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ApsiError, match=said):
        algo_of(**settings)


def test_tensors_of_earlier_quantile_networks_are_found(env: Callable[..., PhotoVecEnv]) -> None:
    theirs = QRDQN("CnnPolicy", env(), policy_kwargs=NETWORK.policy_kwargs(env(), [16]), device="cpu")
    ours = algo_of(Qrdqn).build(env(), NETWORK, 1000)
    old, new = theirs.policy.state_dict(), ours.policy.state_dict()
    assert [tensor_with_new_name(name) for name in old] == list(new)
    assert tensor_with_new_name("actor.mu.weight") == "actor.mu.weight"
