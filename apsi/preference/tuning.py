"""Tuning a network on answers to pairs of pictures."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import nn

from apsi.console import progress
from apsi.errors import ApsiError
from apsi.juror.backbone import Backbone
from apsi.juror.preference import PRIOR
from apsi.photo import Floats, Ints
from apsi.photo.hash import seed_for
from apsi.preference.answered import Answered, folds
from apsi.preference.fitting import Fit, fit_chosen, targets

_PAIRS, _PASS = 16, 32  # pairs of a step; pictures of a pass without gradients
_STOP_BY, _PATIENCE = 5, 3  # one in 5 training photos is held out to stop by; epochs that do not predict them better


@dataclass(frozen=True)
class Tuning:
    """How a network is tuned: AdamW, from the best utility that is linear in the outputs of the frozen one.

    That the network moves only then keeps what it knows (Kumar et al., "Fine-tuning can distort pretrained features and
    underperform out-of-distribution", ICLR 2022). It stays in eval mode: statistics of batch normalisation are those
    that it came with, and a picture has the same features in any company.
    """

    epochs: PositiveInt
    """at most"""
    network_rate: PositiveFloat
    head_rate: PositiveFloat
    weight_decay: NonNegativeFloat


@dataclass(frozen=True, eq=False)
class Tuned:
    """A network as it predicted photos best that it was not tuned on."""

    network: dict[str, torch.Tensor]
    """without its classifier"""
    losses: tuple[float, ...]
    """of answers to photos held out to stop by, in nats, frozen and after each epoch"""

    @property
    def epochs(self) -> int:
        """After how many it was best; 0: frozen."""
        return int(np.argmin(self.losses))

    @property
    def said(self) -> str:
        """In a sentence."""
        went = len(self.losses) - 1
        if not self.epochs:
            return (
                f"The network was free, and stayed as it was: none of {went} epochs predicted photos better that were "
                "held out to stop by."
            )
        frozen, best = self.losses[0], self.losses[self.epochs]
        return (
            f"The network was free: tuned until epoch {self.epochs}, the best of {went}, which brought the loss on "
            f"photos held out to stop by from {frozen:.3f} to {best:.3f}. What further answers would bring is unknown."
        )


def tune(
    backbone: Backbone, pictures: torch.Tensor, answered: Answered, *, tuning: Tuning, smoothing: float, seed: int
) -> Tuned:
    """Tunes the network of a backbone; on one CPU, bit for bit the same each time.

    Args:
        backbone: where it begins; it stays as it is.
        pictures: `(V, 3, size, size)` `uint8`.
        answered: its only column is the row of a picture.
        tuning: how.
        smoothing: see `apsi.preference.fitting.targets`.
        seed: of the order of pairs, of what is mirrored, and of the photos to stop by.

    Raises:
        ApsiError: no photos can be held out to stop by.
    """
    splits = folds(answered, _STOP_BY, seed)
    if not splits:
        raise ApsiError("no photos can be held out to stop tuning the network by: answer pairs of further photos")
    learned, held = (answered[rows] for rows in splits[0])
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        network = backbone.load().to(backbone.where).eval()
        utility = _Utility(backbone, network, pictures)
        utility.take(utility.frozen(learned, smoothing, seed))
        optimizer = torch.optim.AdamW(utility.groups(tuning))
        random = torch.Generator().manual_seed(seed_for(seed, "tuning") % 2**63)
        losses, kept = [utility.held_out(held)], _state(network)
        steps = -(-len(learned) // _PAIRS)
        with progress("{task.fields[told]}") as bar:
            task = bar.add_task("Tuning the network", total=tuning.epochs * steps, told="")
            for _ in range(tuning.epochs):
                order = torch.randperm(len(learned), generator=random).numpy()
                for start in range(0, len(order), _PAIRS):
                    rows = order[start : start + _PAIRS]
                    mirrored = torch.rand(len(rows), generator=random) < 0.5
                    optimizer.zero_grad()
                    utility.loss(learned[rows], smoothing, mirrored).backward()  # type: ignore[no-untyped-call]  # torch leaves it so
                    optimizer.step()
                    bar.advance(task)
                losses.append(utility.held_out(held))
                if not np.isfinite(losses[-1]):
                    raise ApsiError("tuning the network diverged: lower task.tuning.network_rate and head_rate")
                best = int(np.argmin(losses))
                bar.update(task, told=f"loss {losses[-1]:.3f}, best {losses[best]:.3f}")
                if best == len(losses) - 1:
                    kept = _state(network)
                elif len(losses) - 1 - best >= _PATIENCE:
                    break
    return Tuned(kept, tuple(losses))


class _Utility:
    """What is learned: the network, a linear utility of its outputs, and what belongs to the answers alone."""

    def __init__(self, backbone: Backbone, network: nn.Module, pictures: torch.Tensor) -> None:
        self.backbone, self.network, self.pictures = backbone, network, pictures

    def frozen(self, answered: Answered, smoothing: float, seed: int) -> Fit:
        """The best linear utility of the network as it is."""
        outputs = self._of_all(self._outputs, answered)
        columns = np.column_stack([np.zeros(len(outputs)), outputs])  # without a prior
        left, right = (columns[_rows(side)] for side in (answered.left, answered.right))
        groups = (PRIOR, *("neural" for _ in range(outputs.shape[1])))
        return fit_chosen(replace(answered, left=left, right=right), smoothing, groups, seed)

    def take(self, fit: Fit) -> None:
        """Begins with it."""

        def here(values: object) -> torch.Tensor:
            return torch.as_tensor(values, dtype=torch.float32, device=self.backbone.where)

        scale = fit.head.scale[1:]
        inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
        self.centre, self.inverse = here(fit.head.centre[1:]), here(inverse)
        self.weights = here(fit.head.weights[1:]).requires_grad_()
        self.sides, self.log_ties = here(fit.sides).requires_grad_(), here(fit.log_ties).requires_grad_()

    def groups(self, tuning: Tuning) -> list[dict[str, Any]]:
        """Of the optimizer."""
        decay = tuning.weight_decay
        return [
            {"params": list(self.network.parameters()), "lr": tuning.network_rate, "weight_decay": decay},
            {"params": [self.weights], "lr": tuning.head_rate, "weight_decay": decay},
            {"params": [self.sides, self.log_ties], "lr": tuning.head_rate, "weight_decay": 0.0},
        ]

    def loss(self, answered: Answered, smoothing: float, mirrored: torch.Tensor) -> torch.Tensor:
        """Of a few pairs, both pictures of some of them mirrored; with gradients."""
        shown = self.pictures[np.concatenate([_rows(answered.left), _rows(answered.right)])]
        shown = torch.where(mirrored.repeat(2)[:, None, None, None], shown.flip(3), shown)
        left, right = self._utilities(shown).chunk(2)
        return self._loss(left, right, answered, smoothing)

    def held_out(self, answered: Answered) -> float:
        """Mean loss of answers that were not learned from."""
        found = torch.from_numpy(self._of_all(self._utilities, answered)).to(self.backbone.where)
        with torch.no_grad():
            return float(self._loss(found[_rows(answered.left)], found[_rows(answered.right)], answered, 0.0))

    def _loss(self, left: torch.Tensor, right: torch.Tensor, answered: Answered, smoothing: float) -> torch.Tensor:
        """Mean negative log-likelihood, see `apsi.juror.davidson`."""
        # a person of whom nothing was learned leans to no side
        sides = torch.cat([self.sides, self.sides.new_zeros(1)])
        people = torch.from_numpy(np.minimum(answered.people, len(self.sides))).to(left.device)
        margin = left - right + sides[people]
        logits = torch.stack([margin / 2, self.log_ties.expand_as(margin), -margin / 2], dim=1)
        told = torch.from_numpy(targets(answered, smoothing)).to(logits)
        return nn.functional.cross_entropy(logits, told)

    def _outputs(self, shown: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.network(self.backbone.normalise(shown.to(self.backbone.where).float()))
        return found.flatten(1)

    def _utilities(self, shown: torch.Tensor) -> torch.Tensor:
        return ((self._outputs(shown) - self.centre) * self.inverse) @ self.weights

    @torch.no_grad()
    def _of_all(self, make: Callable[[torch.Tensor], torch.Tensor], answered: Answered) -> npt.NDArray[np.float32]:
        """`(V, ...)`: what is made of the pictures in these answers; 0 for the others."""
        used = np.unique(_rows(np.concatenate([answered.left, answered.right])))
        parts = [make(self.pictures[used[start : start + _PASS]]) for start in range(0, len(used), _PASS)]
        made = torch.cat(parts).cpu().numpy()
        found = np.zeros((len(self.pictures), *made.shape[1:]), np.float32)
        found[used] = made
        return found


def _rows(column: Floats) -> Ints:
    return column[:, 0].astype(np.int64)


def _state(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: values.detach().cpu().clone() for name, values in network.state_dict().items()}
