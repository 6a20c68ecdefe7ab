"""Training that went off to infinity: an error that names the algorithm and the step, not an agent that idles."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from apsi.errors import ApsiError
from apsi.transform.action_set import NoNumberError


class DivergedError(ApsiError):
    """A network gives what is no number."""

    def __init__(self, algo: str, step: int, what: str) -> None:
        """Names who and when.

        Args:
            algo: option of the group `algo`.
            step: steps of the environment that it has learned from.
            what: what is no number.
        """
        super().__init__(
            f"algo={algo} has diverged: after {step:,} steps {what} is not a finite number. Lower "
            "algo.optimizer.learning_rate (and algo.max_grad_norm, where it has one), then start afresh with "
            "resume=never, or go on from an earlier checkpoint with resume=PATH"
        )


def require_finite(values: npt.NDArray[Any], algo: str, step: int, what: str) -> None:
    """Raises a `DivergedError` where a network's output `values`, of any shape, holds NaN or infinity."""
    if not np.isfinite(values).all():
        raise DivergedError(algo, step, what)


def require_finite_network(model: Any, algo: str) -> None:
    """Raises a `DivergedError` where a parameter of a Stable-Baselines3 model is no finite number."""
    if not all(bool(torch.isfinite(parameter).all()) for parameter in model.policy.parameters()):
        raise DivergedError(algo, model.num_timesteps, "a parameter of its network")


@contextmanager
def divergence_named(algo: str, model: Any) -> Iterator[None]:
    """Around the training of a model: what comes of networks that hold no numbers becomes a `DivergedError`."""
    try:
        yield
    except NoNumberError as error:
        raise DivergedError(algo, model.num_timesteps, "its action") from error
    except ValueError as error:  # torch's, for the parameters of a distribution
        try:
            require_finite_network(model, algo)
        except DivergedError as diverged:
            raise diverged from error
        raise
