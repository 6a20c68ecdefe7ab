"""What jurors share whose model is a torch network."""

import os
from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from apsi.device.device import Device
from apsi.errors import ApsiError
from apsi.juror.mapping import Mapping
from apsi.juror.neural import NeuralJuror
from apsi.photo import Floats, Photo


class TorchJuror(NeuralJuror):
    """Photos travel as `uint8` and are resized and normalised on the device; CUDA computes in bfloat16.

    On a GPU a batch is filled up to a power of two, so that few shapes occur; each row is computed by itself.

    Args:
        mapping: from the model's scale to 0..10.
        device: where the model runs.
        batch_size: photos a pass.
        size: side of the square that the model looks at.
        mean, std: of R, G, B on the scale 0 to 1.
        frame: `stretch` the whole photo into the square, or `crop` the centre.
    """

    _LOADED: tuple[str, ...] = ("model", "where")

    def __init__(
        self,
        *,
        mapping: Mapping,
        device: Device,
        batch_size: int,
        size: int,
        mean: Sequence[float],
        std: Sequence[float],
        frame: Literal["stretch", "crop"],
    ) -> None:
        super().__init__(mapping, batch_size)
        self.device, self.size, self.mean, self.std, self.frame = device, size, mean, std, frame

    @abstractmethod
    def load(self) -> nn.Module:
        """The network: `(n, 3, size, size)` to what `read_out` takes."""

    @abstractmethod
    def read_out(self, output: torch.Tensor) -> torch.Tensor:
        """Native scores `(n,)` from the network's output in `float32`."""

    @cached_property
    def where(self) -> str:
        """The device's name for torch."""
        name = self.device.open()
        if "OMP_NUM_THREADS" in os.environ:  # a worker's share of the cores
            torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        return name

    @cached_property
    def model(self) -> Any:
        """The network on its device, in eval mode."""
        return self.load().to(self.where, self._dtype).eval().requires_grad_(False)

    @property
    def _dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.where == "cuda" else torch.float32

    @torch.inference_mode()
    def forward(self, photos: Sequence[Photo]) -> Floats:
        return self.read_out(self.run(photos)).double().cpu().numpy()

    @torch.inference_mode()
    def run(self, photos: Sequence[Photo]) -> torch.Tensor:
        """The network's output in `float32` for one batch."""
        batch = self.preprocess(photos)
        if self.where != "cpu":
            padding = (1 << (len(photos) - 1).bit_length()) - len(photos)
            batch = torch.cat([batch, batch[-1:].expand(padding, -1, -1, -1)])
        output: torch.Tensor = self.model(batch.to(self._dtype))
        return output[: len(photos)].float()

    def preprocess(self, photos: Sequence[Photo]) -> torch.Tensor:
        """Normalised squares `(n, 3, size, size)` `float32` on the device; photos of one size go there together."""
        batch = torch.empty(len(photos), 3, self.size, self.size, device=self.where)
        shapes: dict[tuple[int, ...], list[int]] = {}
        for i, photo in enumerate(photos):
            shapes.setdefault(photo.shape, []).append(i)
        for indices in shapes.values():
            stacked = torch.from_numpy(np.stack([photos[i] for i in indices])).to(self.where)
            batch[indices] = self._square(stacked.permute(0, 3, 1, 2).float())
        mean, std = (torch.tensor(v, device=self.where)[:, None, None] for v in (self.mean, self.std))
        return (batch / 255 - mean) / std

    def _square(self, images: torch.Tensor) -> torch.Tensor:
        """Bicubic with antialiasing, rounded to whole levels, as image libraries do."""
        height, width = images.shape[2:]
        if self.frame == "crop":
            side = min(height, width)
            top, left = (height - side) // 2, (width - side) // 2
            images = images[:, :, top : top + side, left : left + side]
        if images.shape[2:] == (self.size, self.size):
            return images
        resized = nn.functional.interpolate(images, (self.size, self.size), mode="bicubic", antialias=True)
        return resized.round().clamp(0, 255)


class AffineHead(nn.Module):
    """Linear layers with nothing between them, folded into the one affine map that they are in eval mode.

    Args:
        state: `weight` and `bias` of each layer, in the order of the numbers in their names.
        width: length of the embedding that it scores.
    """

    weight: torch.Tensor
    bias: torch.Tensor

    def __init__(self, state: dict[str, torch.Tensor], width: int, place: str) -> None:
        super().__init__()
        layers = sorted({name.rpartition(".")[0] for name in state}, key=_number)
        weight, bias = torch.eye(width, dtype=torch.float64), torch.zeros(width, dtype=torch.float64)
        try:
            for layer in layers:
                w, b = (state[f"{layer}.{kind}".lstrip(".")].double() for kind in ("weight", "bias"))
                weight, bias = w @ weight, w @ bias + b
            if weight.shape[0] != 1:
                raise ValueError(f"it ends in {weight.shape[0]} values instead of 1")
        except (KeyError, RuntimeError, ValueError) as error:
            raise ApsiError(f"{place} is not a scoring head for embeddings of {width} numbers: {error}") from error
        self.register_buffer("weight", weight.float())
        self.register_buffer("bias", bias.float())

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        """Scores `(n,)` of embeddings `(n, width)`, brought to length 1 first."""
        unit = nn.functional.normalize(embedding.float(), dim=-1)
        return nn.functional.linear(unit, self.weight.to(unit.device), self.bias.to(unit.device))[:, 0]


def load_state(path: object, place: str) -> dict[str, torch.Tensor]:
    """The tensors of a weight file; nothing in it can run.

    Raises:
        ApsiError: not a file of named tensors.
    """
    try:
        if str(path).endswith(".safetensors"):
            from safetensors.torch import load_file

            return load_file(str(path))
        state = torch.load(str(path), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a broken file
        raise ApsiError(f"{place}={path} is not a file of weights that can be loaded safely: {error}") from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ApsiError(f"{place}={path} does not hold named tensors")
    return {str(name): value for name, value in state.items()}


def _number(layer: str) -> int:
    last = layer.rpartition(".")[2]
    return int(last) if last.isdigit() else -1
