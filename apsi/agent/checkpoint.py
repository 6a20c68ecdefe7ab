"""Checkpoints: one zip that holds everything needed to use an agent or to resume its training.

It is a Stable-Baselines3 model zip with further members under `apsi/`. Reading one runs nothing that is in it: networks
and optimisers are loaded with `weights_only`, arrays without pickle, the configuration through apsi's whitelist.
"""

import json
import logging
import pickle
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from omegaconf import DictConfig, OmegaConf
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.save_util import load_from_zip_file, recursive_getattr

from apsi.config.renamed import state_with_new_names, tensor_with_new_name
from apsi.config.saved import CONFIG, open_checkpoint, read_checkpoint_config
from apsi.config.trust import signed
from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit
from apsi.photo.write import atomic
from apsi.state import State, read_state, write_state

_Photo = TypeVar("_Photo")
log = logging.getLogger(__name__)

ACTIONS, STATE, JUROR, SECOND_JUROR, RUN = (
    f"apsi/{name}" for name in ("actions.json", "state.json", "juror.npz", "second_juror.npz", "run.npz")
)
_OF_THE_MOMENT = ("_last_obs", "_last_original_obs", "_last_episode_starts", "_update_current_progress_remaining")
"""What SB3 would write of the episodes in progress, as large as all the rest of it, and never reads; and how a run
tells it of its budget"""
_UNREADABLE = (ValueError, RuntimeError, KeyError, EOFError, pickle.UnpicklingError)
_COUNTERS = ("num_timesteps", "_n_updates", "_n_calls", "_episode_num")


@dataclass(frozen=True)
class TrainState:
    """Where training stands."""

    timesteps: int = 0
    best: float | None = None
    """best validation figure so far, of the kind that the objective names (`best_by`)"""
    seconds: float = 0.0
    """spent on training, all continued runs together"""
    history: list[dict[str, Any]] = field(default_factory=list)
    """rows of the learning curve"""
    losses: list[float] = field(default_factory=list)
    """of the updates since the latest validation"""
    dataset: str = ""
    """folder name of the prepared photos"""
    trained_on: list[str] = field(default_factory=list)
    """original photos of all training so far, by the beginnings of their hashes"""
    counters: dict[str, int] = field(default_factory=dict)
    """the model's own counters"""
    episodes: int = 0
    """that have ended"""
    best_at: int | None = None
    """environment steps of the agent that is best so far"""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds beside its networks."""

    path: Path
    config: DictConfig
    actions: list[str]
    state: TrainState
    juror: bytes | None
    second_juror: bytes | None = None
    """what was fitted of the juror that is not trained on"""
    is_own: bool = False
    """whether this user's apsi wrote its configuration"""


def save_checkpoint(path: Path, model: BaseAlgorithm, checkpoint: Checkpoint, run: State | None = None) -> None:
    """Writes a checkpoint, whole or not at all.

    Args:
        path: the zip file; replaced when it exists.
        model: networks and optimisers.
        checkpoint: all else; the model's own counters are added to its state.
        run: the state needed to resume exactly (see `apsi.train.run_state`), which may be large; None leaves it out.
    """
    counters = {name: int(getattr(model, name)) for name in _COUNTERS if hasattr(model, name)}
    content: dict[str, str | bytes] = {
        CONFIG: signed(OmegaConf.to_yaml(checkpoint.config, resolve=True)),
        ACTIONS: json.dumps(checkpoint.actions),
        STATE: json.dumps({**vars(checkpoint.state), "counters": counters}),
    }
    for name, parameters in ((JUROR, checkpoint.juror), (SECOND_JUROR, checkpoint.second_juror)):
        if parameters is not None:
            content[name] = parameters
    with atomic(path) as temporary:
        with temporary.open("wb") as file:
            model.save(file, exclude=_OF_THE_MOMENT)
        with zipfile.ZipFile(temporary, "a") as archive:
            for name, data in content.items():
                archive.writestr(name, data)
            if run is not None:
                with archive.open(RUN, "w", force_zip64=True) as member:
                    write_state(member, run)


def copy_agent(source: Path, target: Path) -> None:
    """Copies a checkpoint, whole or not at all, without what only going on exactly needs, which may be large."""
    with atomic(target) as temporary, zipfile.ZipFile(source) as old, zipfile.ZipFile(temporary, "w") as new:
        for member in old.infolist():
            if member.filename != RUN:
                new.writestr(member, old.read(member))


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads everything but the networks.

    Raises:
        ApsiError: missing, broken, or not a checkpoint of apsi.
    """
    with open_checkpoint(path) as archive:
        names = archive.namelist()
        config, is_own = read_checkpoint_config(archive, path)
        actions = json.loads(archive.read(ACTIONS))
        state = TrainState(**json.loads(archive.read(STATE)))
        juror, second_juror = (archive.read(name) if name in names else None for name in (JUROR, SECOND_JUROR))
    return Checkpoint(path, config, actions, state, juror, second_juror, is_own)


def read_networks(checkpoint: Checkpoint, device: torch.device) -> tuple[dict[str, Any], dict[str, Any]]:
    """Networks and optimisers by name, as state dicts, and what else is learned; runs nothing that is in them.

    Raises:
        ApsiError: they are damaged, or more than tensors.
    """
    try:
        _, parameters, variables = load_from_zip_file(str(checkpoint.path), load_data=False, device=device)
    except (*_UNREADABLE, zipfile.BadZipFile) as error:
        raise ApsiError(
            f"the networks in {checkpoint.path} are damaged or none of apsi's ({error}); use another checkpoint of its "
            "run"
        ) from error
    named: dict[str, Any] = dict(parameters)
    if isinstance(policy := named.get("policy"), dict):
        named["policy"] = {tensor_with_new_name(name): value for name, value in policy.items()}
    return named, variables or {}


def load_into(checkpoint: Checkpoint, model: BaseAlgorithm) -> None:
    """Gives a freshly built model the checkpoint's networks, optimisers and counters.

    Raises:
        ApsiError: they don't fit the model.
    """
    parameters, variables = read_networks(checkpoint, model.device)
    try:
        model.set_parameters(parameters, device=model.device)
        # such as SAC's temperature, which is learned too; SB3 has no public list, and the file must not be asked for it
        for name in model._get_torch_save_params()[1]:  # noqa: SLF001
            _copy_into(recursive_getattr(model, name), variables[name])
    except (ValueError, RuntimeError, KeyError) as error:
        raise ApsiError(
            f"{checkpoint.path} does not fit this algorithm and feature extractor; "
            f"use it with the version of apsi that wrote it, or start afresh with resume=never ({error})"
        ) from error
    for name, value in checkpoint.state.counters.items():
        if name in _COUNTERS:
            setattr(model, name, value)


def read_run_state(checkpoint: Checkpoint) -> State | None:
    """The state needed to resume exactly, earlier names made this version's.

    None where the checkpoint has none, as the best one of a run.

    Raises:
        ApsiError: it is damaged.
    """
    try:
        with zipfile.ZipFile(checkpoint.path) as archive:
            if RUN not in archive.namelist():
                return None
            with archive.open(RUN) as member:
                state: State = state_with_new_names(read_state(member))
                return state
    except (zipfile.BadZipFile, zlib.error, ValueError, TypeError, KeyError, EOFError) as error:
        raise ApsiError(f"{RUN} in {checkpoint.path} is damaged ({error}); start afresh with resume=never") from error


def require_unseen(checkpoint: Checkpoint, split: PreparedSplit) -> None:
    """Refuses a split that holds photos which the checkpoint was trained on, but one that is meant to.

    Raises:
        ApsiError: some of its photos are among them, as after another data_seed or with other split ratios.
    """
    seen = originals(split.originals) & set(checkpoint.state.trained_on)
    if seen and not split.is_shared:
        raise ApsiError(
            f"{len(seen)} of the {len(originals(split.originals))} photos of the split '{split.name}' are among those "
            f"that {checkpoint.path} was trained on: use its data_seed and split, other photos, or split=all"
        )


def untrained_on(
    photos: Sequence[_Photo], hash_of: Callable[[_Photo], str], agents: Iterable[Checkpoint]
) -> list[_Photo]:
    """Those of some photos that none of these agents was trained on; the log says how many others there are."""
    seen = {one for agent in agents for one in agent.state.trained_on}
    left = [photo for photo in photos if not originals([hash_of(photo)]) & seen]
    if 0 < len(left) < len(photos):
        log.warning("%d photos are left out, as agents were trained on them", len(photos) - len(left))
    return left


def originals(hashes: Iterable[str]) -> set[str]:
    """Photos as a checkpoint remembers them: the beginnings of their SHA-256."""
    return {digest[:16] for digest in hashes}


def _copy_into(target: torch.Tensor, values: torch.Tensor) -> None:
    if values.shape != target.shape:
        raise ValueError(f"{tuple(values.shape)} where {tuple(target.shape)} is needed")
    with torch.no_grad():
        target.copy_(values)
