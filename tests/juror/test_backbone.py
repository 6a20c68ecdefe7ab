"""Networks whose outputs are features: frozen, never without trained weights, no jurors themselves."""

from pathlib import Path

import numpy as np
import pytest
import torch

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.errors import ApsiError
from apsi.juror.backbone import Backbone
from apsi.juror.framed import FramedPhoto
from apsi.juror.preference_features import FeatureMaker
from apsi.torchvision_ops import define_missing
from tests.conftest import natural_photo


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a ResNet-18 that nobody trained."""
    define_missing()
    import torchvision

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), path)
    return path


def backbone(option: str, weights: object) -> Backbone:
    chosen = [f"juror/backbone={option}", f"juror.backbone.weights={weights}", "juror.backbone.batch_size=2"]
    config = load_config(["juror=preference", "juror.path=x", *chosen, "juror.backbone.memory_format=contiguous"])
    found: Backbone = instantiate(config.juror.backbone)
    return found


@pytest.mark.slow
def test_its_features_are_those_of_a_photo_in_any_company(weights: Path) -> None:
    network = backbone("resnet18", weights)
    maker = FeatureMaker(("box", "neural"), False, network)
    photos = [FramedPhoto(natural_photo(seed)) for seed in range(3)]
    rows = maker(photos)
    assert rows.shape == (3, 7 + 512) and len(maker.names) == 7 + 512 and maker.names[-1] == "neural.511"
    assert np.allclose(rows[2], maker(photos[2:])[0], atol=1e-6) and np.ptp(rows[:, 7:], axis=0).max() > 0
    assert maker.fingerprint != FeatureMaker(("box",), False).fingerprint
    with pytest.raises(ApsiError, match="features and no scores"):
        network.score([natural_photo(1)])


def test_without_weights_or_with_others_it_refuses(weights: Path) -> None:
    with pytest.raises(ApsiError, match=r"backbone\.weights is not set: .* without trained weights"):
        backbone("efficientnet_b0", "null")
    other = backbone("efficientnet_b0", weights)
    with pytest.raises(ApsiError, match="are not those of torchvision's efficientnet_b0"):
        other.load()
