"""One step of the gradients of several batches: which models can have that, and what it takes."""

from collections.abc import Iterator
from typing import Any

import torch

from apsi.errors import ApsiError

_SETTING = "algo.optimizer.gradient_accumulation"


def require_accumulable(model: Any, batches: int, optimizers: int) -> None:
    """Refuses models for which several batches would not add up to one.

    Args:
        model: of Stable-Baselines3.
        batches: that make a step.
        optimizers: that the model has.

    Raises:
        ApsiError: with the reason and the remedy.
    """
    if optimizers > 1:
        raise ApsiError(
            f"{_SETTING}={batches}: {type(model).__name__} has {optimizers} optimizers, and its actor learns from a "
            "critic that has learned from the same batch before, so that several batches don't add up to one: leave "
            f"it out and set algo.batch_size, or choose another algo"
        )
    if _has_minibatches(model):
        steps, wanted = model.n_steps * model.n_envs, model.batch_size * batches
        if steps % wanted:
            raise ApsiError(
                f"{_SETTING}={batches}: {batches} batches of {model.batch_size} are {wanted} steps, of which the "
                f"{steps} that {type(model).__name__} learns from at a time (algo.n_steps x train.n_envs) are no "
                "multiple, so that batches of different policies would make one step: change one of them"
            )


def spread_normalisation(model: Any, batches: int) -> None:
    """Lets a model that normalises the advantages of each batch do so over all batches of a step, as over a large one.

    Args:
        model: of Stable-Baselines3; changed in place where it is such a one.
        batches: that make a step.
    """
    if not (_has_minibatches(model) and model.normalize_advantage):
        return
    buffer, drawn = model.rollout_buffer, model.rollout_buffer.get

    def get(batch_size: int | None = None) -> Iterator[Any]:
        of_step: list[Any] = []
        for batch in drawn(batch_size):
            of_step.append(batch)
            if len(of_step) == batches:
                yield from _normalised(of_step)
                of_step = []

    buffer.get, model.normalize_advantage = get, False


def _has_minibatches(model: Any) -> bool:
    """Whether it learns from parts of what it has just done."""
    return hasattr(model, "rollout_buffer") and hasattr(model, "batch_size")


def _normalised(batches: list[Any]) -> list[Any]:
    # recurrent ones are padded to sequences of one length, and say where
    known = torch.cat([b.advantages[b.mask > 1e-8] if hasattr(b, "mask") else b.advantages for b in batches])
    mean, spread = known.mean(), known.std() + 1e-8
    return [batch._replace(advantages=(batch.advantages - mean) / spread) for batch in batches]
