"""What jurors share whose model is a torch network."""

import os
from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import nn

from apsi.device.calibration import Outputs, Setting, find_graph
from apsi.device.device import Device
from apsi.device.torch_layout import layout
from apsi.errors import ApsiError
from apsi.juror.mapping import Mapping
from apsi.juror.neural import SIZES, NeuralJuror, cores, ways_to_share
from apsi.photo import Floats, Photo
from apsi.photo.hash import value_hash
from apsi.types import BatchSize, MemoryFormat

Replay: TypeAlias = Callable[[torch.Tensor], torch.Tensor]


class TorchJuror(NeuralJuror):
    """Photos travel as `uint8` and are resized and normalised on the device; CUDA computes in bfloat16.

    Args:
        mapping: from the model's scale to 0..10.
        device: where the model runs.
        batch_size: photos a pass; `auto`: what is fastest here.
        memory_format: `contiguous`, `channels_last`, or `auto`: what is fastest here.
        size: side of the square that the model looks at.
        mean, std: of R, G, B on the scale 0 to 1.
        frame: `stretch` the whole photo into the square, or `crop` the centre.
    """

    _LOADED: tuple[str, ...] = ("model", "where", "_graphs", "_is_channels_last")

    def __init__(
        self,
        *,
        mapping: Mapping,
        device: Device,
        batch_size: BatchSize,
        memory_format: MemoryFormat,
        size: int,
        mean: Sequence[float],
        std: Sequence[float],
        frame: Literal["stretch", "crop"],
    ) -> None:
        super().__init__(mapping, batch_size, memory_format)
        self.device, self.size, self.mean, self.std, self.frame = device, size, mean, std, frame

    @abstractmethod
    def load(self) -> nn.Module:
        """The network: `(n, 3, size, size)` to what `read_out` takes."""

    @abstractmethod
    def read_out(self, output: torch.Tensor) -> torch.Tensor:
        """Native scores `(n,)` from the network's output in `float32` on the CPU."""

    @property
    @abstractmethod
    def weights(self) -> str:
        """Names model and weights."""

    @property
    def fingerprint(self) -> str:
        # in bfloat16 scores differ in the second digit, so they are not mixed with those of float32
        if self._dtype is not torch.bfloat16:
            return self.weights
        return f"{self.weights}-bf16-{value_hash(torch.cuda.get_device_name())[:6]}"  # chips round otherwise

    @cached_property
    def where(self) -> str:
        """The device's name for torch."""
        name = self.device.activate()
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

    @property
    def sizes(self) -> Sequence[int]:
        return SIZES if self.where == "cpu" else (*SIZES, 64, 128, 256)

    def backend(self) -> dict[str, object]:
        chip = torch.cuda.get_device_name() if self.where == "cuda" else self.where
        return {
            "torch": torch.__version__,
            "device": chip,
            "side": self.size,
            "dtype": str(self._dtype),
            "capability": torch.backends.cpu.get_cpu_capability(),
        }

    @property
    def is_on_cpu(self) -> bool:
        return self.where == "cpu"

    def options(self) -> list[tuple[int, int]]:
        return ways_to_share(cores(self.device.threads)) if self.is_on_cpu else []

    def find_setting(self, formats: Sequence[bool], fixed: int | None) -> Setting:
        setting = super().find_setting(formats, fixed)
        return find_graph(self._trial, setting) if self.where == "cuda" else setting

    def read(self, outputs: Outputs) -> Floats:
        return self.read_out(torch.from_numpy(outputs)).double().numpy()

    @torch.inference_mode()
    def outputs(self, photos: Sequence[Photo], setting: Setting) -> Outputs:
        batch = torch.zeros(setting.rows(len(photos)), 3, self.size, self.size, device=self.where)
        batch[: len(photos)] = self.preprocess(photos)
        batch = batch.to(self._dtype, memory_format=layout(setting))
        output: torch.Tensor = self._replay(batch) if setting.graph else self.model(batch)
        return output.float().cpu().numpy()

    def preprocess(self, photos: Sequence[Photo]) -> torch.Tensor:
        """Normalised squares `(n, 3, size, size)` `float32` on the device."""
        return self.normalise(self.squares(photos))

    def squares(self, photos: Sequence[Photo]) -> torch.Tensor:
        """What the model looks at, `(n, 3, size, size)`: whole levels from 0 to 255 as `float32` on the device.

        A CPU takes photo by photo, a GPU all photos of one size together.
        """
        batch = torch.empty(len(photos), 3, self.size, self.size, device=self.where)
        shapes: dict[object, list[int]] = {}
        for i, photo in enumerate(photos):
            shapes.setdefault(i if self.where == "cpu" else photo.shape, []).append(i)
        for indices in shapes.values():
            stacked = torch.from_numpy(np.stack([photos[i] for i in indices])).to(self.where)
            batch[indices] = self._square(stacked.permute(0, 3, 1, 2).float())
        return batch

    def normalise(self, squares: torch.Tensor) -> torch.Tensor:
        """Levels from 0 to 255 on the model's scale."""
        mean, std = (torch.tensor(v, device=self.where)[:, None, None] for v in (self.mean, self.std))
        return (squares / 255 - mean) / std

    @cached_property
    def _graphs(self) -> dict[int, Replay]:
        """Captured passes by their number of rows."""
        return {}

    @cached_property
    def _is_channels_last(self) -> bool:
        return False

    def _replay(self, batch: torch.Tensor) -> torch.Tensor:
        if len(batch) not in self._graphs:
            self._graphs[len(batch)] = capture(self.model, batch)
        return self._graphs[len(batch)](batch)

    def _adopt(self, setting: Setting) -> None:
        if self._is_channels_last != setting.channels_last:
            self.model.to(memory_format=layout(setting))
            self._graphs.clear()
            self._is_channels_last = setting.channels_last

    def _runs_here(self, threads: int) -> bool:
        return self.where != "cpu" or torch.get_num_threads() == threads

    def _begin_thread(self, threads: int) -> None:
        torch.set_num_threads(threads)

    def _start_threads(self, workers: int, threads: int) -> ThreadPoolExecutor:
        before = torch.get_num_threads()
        executor = super()._start_threads(workers, threads)
        torch.set_num_threads(before)  # what the new threads set holds for later ones too
        return executor

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


def capture(network: nn.Module, batch: torch.Tensor) -> Replay:
    """One pass as a CUDA graph, after <https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs>.

    Args:
        network: in eval mode.
        batch: of the shape that all later ones have.
    """
    still, stream = batch.clone(), torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch leaves it so
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):  # lets libraries choose and allocate before anything is recorded
            network(still)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = network(still)

    def replay(photos: torch.Tensor) -> torch.Tensor:
        still.copy_(photos)
        graph.replay()
        fresh: torch.Tensor = output.clone()
        return fresh

    return replay


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
