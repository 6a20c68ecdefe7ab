"""Feature extractors: shapes, independence of the batch, gradients."""

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from apsi.config import load_config
from apsi.instantiate import class_and_arguments


@pytest.fixture(params=["small_cnn", "nature_cnn"])
def extractor(request: pytest.FixtureRequest) -> BaseFeaturesExtractor:
    kind, arguments = class_and_arguments(load_config([f"feature_extractor={request.param}"]).feature_extractor)
    torch.manual_seed(0)
    return kind(gymnasium.spaces.Box(0, 255, (3, 64, 48), np.uint8), **arguments)


def test_features_have_the_promised_length(extractor: BaseFeaturesExtractor) -> None:
    assert extractor(torch.rand(2, 3, 64, 48)).shape == (2, extractor.features_dim)


def test_features_of_a_photo_do_not_depend_on_the_batch(extractor: BaseFeaturesExtractor) -> None:
    photos = torch.rand(5, 3, 64, 48)
    alone = torch.cat([extractor(photo[None]) for photo in photos])
    torch.testing.assert_close(extractor(photos), alone, atol=1e-5, rtol=1e-4)


def test_every_parameter_learns(extractor: BaseFeaturesExtractor) -> None:
    extractor(torch.rand(4, 3, 64, 48)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in extractor.parameters())
