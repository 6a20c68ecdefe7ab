"""Normalisation within a network that does not depend on the batch, in the place of one that does."""

from typing import Literal, TypeAlias

from torch import nn

from apsi.errors import ApsiError

Norm: TypeAlias = Literal["batch", "group", "layer", "sync"]

_GROUPS = 32
"""Of channels, at most (Wu, He: "Group Normalization", 2018)"""


def normalise_by(norm: Norm, network: nn.Module) -> None:
    """Replaces every BatchNorm2d below a network; scale and shift of each channel are carried over.

    What the two kinds of normalisation take off differs, so that a network that was trained with the one has to be
    trained on with the other.

    Args:
        norm: `batch` leaves it; `group`: 32 groups of channels, or the most that divide them evenly; `layer`: all
            channels together.
        network: changed in place.

    Raises:
        ApsiError: `sync`, which needs what a training of Stable-Baselines3 does not have.
    """
    if norm == "sync":
        raise ApsiError(
            "feature_extractor.norm=sync: SyncBatchNorm exchanges statistics between the processes of a distributed "
            "training, and Stable-Baselines3 trains in one process on one device. Add feature_extractor.norm=group, "
            "which does not depend on the batch, or a larger algo.batch_size"
        )
    if norm == "batch":
        return
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            parent, _, child = name.rpartition(".")
            setattr(network.get_submodule(parent), child, _like(module, 1 if norm == "layer" else _GROUPS))


def _like(batch_norm: nn.BatchNorm2d, most: int) -> nn.GroupNorm:
    channels = batch_norm.num_features
    groups = next(groups for groups in range(min(most, channels), 0, -1) if channels % groups == 0)
    replacement = nn.GroupNorm(groups, channels, eps=batch_norm.eps, affine=batch_norm.affine)
    replacement.load_state_dict(dict(batch_norm.named_parameters()))
    return replacement
