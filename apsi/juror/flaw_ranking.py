"""Learning to rank versions of photos by their statistics."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from apsi.console import track
from apsi.juror.flaw_versions import Versions
from apsi.photo import Floats

_HEADS = 4
_HIDDEN = 48
_STEPS = (60, 200)
"""At least and at most; in between four a photo"""
_BATCH = 48  # photos
_LEARNING_RATE = 5e-3
_WEIGHT_DECAY = 1e-3
_DROPOUT = (0.1, 0.3)  # of statistics, of hidden units
_LARGEST = 4.0  # standard deviations


@dataclass(frozen=True)
class Heads:
    """K networks with one hidden layer, on F standardised statistics."""

    mean: Floats
    """`(F,)`"""
    spread: Floats
    hidden: Floats
    """`(K, F, H)`"""
    hidden_bias: Floats
    output: Floats
    """`(K, H)`"""
    output_bias: Floats

    def own(self, number: int, features: Floats) -> float:
        """What the head that has not seen this photo of the training says of a version of it."""
        return float(self(features)[number % len(self.output)])

    @property
    def is_whole(self) -> bool:
        """Whether the shapes fit."""
        heads, statistics, units = self.hidden.shape if self.hidden.ndim == 3 else (0, 0, 0)
        wanted = [(statistics,), (statistics,), (heads, statistics, units), (heads, units), (heads, units), (heads,)]
        return [values.shape for values in vars(self).values()] == wanted and heads > 0

    def __call__(self, features: Floats) -> Floats:
        """What each head says of one photo: `(F,)` -> `(K,)`, without BLAS, whose rounding depends on its threads."""
        inputs = _bounded((features - self.mean) / self.spread)
        hidden = np.maximum(np.einsum("f,kfh->kh", inputs, self.hidden) + self.hidden_bias, 0)
        values: Floats = np.einsum("kh,kh->k", hidden, self.output) + self.output_bias
        return values


def learn(photos: Sequence[Versions], seed: int) -> Heads:
    """Trains each head on the photos that are not its own, which is every `_HEADS`-th.

    Args:
        photos: N, 2 or more.
        seed: of everything random.
    """
    each = np.concatenate([photo.rows for photo in photos])
    mean, spread = each.mean(axis=0), each.std(axis=0) + 1e-3
    n_heads = min(_HEADS, len(photos))
    with _alone(seed):
        data = _Data(photos, mean, spread)
        others = [torch.tensor([i for i in range(len(photos)) if i % n_heads != head]) for head in range(n_heads)]
        trained = [_train(data, among) for among in track(others, "Ranking flaws", total=n_heads)]
    layers = [[_array(parameter) for parameter in network.parameters()] for network in trained]
    weights, biases, outputs, output_biases = (np.stack(each) for each in zip(*layers, strict=True))
    hidden = np.ascontiguousarray(weights.swapaxes(1, 2))  # a sum rounds differently in another layout
    return Heads(mean, spread, hidden, biases, outputs[:, 0], output_biases[:, 0])


class _Data:
    """Standardised statistics `(N, V, F)` and pairs `(N, P)`; where a photo has fewer, the others have no weight."""

    def __init__(self, photos: Sequence[Versions], mean: Floats, spread: Floats) -> None:
        self.n_flawed = photos[0].n_flawed
        n_rows, n_pairs = max(len(photo.rows) for photo in photos), max(len(photo.pairs) for photo in photos)
        inputs = np.zeros((len(photos), n_rows, len(mean)), np.float32)
        pairs = np.zeros((len(photos), n_pairs, 3))
        for i, photo in enumerate(photos):
            inputs[i, : len(photo.rows)] = _bounded((np.stack(photo.rows) - mean) / spread)
            pairs[i, : len(photo.pairs)] = photo.pairs
        self.inputs = torch.from_numpy(inputs)
        self.better, self.worse = (torch.from_numpy(pairs[..., k].astype(np.int64)) for k in (0, 1))
        self.weights = torch.from_numpy(pairs[..., 2]).float()

    def loss(self, network: nn.Module, rows: torch.Tensor) -> torch.Tensor:
        """Logistic losses of the pairs, and of good against flawed, which gives all photos one scale."""
        values = network(self.inputs[rows])[..., 0]
        gain = values.gather(1, self.better[rows]) - values.gather(1, self.worse[rows])
        weights = self.weights[rows]
        pairs = (functional.softplus(-gain) * weights).sum() / weights.sum()
        good, flawed = values[:, 0], values[:, 1 : 1 + self.n_flawed]
        return 2 * pairs + (functional.softplus(-good).mean() + functional.softplus(flawed).mean()) / 2


def _train(data: _Data, among: torch.Tensor) -> nn.Sequential:
    network = nn.Sequential(nn.Linear(data.inputs.shape[-1], _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 1))
    noisy = nn.Sequential(nn.Dropout(_DROPOUT[0]), network[:2], nn.Dropout(_DROPOUT[1]), network[2])
    steps = int(np.clip(4 * len(data.inputs), *_STEPS))
    optimizer = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=steps)
    for _ in range(steps):
        rows = among[torch.randperm(len(among))[:_BATCH]]
        optimizer.zero_grad()
        data.loss(noisy, rows).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return network


def _bounded(values: npt.NDArray[np.floating]) -> Floats:
    bounded: Floats = _LARGEST * np.tanh(np.asarray(values, np.float64) / _LARGEST)
    return bounded


def _array(tensor: torch.Tensor) -> Floats:
    return tensor.detach().numpy().astype(np.float64)


@contextmanager
def _alone(seed: int) -> Iterator[None]:
    """Random numbers of its own and one thread, so that the same photos give the same heads, whatever ran before."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)
