"""What all neural jurors share: batches that fit into memory, a model that is loaded when it is first needed."""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apsi.errors import ApsiError
from apsi.juror.base import Juror, require_scores
from apsi.juror.mapping import Mapping
from apsi.photo import Floats, Photo


class NeuralJuror(Juror):
    """Scores in batches of at most `batch_size` photos; one that does not fit into memory is halved for good."""

    _LOADED: tuple[str, ...] = ("model",)
    """Cached properties that stay behind when a juror travels to another process, and are made there again."""

    def __init__(self, mapping: Mapping, batch_size: int) -> None:
        self.mapping = mapping
        self.batch_size = batch_size

    @property
    @abstractmethod
    def model(self) -> Any:
        """The model, loaded when it is first asked for."""

    def warm_up(self) -> None:
        _ = self.model

    @abstractmethod
    def forward(self, photos: Sequence[Photo]) -> Floats:
        """One batch through the model: `(n,)` `float64` on the model's own scale."""

    def score(self, photos: Sequence[Photo]) -> Floats:
        return require_scores(self.mapping(self.native(photos)), self)

    def native(self, photos: Sequence[Photo]) -> Floats:
        """Scores `(N,)` on the model's own scale."""
        self.warm_up()
        values, done = np.empty(len(photos)), 0
        while done < len(photos):
            batch = photos[done : done + self.batch_size]
            try:
                values[done : done + len(batch)] = self.forward(batch)
            except (RuntimeError, MemoryError) as error:
                if not _is_out_of_memory(error):
                    raise
                if len(batch) == 1:
                    raise ApsiError(f"juror {self.fingerprint} has no memory for even one photo: {error}") from error
                self.batch_size = len(batch) // 2
                continue
            done += len(batch)
        return values

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in self._LOADED}


def require_weights(path: str | None, key: str, remedy: str) -> Path:
    """The file that a configuration names.

    Raises:
        ApsiError: none is named, or it isn't there; never a model with random weights instead.
    """
    if path is None:
        raise ApsiError(f"{key} is not set: a juror without trained weights can't score. {remedy}")
    found = Path(path).expanduser()
    if not found.is_file():
        raise ApsiError(f"{key}={path} is not a file. {remedy}")
    return found


def _is_out_of_memory(error: RuntimeError | MemoryError) -> bool:
    text = str(error).lower()  # ONNX Runtime and MPS have no class of their own for it
    told = ("out of memory", "failed to allocate memory", "not enough memory", "bad allocation")
    return isinstance(error, MemoryError) or any(words in text for words in told)
