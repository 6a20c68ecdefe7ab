"""Layers with noise: the noise that the paper describes where it is asked for, none elsewhere."""

import math

import pytest
import torch
from torch import nn

from apsi.algo.noisy import NoisyLinear, noise


@pytest.fixture
def layer() -> NoisyLinear:
    torch.manual_seed(0)
    return NoisyLinear(6, 4, 0.5)


def test_it_begins_as_the_paper_says(layer: NoisyLinear) -> None:
    bound = 1 / math.sqrt(6)
    for mean in (layer.weight, layer.bias):
        assert mean.abs().max() <= bound and mean.std() > 0
    for std in (layer.weight_std, layer.bias_std):
        assert (std == 0.5 * bound).all()


def test_without_being_asked_it_is_an_ordinary_layer(layer: NoisyLinear) -> None:
    rows = torch.randn(3, 6)
    torch.testing.assert_close(layer(rows), nn.functional.linear(rows, layer.weight, layer.bias), rtol=0, atol=0)
    layer.train()
    assert torch.equal(layer(rows), layer(rows))
    with noise(nn.Sequential(layer)):
        assert not torch.equal(layer(rows), layer(rows))
    assert torch.equal(layer(rows), layer(rows))
    with pytest.raises(ZeroDivisionError), noise(layer):
        1 / 0  # noqa: B018
    assert not layer.is_noisy


def test_its_noise_has_the_mean_and_spread_of_factorised_gaussians(layer: NoisyLinear) -> None:
    """E f(e)^2 = E |e| = sqrt(2 / pi): a weight's noise has the variance std^2 2 / pi, a bias' std^2 sqrt(2 / pi)."""
    row = torch.tensor([0.5, -1.0, 2.0, 0.0, 0.3, 1.0])
    with torch.no_grad(), noise(layer):
        drawn = layer(row.expand(40_000, 6))
    quiet, square = layer(row[None]), (0.5 / math.sqrt(6)) ** 2
    variance = square * (2 / math.pi * (row**2).sum() + math.sqrt(2 / math.pi))
    torch.testing.assert_close(drawn.mean(0), quiet[0].detach(), atol=0.02, rtol=0)
    torch.testing.assert_close(drawn.var(0), variance.expand(4), rtol=0.06, atol=0)


def test_its_noise_is_the_product_of_one_of_inputs_and_one_of_outputs(layer: NoisyLinear) -> None:
    """With unit rows, the noise of each weight shows: a matrix of rank 1, bias apart."""
    with torch.no_grad():
        layer.bias_std.zero_()
        torch.manual_seed(1)
        with noise(layer):
            outer = layer(torch.ones(1, 6)) - layer(torch.zeros(1, 6))
        torch.manual_seed(1)
        inputs, outputs = torch.randn(1, 6), torch.randn(1, 4)
    f_in, f_out = (e.sign() * e.abs().sqrt() for e in (inputs, outputs))
    weights = layer.weight + layer.weight_std * (f_out.T @ f_in)
    torch.testing.assert_close(outer, weights.sum(1)[None].detach())


def test_rows_of_a_batch_have_noise_of_their_own_and_learn_how_much(layer: NoisyLinear) -> None:
    with noise(layer):
        rows = layer(torch.ones(2, 6))
    assert not torch.equal(rows[0], rows[1])
    rows.sum().backward()  # type: ignore[no-untyped-call]
    assert layer.weight_std.grad is not None and (layer.weight_std.grad != 0).all()
    assert layer.bias_std.grad is not None and (layer.bias_std.grad != 0).all()
