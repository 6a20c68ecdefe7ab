"""A pretrained network with stages and BatchNorm that is as quick as can be."""

from typing import Any

import gymnasium
import numpy as np
import torch
from torch import nn

from apsi.feature_extractor.pretrained import Architecture, Pretrained


class Small(Pretrained):
    """Stages named like those of a ResNet."""

    name = "small"
    architecture = Architecture("fc", "layer4", 6)

    def _load(self, weights: str | None) -> nn.Module:
        network = nn.Sequential()
        network.add_module("conv1", nn.Conv2d(3, 4, 3, stride=2))
        network.add_module("bn1", nn.BatchNorm2d(4))
        for i in (3, 4):
            stage = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Hardtanh())
            network.add_module(f"layer{i}", stage if i == 3 else nn.Sequential(*stage, nn.Conv2d(4, 6, 3)))
        network.add_module("pool", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
        network.add_module("fc", nn.Linear(6, 2))
        return network


def small(*, channels: int = 3, **settings: Any) -> Small:
    """One whose weights are those of a file as far as it knows, unless `weights` says otherwise."""
    torch.manual_seed(0)
    chosen: dict[str, Any] = {"weights": "file", "freeze": "all", "hidden": [], "features_dim": 40, "amp": False}
    chosen |= {"unfreeze_after": None, "batch_size": 4, "memory_format": "contiguous"} | settings
    return Small(gymnasium.spaces.Box(0, 255, (channels, 16, 16), np.uint8), **chosen)
