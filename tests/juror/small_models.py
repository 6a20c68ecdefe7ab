"""Small neural jurors made here, and what their scores are held to."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.juror.base import Juror
from apsi.juror.neural import NeuralJuror
from apsi.juror.nima import make_network
from apsi.photo import Photo
from tests.conftest import natural_photo

WEIGHTS = Path(__file__).parents[3] / "shared" / "weights"
TOWER = {"hidden_size": 1152, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
TOWER |= {"image_size": 28, "patch_size": 14}


ONNX = ("juror.size=16", "juror.mean=[0.5,0.5,0.5]", "juror.std=[0.5,0.5,0.5]")
LOGISTIC = ("juror.mapping.centre=-10", "juror.mapping.scale=5")


def juror(*overrides: object) -> NeuralJuror:
    return instantiate(load_config([str(override) for override in overrides]).juror)  # type: ignore[no-any-return]


def photos() -> list[Photo]:
    return [natural_photo(seed, 40 + 5 * seed, 64) for seed in range(6)]


def settled(backbone: str, path: Path) -> None:
    """Random weights whose answers depend on the photo: normalisation fits what comes through."""
    torch.manual_seed(0)
    network = make_network(backbone).train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    pixels = np.stack([natural_photo(seed, 64, 64) for seed in range(6)]).transpose(0, 3, 1, 2)
    with torch.no_grad():
        network(torch.from_numpy(pixels.astype(np.float32)) / 64 - 2)
    torch.save(network.state_dict(), path)


def onnx_juror(path: Path, *overrides: str) -> NeuralJuror:
    mapping = () if "juror/mapping=linear" in overrides else LOGISTIC
    return juror("juror=onnx", f"juror.path='{path}'", *ONNX, *mapping, *overrides)


def flat(value: int) -> Photo:
    return np.full((20, 30, 3), value, np.uint8)


def every_juror(siglip: Path, files: dict[str, Path], models: Path) -> list[NeuralJuror]:
    return [
        juror("juror=siglip_v2_5", f"juror.tower='{siglip}'", f"juror.head='{files['siglip']}'"),
        juror("juror=laion", f"juror.tower='{files['clip']}'", f"juror.head='{files['laion']}'"),
        juror("juror=nima", "juror.backbone=resnet18", f"juror.path='{files['resnet18']}'"),
        onnx_juror(models / "mean.onnx"),
    ]


def small_resnet(files: dict[str, Path], *overrides: object) -> NeuralJuror:
    nima = juror("juror=nima", "juror.backbone=resnet18", f"juror.path='{files['resnet18']}'", *overrides)
    nima.size = 64  # type: ignore[attr-defined]  # as much of a network, in a tenth of the time
    return nima


def assert_one_score_in_any_batch(each: Juror, batches: int) -> None:
    rng, pool = np.random.default_rng(0), photos()
    scores = set()
    for _ in range(batches):
        size = int(rng.integers(1, 12))
        batch = [pool[i] for i in rng.integers(1, len(pool), size)]
        place = int(rng.integers(size))
        batch[place] = pool[0]
        scores.add(each.score(batch)[place])
    assert len(scores) == 1, each.fingerprint
