"""NIMA: a distribution of ratings from 1 to 10."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from apsi.device.device import Device
from apsi.errors import ApsiError
from apsi.juror.base import About
from apsi.juror.mapping import Linear
from apsi.juror.neural import require_weights
from apsi.juror.torch_model import TorchJuror, load_state
from apsi.photo import Floats, Photo
from apsi.photo.hash import file_hash
from apsi.torchvision_ops import define_missing
from apsi.types import BatchSize, MemoryFormat

Backbone = Literal["mobilenet_v2", "mobilenet_v3_large", "efficientnet_b0", "resnet18", "resnet50"]
BINS = 10


class Nima(TorchJuror):
    """Neural image assessment: a torchvision backbone whose last layer gives ten bins; the score is their mean.

    Args:
        backbone: a torchvision network.
        path: the `state_dict` of that network with its last linear layer made to give ten values.
        device: where it runs.
        batch_size: photos a pass; `auto`: what is fastest here.
        memory_format: `contiguous`, `channels_last`, or `auto`: what is fastest here.
    """

    about = About(
        native_range="mean of a distribution over 1 to 10",
        mapping="1 becomes 0, 10 becomes 10",
        reference="Talebi, Milanfar: NIMA, 2018, <https://arxiv.org/abs/1709.05424>",
        licence="that of the weights; torchvision's networks BSD-3-Clause",
        knows="what its weights were trained on: people's ratings (AVA) or technical quality (TID2013)",
    )

    def __init__(
        self,
        backbone: Backbone,
        path: str | None,
        device: Device,
        batch_size: BatchSize,
        memory_format: MemoryFormat = "auto",
    ) -> None:
        self.path = require_weights(
            path, "juror.path", f"Add juror.path=FILE with the trained weights of a {backbone} with ten outputs"
        )
        self.backbone = backbone
        super().__init__(
            mapping=Linear(1, BINS),
            device=device,
            batch_size=batch_size,
            memory_format=memory_format,
            size=224,
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            frame="stretch",
        )
        self._weights = f"nima-{backbone}-{file_hash(self.path)[:12]}"

    @property
    def weights(self) -> str:
        return self._weights

    def load(self) -> nn.Module:
        network = make_network(self.backbone)
        try:
            network.load_state_dict(load_state(self.path, "juror.path"))
        except RuntimeError as error:
            raise ApsiError(
                f"juror.path={self.path} are not the weights of a {self.backbone} with ten outputs: {error}"
            ) from error
        return network

    def distribution(self, photos: Sequence[Photo]) -> Floats:
        """Shares `(N, 10)` of the ratings 1 to 10; rows sum to 1."""
        return self.through(photos, lambda outputs: torch.from_numpy(outputs).softmax(dim=1).double().numpy())

    def mean_and_spread(self, photos: Sequence[Photo]) -> tuple[Floats, Floats]:
        """Mean and standard deviation `(N,)` of the ratings, on the scale 1 to 10."""
        shares = torch.from_numpy(self.distribution(photos))
        ratings = torch.arange(1, BINS + 1, dtype=shares.dtype)
        mean = shares @ ratings
        return mean.numpy(), (shares @ ratings**2 - mean**2).clamp(min=0).sqrt().numpy()

    def read_out(self, output: torch.Tensor) -> torch.Tensor:
        ratings = torch.arange(1, BINS + 1, dtype=output.dtype, device=output.device)
        return (output.softmax(dim=1) * ratings).sum(dim=1)


def make_network(backbone: str) -> nn.Module:
    """A torchvision network without trained weights whose last linear layer gives ten values."""
    define_missing()
    import torchvision

    network: nn.Module = getattr(torchvision.models, backbone)(weights=None)
    name, last = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Linear)][-1]
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, nn.Linear(last.in_features, BINS))
    return network
