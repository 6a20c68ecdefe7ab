"""Beginning a new agent with the weights of another one: which fit, which don't, and why."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from omegaconf import DictConfig, OmegaConf
from stable_baselines3.common.base_class import BaseAlgorithm

from apsi.agent.checkpoint import Checkpoint, read_networks
from apsi.algo.base import Algo
from apsi.config.compose import flat, plain
from apsi.config.options import option_of
from apsi.errors import ApsiError

_PHOTO = "features_extractor.photo."  # what an extractor of photos is called beside extras
_BACKBONE = ".backbone."
_NETWORK = ("feature_extractor", "env.observation_size", "algo.net_arch")
"""Settings that the shapes of a network come from, beside the algorithm"""

EXTRAS = "env.extras differ, so that what follows the features would mean something else"
FEATURES = "it stands on features that stay new"
ACTIONS = "the actions differ"
UNKNOWN = "the checkpoint has none of this name"


@dataclass(frozen=True)
class TakenOver:
    """What a new agent has of an earlier one."""

    tensors: int
    parameters: int
    """numbers in these tensors"""
    of_tensors: int
    """all tensors of the new agent"""
    of_parameters: int
    new: Mapping[str, tuple[str, ...]]
    """names of the tensors that were not taken over, by the reason"""
    unused: tuple[str, ...]
    """names of the checkpoint's tensors that this agent has no place for"""

    @property
    def share(self) -> float:
        """Of the numbers, in [0, 1]."""
        return self.parameters / self.of_parameters

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the new agent stays as it was made."""
        return not self.new


def take_over(
    checkpoint: Checkpoint, algo: Algo, model: BaseAlgorithm, config: DictConfig, actions: Sequence[str]
) -> TakenOver:
    """Copies the weights of a checkpoint's policy into a freshly built model, layer by layer, where they fit.

    Layers fit that have the same names and shapes. What stands on the features is taken over only where the extractor
    fits as a whole and the agent observes the same extras, and what means actions only where these are the same.
    Optimisers, counters and what only learning needs (the temperature of SAC) stay as they are.

    Args:
        checkpoint: of the other agent.
        algo: of the new one.
        model: of the new one; changed in place.
        config: of the new one.
        actions: labels of the new one's actions.

    Raises:
        ApsiError: the checkpoint is damaged, nothing of its feature extractor fits, or its pretrained network is
            another one.
    """
    there, here = _tensors_of(checkpoint, model.device), dict(_tensors_in(model.policy))
    if not here:
        raise ApsiError(f"init_from={config.init_from}: algo={algo.name} has no weights to begin with; leave it out")
    same_extras = list(checkpoint.config.env.extras) == list(config.env.extras)
    same_actions = checkpoint.actions == list(actions)
    reasons = _misfits(algo, here, there, same_extras=same_extras, same_actions=same_actions)
    taken = {name: tensor for name, tensor in here.items() if name not in reasons}
    seeing = {name for name, _ in model.policy.named_parameters() if algo.is_of_features(name)}
    if not taken or (seeing and not seeing & taken.keys()):
        raise ApsiError(
            f"init_from={config.init_from}: nothing of its feature extractor fits that of this run. "
            f"{_remedy(checkpoint, config)}"
        )
    if any(_BACKBONE in name for name in reasons):
        raise ApsiError(
            f"init_from={config.init_from}: its pretrained network is not that of this run, whose weights come from "
            f"the checkpoint. {_remedy(checkpoint, config)}"
        )
    with torch.no_grad():
        for name, tensor in taken.items():
            tensor.copy_(there[_plain_name(name)])
    new: dict[str, list[str]] = defaultdict(list)
    for name, reason in reasons.items():
        new[reason].append(name)
    aliases = {_plain_name(name) for name in model.policy.state_dict()}
    return TakenOver(
        len(taken),
        sum(tensor.numel() for tensor in taken.values()),
        len(here),
        sum(tensor.numel() for tensor in here.values()),
        {reason: tuple(names) for reason, names in new.items()},
        tuple(name for name in there if name not in aliases),
    )


def differing_settings(checkpoint: Checkpoint, config: DictConfig) -> dict[str, tuple[str, str]]:
    """Settings that are not those of the checkpoint: value there and here, empty where there is none."""
    then, now = (flat(OmegaConf.create(plain(each))) for each in (checkpoint.config, config))
    keys = sorted((then.keys() | now.keys()) - {"init_from"})
    pairs = {key: (then.get(key, ""), now.get(key, "")) for key in keys}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _tensors_of(checkpoint: Checkpoint, device: torch.device) -> dict[str, torch.Tensor]:
    """Of the policy in a checkpoint, by name; extras make no difference for names."""
    policy = read_networks(checkpoint, device)[0].get("policy")
    if not isinstance(policy, dict) or not all(isinstance(value, torch.Tensor) for value in policy.values()):
        raise ApsiError(f"{checkpoint.path} holds no policy to begin with; use another checkpoint of its run")
    return {_plain_name(name): value for name, value in policy.items()}


def _tensors_in(policy: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Parameters and stored buffers, each once, though parts of a policy may share them."""
    stored = policy.state_dict().keys()
    yield from ((name, value) for name, value in policy.named_parameters() if name in stored)
    yield from ((name, value) for name, value in policy.named_buffers() if name in stored)


def _misfits(
    algo: Algo,
    here: Mapping[str, torch.Tensor],
    there: Mapping[str, torch.Tensor],
    *,
    same_extras: bool,
    same_actions: bool,
) -> dict[str, str]:
    """Why tensors stay new, by name."""
    unlike = _layer_by_layer({name: _unlike(there.get(_plain_name(name)), tensor) for name, tensor in here.items()})
    whole = not any(algo.is_of_features(name) for name in unlike)
    found = dict(unlike)
    for name in here:
        if algo.is_of_features(name):
            continue
        if not same_extras:
            found[name] = EXTRAS
        elif not whole:
            found[name] = FEATURES
        elif not same_actions and algo.is_of_actions(name):
            found[name] = ACTIONS
    return found


def _unlike(there: torch.Tensor | None, here: torch.Tensor) -> str:
    if there is None:
        return UNKNOWN
    if there.shape == here.shape:
        return ""
    return f"it has the shape {tuple(there.shape)} in the checkpoint and {tuple(here.shape)} here"


def _layer_by_layer(reasons: Mapping[str, str]) -> dict[str, str]:
    """Those that are not empty, and for the other tensors of such a layer too: a bias means nothing without weights."""
    of_layers = {_layer(name): reason for name, reason in reasons.items() if reason}
    return {name: reason or of_layers[_layer(name)] for name, reason in reasons.items() if _layer(name) in of_layers}


def _layer(name: str) -> str:
    return name.rpartition(".")[0] or name  # of the policy itself, each by itself


def _plain_name(name: str) -> str:
    return name.replace(_PHOTO, _PHOTO.removesuffix("photo."))


def _remedy(checkpoint: Checkpoint, config: DictConfig) -> str:
    """The overrides that would make the networks alike."""
    wanted = []
    for group in ("algo", "feature_extractor"):
        then, now = (each[group]["_target_"] for each in (checkpoint.config, config))
        if then != now:
            wanted.append(f"{group}={option_of(group, then) or then}")
    named = {override.partition("=")[0] for override in wanted}
    for key, (there, here) in differing_settings(checkpoint, config).items():
        below = next((place for place in _NETWORK if key == place or key.startswith(f"{place}.")), None)
        if below is not None and there and here and below not in named and not key.endswith(("_target_", ".weights")):
            wanted.append(f"{key}={there.replace(' ', '')}")
    return f"Set what its run has: {' '.join(wanted)}" if wanted else "Use the version of apsi that wrote it"
