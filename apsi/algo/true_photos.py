"""Learning from how far edits leave photos from the true ones: what strengths and discrete actions have in common."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.torch_layers import create_mlp
from torch import nn

from apsi.algo.ahead import OwnPhotosModel
from apsi.env.edit_state import EditState, observe
from apsi.episodes.fresh import FreshEpisodes
from apsi.photo import Bools
from apsi.state import State, generator_state

UNIT = 10.0
"""CIEDE2000 that networks count gains in: about as far as degraded photos are from their originals"""


class TruePhotosModel(OwnPhotosModel):
    """Degrades photos itself, edits them, and learns from their distance to the originals.

    A success is a degraded photo that the last edit left nearer than it was given.
    """

    algo = "recover"
    success_figure: ClassVar[str] = "nearer"

    def __init__(
        self, *args: Any, steps: int = 2, undegraded: float = 0.3, margin: float = 0.1, stride: int = 1, **kwargs: Any
    ) -> None:
        """Takes what `OwnPhotosModel` takes, and:

        Args:
            args: of `OwnPhotosModel`.
            steps: edits of each photo, one after the other.
            undegraded: share of the photos that are not degraded.
            margin: STOP is right where a step would bring a photo nearer by no more, in CIEDE2000.
            stride: every so many pixels of every so many rows are compared, which saves time.
            kwargs: of `OwnPhotosModel`.
        """
        self.steps, self.undegraded, self.margin, self.stride = steps, undegraded, margin, stride
        super().__init__(*args, **kwargs)

    @abstractmethod
    def _loss(self, given: Any, originals: npt.NDArray[np.uint8]) -> tuple[torch.Tensor, Bools]:
        """Mean loss of some steps, and which photos came nearer, `(n,)`.

        Args:
            given: photos, as `_given` says.
            originals: as they are observed, `(n, 3, h, w)`.
        """

    def _given(self, states: Sequence[EditState]) -> Any:
        """What the loss is made of, of states in which photos are given; in the thread that makes batches."""
        return observe(states)

    def _judge(self, batch: tuple[Any, npt.NDArray[np.uint8], Bools]) -> tuple[torch.Tensor, Bools]:
        given, originals, degraded = batch
        loss, nearer = self._loss(given, originals)
        return loss, nearer[degraded]

    def _compared(self, photos: torch.Tensor) -> torch.Tensor:
        """The pixels of photos `(n, 3, h, w)` that are compared; none is averaged, so that edits of them are exact."""
        return photos[:, :, :: self.stride, :: self.stride]

    def _make(self, source: FreshEpisodes) -> Iterator[tuple[Any, int, State]]:
        """What is given, the originals `(B, 3, h, w)`, which are degraded `(B,)`; number of photos, random state."""
        core = self.core
        while True:
            given, true, degraded = [], [], []
            for _ in range(self.batch_size):
                original = source.cut()
                degraded.append(bool(source.rng.random() >= self.undegraded))
                true.append(core.objective.begin(original, core.actions))
                photo = source.recipe()(original) if degraded[-1] else original
                given.append(core.objective.begin(np.ascontiguousarray(photo), core.actions))
            yield (self._given(given), observe(true), np.array(degraded)), len(given), generator_state(source.rng)


def head(n_features: int, n_outputs: int, net_arch: list[int], dropout: float) -> nn.Sequential:
    """Layers behind a feature extractor, with dropout between them; at first they give 0."""
    layers = create_mlp(n_features, n_outputs, net_arch)
    last = layers[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    between = [part for layer in layers[:-1] for part in (layer, *[nn.Dropout(dropout)] * isinstance(layer, nn.ReLU))]
    return nn.Sequential(*between, last)
