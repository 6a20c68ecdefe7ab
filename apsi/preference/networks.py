"""Small networks on top of the linear head, for many answers: an ensemble, stopped early on held-out photos."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from apsi.photo import Bools, Floats
from apsi.photo.hash import seed_for
from apsi.preference.answered import Answered, folds
from apsi.preference.fitting import Fit, fit_linear, targets

MEMBERS = 5
_HIDDEN, _RATE, _DECAY = 16, 0.01, 0.01
_EPOCHS, _PATIENCE = 300, 30


def with_networks(answered: Answered, fit: Fit, smoothing: float, seed: int) -> Fit:
    """Adds networks that learn what the linear head leaves, each with a fifth of the photos held out to stop by.

    A network begins at 0 and stays there where it does not predict its held-out photos better. It is added to the
    utility of each version, so that the difference of two is antisymmetric as before.

    Args:
        answered: what to learn from.
        fit: of these answers.
        smoothing: see `targets`.
        seed: of first weights and of who holds out what.
    """
    head = fit.head
    rows = head.standard(answered.left), head.standard(answered.right)
    base, told = fit.margins(answered), targets(answered, smoothing)
    splits = folds(answered, MEMBERS, seed)
    found = [
        _learned(rows, base, fit.log_ties, told, split, seed_for(seed, "network", number) % 2**63)
        for number, split in enumerate(splits)
    ]
    if not found:
        return fit
    hidden, output = (np.stack([one[i] for one in found]) for i in (0, 1))
    return replace(fit, head=head.with_networks(hidden, output))


def _learned(  # noqa: PLR0917 - one call, in order
    rows: tuple[Floats, Floats],
    base: Floats,
    log_ties: float,
    told: Floats,
    split: tuple[Bools, Bools],
    seed: int,
) -> tuple[Floats, Floats]:
    """Hidden `(C + 1, H)` and output `(H,)` weights of one network."""
    import torch

    left, right, margins, shares = (torch.from_numpy(np.ascontiguousarray(each)) for each in (*rows, base, told))
    train, held = (torch.from_numpy(each) for each in split)
    random = torch.Generator().manual_seed(seed)
    columns = left.shape[1]
    hidden = torch.randn(columns + 1, _HIDDEN, generator=random, dtype=torch.float64) / np.sqrt(columns)
    output = torch.zeros(_HIDDEN, dtype=torch.float64)
    weights = [hidden.requires_grad_(), output.requires_grad_()]
    optimizer = torch.optim.AdamW(weights, lr=_RATE, weight_decay=_DECAY)

    def loss(chosen: torch.Tensor) -> torch.Tensor:
        def added(some: torch.Tensor) -> torch.Tensor:
            return torch.tanh(some[chosen] @ hidden[:-1] + hidden[-1]) @ output

        margin = margins[chosen] + added(left) - added(right)
        logits = torch.stack([margin / 2, torch.full_like(margin, log_ties), -margin / 2], dim=1)
        return torch.nn.functional.cross_entropy(logits, shares[chosen])

    best, since = float("inf"), 0
    kept = [each.detach().clone() for each in weights]
    for _ in range(_EPOCHS):
        with torch.no_grad():
            now = float(loss(held))
        if now < best - 1e-5:
            best, since, kept = now, 0, [each.detach().clone() for each in weights]
        elif (since := since + 1) > _PATIENCE:
            break
        optimizer.zero_grad()
        loss(train).backward()  # type: ignore[no-untyped-call]  # torch leaves it so
        optimizer.step()
    first, second = (each.numpy() for each in kept)
    return first, second


def networks_help(answered: Answered, penalty: float, smoothing: float, groups: Sequence[str], seed: int) -> bool:
    """Whether held-out photos are predicted better with networks than without, by the mean loss of an answer."""
    gained = 0.0
    for train, test in folds(answered, MEMBERS, seed):
        linear = fit_linear(answered[train], penalty, smoothing, groups)
        deeper = with_networks(answered[train], linear, smoothing, seed + 1)
        gained += float((linear.losses(answered[test]) - deeper.losses(answered[test])).sum())
    return gained > 0
