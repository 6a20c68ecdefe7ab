"""Networks whose outputs are features, and no scores: what `juror=preference` may look through."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NoReturn

import torch
from torch import nn

from apsi.device.device import Device
from apsi.errors import ApsiError
from apsi.juror.mapping import Linear
from apsi.juror.neural import require_weights
from apsi.juror.torch_model import TorchJuror, load_state
from apsi.photo import Photo
from apsi.photo.hash import file_hash
from apsi.torchvision_ops import define_missing
from apsi.types import BatchSize, MemoryFormat

Network = Literal["resnet18", "resnet50", "mobilenet_v2", "efficientnet_b0"]
_CLASSIFIER = {"resnet18": "fc", "resnet50": "fc", "mobilenet_v2": "classifier", "efficientnet_b0": "classifier"}


class Backbone(TorchJuror):
    """A network of torchvision without its classifier, frozen: pooled features of the whole photo as 224 x 224."""

    def __init__(
        self,
        network: Network,
        weights: str | None,
        device: Device,
        batch_size: BatchSize,
        memory_format: MemoryFormat = "auto",
    ) -> None:
        """Looks for the weights; loads nothing yet.

        Args:
            network: its name in torchvision.
            weights: file with its state dict, as torchvision offers them.
            device: where it runs.
            batch_size: photos a pass; `auto`: what is fastest here.
            memory_format: `contiguous`, `channels_last`, or `auto`: what is fastest here.

        Raises:
            ApsiError: there is no such file: no network with random weights instead.
        """
        self.path: Path = require_weights(
            weights,
            "backbone.weights",
            f"Give the state dict of torchvision's {network}; https://pytorch.org/vision/stable/models.html lists them",
        )
        self.network: Network = network
        super().__init__(
            mapping=Linear(0, 1),
            device=device,
            batch_size=batch_size,
            memory_format=memory_format,
            size=224,
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            frame="stretch",
        )
        self._weights = f"backbone-{network}-{file_hash(self.path)[:12]}"

    @property
    def weights(self) -> str:
        return self._weights

    def with_weights(self, path: Path) -> "Backbone":
        """The same network with those of another file."""
        return Backbone(self.network, str(path), self.device, self.batch_size, self.memory_format)

    def load(self) -> nn.Module:
        define_missing()
        import torchvision

        network: nn.Module = getattr(torchvision.models, self.network)(weights=None)
        try:
            network.load_state_dict(load_state(self.path, "backbone.weights"))
        except RuntimeError as error:
            raise ApsiError(
                f"backbone.weights={self.path} are not those of torchvision's {self.network}: {error}"
            ) from error
        setattr(network, _CLASSIFIER[self.network], nn.Identity())
        return network

    def read_out(self, output: torch.Tensor) -> torch.Tensor:
        return output.mean(dim=1)  # only looked at to find the fastest batch

    def score(self, photos: Sequence[Photo]) -> NoReturn:
        raise ApsiError(
            f"{self.network} has features and no scores: it is a backbone of juror=preference, and no juror"
        )
