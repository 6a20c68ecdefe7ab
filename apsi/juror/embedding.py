"""Jurors that score an image embedding with a learned head."""

from abc import abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from apsi.device.device import Device
from apsi.errors import ApsiError
from apsi.juror.mapping import Mapping
from apsi.juror.neural import require_weights
from apsi.juror.torch_model import AffineHead, TorchJuror, load_state
from apsi.photo.hash import file_hash, value_hash
from apsi.types import BatchSize, MemoryFormat


class EmbeddingJuror(TorchJuror):
    """A vision tower from Hugging Face `transformers`, its embedding normalised to length 1, an affine head on top.

    Args:
        tower: a model's name on the hub, or a folder that `save_pretrained` wrote.
        head: the file of the head's weights.
        mapping: from the head's value to 0..10.
        device: where the tower runs.
        batch_size: photos a pass; `auto`: what is fastest here.
        memory_format: `contiguous`, `channels_last`, or `auto`: what is fastest here.
    """

    remedy: str
    frame_as: Literal["stretch", "crop"]
    pixel_mean: tuple[float, float, float]
    pixel_std: tuple[float, float, float]

    def __init__(
        self,
        *,
        tower: str,
        head: str | None,
        mapping: Mapping,
        device: Device,
        batch_size: BatchSize,
        memory_format: MemoryFormat = "auto",
    ) -> None:
        self.head = require_weights(head, "juror.head", self.remedy)
        self.tower = str(Path(tower).expanduser()) if Path(tower).expanduser().is_dir() else tower
        super().__init__(
            mapping=mapping,
            device=device,
            batch_size=batch_size,
            memory_format=memory_format,
            size=0,  # the tower says
            mean=self.pixel_mean,
            std=self.pixel_std,
            frame=self.frame_as,
        )
        tower_hash = [file_hash(path) for path in sorted(Path(self.tower).glob("*.safetensors"))] or self.tower
        settings = value_hash([tower_hash, repr(mapping)])
        self._weights = f"{type(self).__name__.lower()}-{file_hash(self.head)[:12]}-{settings}"

    @property
    def weights(self) -> str:
        return self._weights

    @abstractmethod
    def tower_class(self) -> Any:
        """The class of the tower."""

    @abstractmethod
    def embedding_width(self, config: Any) -> int:
        """Length of the tower's embedding."""

    @abstractmethod
    def embed(self, tower: Any, batch: torch.Tensor) -> torch.Tensor:
        """Embeddings `(n, width)` of normalised photos."""

    def load(self) -> nn.Module:
        tower = self._load_tower()
        self.size = int(tower.config.image_size)
        head = AffineHead(
            load_state(self.head, "juror.head"), self.embedding_width(tower.config), f"juror.head={self.head}"
        )
        return _Scorer(self, tower, head)

    def _load_tower(self) -> Any:
        try:
            tower, found = self.tower_class().from_pretrained(
                self.tower, use_safetensors=True, output_loading_info=True
            )
            if found["missing_keys"]:  # which the library would fill with random numbers
                raise ValueError(f"it has no weights for {min(found['missing_keys'])}.")
            return tower
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ApsiError(
                f"juror.tower={self.tower} can't be loaded: {reason} "
                "Give the name of a model on the Hugging Face hub (and be online), or the folder of a downloaded one."
            ) from error

    @cached_property
    def model(self) -> Any:
        model = self.load().eval().requires_grad_(False)
        model.tower.to(self.where, self._dtype)  # the head stays in float32: small, and what the score hangs on
        return model

    def read_out(self, output: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.model.head(output)
        return scores


class _Scorer(nn.Module):
    def __init__(self, juror: EmbeddingJuror, tower: nn.Module, head: AffineHead) -> None:
        super().__init__()
        self.tower, self.head, self._embed = tower, head, juror.embed

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Embeddings `(n, width)`; the head follows in `EmbeddingJuror.read_out`."""
        embedding: torch.Tensor = self._embed(self.tower, batch)
        return embedding


def transformers() -> Any:
    """The library, imported when first needed."""
    try:
        import transformers as library
    except ImportError as error:
        raise ApsiError("this juror needs Hugging Face transformers: pip install 'apsi[transformers]'") from error
    return library
