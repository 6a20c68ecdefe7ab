"""What Q-networks are fitted to: projections and losses as slow loops work them out."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sb3_contrib.common.utils import quantile_huber_loss

from apsi.algo.returns import Categorical, Mean, Quantiles, Returns

NUMBERS = st.floats(-4, 4, width=32)


def column(values: list[float]) -> torch.Tensor:
    return torch.tensor(values)[:, None]


@settings(max_examples=80, deadline=None)
@given(
    st.integers(2, 9).flatmap(lambda k: st.lists(st.lists(NUMBERS, min_size=k, max_size=k), min_size=1, max_size=3)),
    st.lists(st.floats(-9, 9, width=32), min_size=3, max_size=3),
    st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=3, max_size=3),
)
def test_a_distribution_is_moved_and_projected_as_a_slow_loop_does(
    logits: list[list[float]], rewards: list[float], discounts: list[float]
) -> None:
    """Algorithm 1 of Bellemare et al. 2017, with low -2 and high 3."""
    n, k, low, high = len(logits), len(logits[0]), -2.0, 3.0
    of_return, following = Categorical(low, high, k), torch.tensor(logits)
    targets = of_return.targets(following, column(rewards[:n]), column(discounts[:n]))
    probabilities, apart = torch.softmax(following, 1).numpy(), (high - low) / (k - 1)
    expected = np.zeros((n, k))
    for i in range(n):
        for j in range(k):
            moved = min(high, max(low, rewards[i] + discounts[i] * (low + j * apart)))
            place = min(k - 1.0, max(0.0, (moved - low) / apart))
            lower, upper = int(np.floor(place)), int(np.ceil(place))
            if lower == upper:
                expected[i, lower] += probabilities[i, j]
            else:
                expected[i, lower] += probabilities[i, j] * (upper - place)
                expected[i, upper] += probabilities[i, j] * (place - lower)
    np.testing.assert_allclose(targets.numpy(), expected, atol=2e-5)
    np.testing.assert_allclose(targets.sum(dim=1), 1, atol=1e-5)


def test_within_the_support_the_projection_keeps_the_mean() -> None:
    of_return, following = Categorical(-10.0, 10.0, 51), torch.randn(64, 51, generator=torch.Generator().manual_seed(0))
    rewards, discounts = torch.linspace(-1.9, 1.9, 64)[:, None], torch.full((64, 1), 0.8)
    targets = of_return.targets(following, rewards, discounts)
    means = (targets * torch.linspace(-10, 10, 51)).sum(1)
    torch.testing.assert_close(means, rewards[:, 0] + 0.8 * of_return.mean(following), atol=1e-4, rtol=1e-4)


def test_a_categorical_loss_is_the_cross_entropy_and_its_error_the_divergence() -> None:
    of_return = Categorical(0.0, 2.0, 3)
    outputs, targets = torch.tensor([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]]).log(), torch.tensor([[0.0, 0.5, 0.5]] * 2)
    losses = [-0.5 * np.log(0.2 * 0.7), -0.5 * np.log(0.25 * 0.25)]
    torch.testing.assert_close(of_return.losses(outputs, targets), torch.tensor(losses, dtype=torch.float32))
    torch.testing.assert_close(
        of_return.errors(outputs, targets), torch.tensor(losses, dtype=torch.float32) - float(np.log(2))
    )
    assert of_return.errors(targets.clamp(min=1e-30).log(), targets).max() < 1e-6
    torch.testing.assert_close(of_return.mean(outputs), torch.tensor([1.6, 0.75]))


def test_a_quantile_loss_is_that_of_sb3_contrib() -> None:
    rng = torch.Generator().manual_seed(0)
    outputs, targets = (torch.randn(32, 7, generator=rng) * 2 for _ in range(2))
    losses = Quantiles(7).losses(outputs, targets)
    assert losses.shape == (32,)
    torch.testing.assert_close(losses.mean(), quantile_huber_loss(outputs, targets))


def test_a_mean_has_hubers_loss_or_the_square() -> None:
    outputs, targets = torch.tensor([[0.0], [0.0]]), torch.tensor([[0.5], [-3.0]])
    assert Mean().losses(outputs, targets).tolist() == [0.125, 2.5]
    assert Mean(is_squared=True).losses(outputs, targets).tolist() == [0.25, 9.0]
    assert Mean().errors(outputs, targets).tolist() == [0.5, 3.0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "of_return", [Mean(), Categorical(-5.0, 5.0, 11), Quantiles(11)], ids=lambda r: type(r).__name__
)
def test_each_learns_the_mean_of_what_it_is_told(of_return: Returns) -> None:
    """Rewards of 1 or 2, and 0.5 of a next return that is 2 on average: 2.5."""
    outputs = torch.zeros(1, of_return.size, requires_grad=True)
    adam, rng = torch.optim.Adam([outputs], 0.05), torch.Generator().manual_seed(0)
    following = {
        "Mean": torch.full((1, 1), 2.0),
        "Categorical": torch.tensor([[-30.0] * 7 + [0.0] + [-30.0] * 3]),
        "Quantiles": torch.full((1, 11), 2.0),
    }[type(of_return).__name__]
    for _ in range(800):
        rewards = torch.randint(1, 3, (32, 1), generator=rng).float()
        targets = of_return.targets(following.expand(32, -1), rewards, torch.full((32, 1), 0.5))
        loss = of_return.losses(outputs.expand(32, -1), targets).mean()
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
    assert of_return.mean(outputs).item() == pytest.approx(2.5, abs=0.1)
