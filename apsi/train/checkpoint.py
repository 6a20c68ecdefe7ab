"""Checkpoints: one zip that holds all it takes to use or continue an agent.

It is a Stable-Baselines3 model zip with further members under `apsi/`. Reading one runs nothing that is in it: networks
and optimisers are loaded with `weights_only`, arrays without pickle, the configuration through apsi's whitelist.
"""

import io
import json
import pickle
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer

from apsi.errors import ApsiError
from apsi.photo.write import atomic
from apsi.schema import Config

CONFIG, ACTIONS, STATE, JUROR, REPLAY = (
    f"apsi/{name}" for name in ("config.yaml", "actions.json", "state.json", "juror.npz", "replay_buffer.npz")
)
_NOT_A_CONFIG = (yaml.YAMLError, OmegaConfBaseException)
_REPLAY_ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
_COUNTERS = ("num_timesteps", "_n_updates", "_n_calls", "_episode_num")


@dataclass(frozen=True)
class TrainState:
    """Where training stands."""

    timesteps: int = 0
    best: float | None = None
    """best on the validation split so far, by the figure that the environment goes by"""
    seconds: float = 0.0
    """spent on training, all continued runs together"""
    history: list[dict[str, Any]] = field(default_factory=list)
    """rows of the learning curve"""
    dataset: str = ""
    """folder name of the prepared photos"""
    trained_on: list[str] = field(default_factory=list)
    """original photos of all training so far, by the beginnings of their hashes"""
    counters: dict[str, int] = field(default_factory=dict)
    """the model's own counters"""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds beside its networks."""

    path: Path
    config: DictConfig
    actions: list[str]
    state: TrainState
    juror: bytes | None


def save_checkpoint(path: Path, model: BaseAlgorithm, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint, whole or not at all.

    Args:
        path: the zip file; replaced when it exists.
        model: networks, optimisers and, where it has one, replay buffer.
        checkpoint: all else; the model's own counters are added to its state.
    """
    counters = {name: int(getattr(model, name)) for name in _COUNTERS if hasattr(model, name)}
    content: dict[str, str | bytes] = {
        CONFIG: OmegaConf.to_yaml(checkpoint.config, resolve=True),
        ACTIONS: json.dumps(checkpoint.actions),
        STATE: json.dumps({**vars(checkpoint.state), "counters": counters}),
    }
    if checkpoint.juror is not None:
        content[JUROR] = checkpoint.juror
    with atomic(path) as temporary:
        with temporary.open("wb") as file:
            model.save(file)
        with zipfile.ZipFile(temporary, "a") as archive:
            for name, data in content.items():
                archive.writestr(name, data)
            buffer = getattr(model, "replay_buffer", None)
            if isinstance(buffer, ReplayBuffer):
                with archive.open(REPLAY, "w", force_zip64=True) as member:
                    arrays = {name: values[: buffer.size()] for name, values in _replay_arrays(buffer).items()}
                    np.savez(member, allow_pickle=False, pos=np.array(buffer.pos), **arrays)


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads everything but the networks.

    Raises:
        ApsiError: missing, broken, or not a checkpoint of apsi.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if CONFIG not in names:
                raise ApsiError(f"{path} is a zip file but not a checkpoint of apsi: it has no {CONFIG}")
            loaded = OmegaConf.create(archive.read(CONFIG).decode())
            config = OmegaConf.merge(OmegaConf.structured(Config), loaded)
            actions = json.loads(archive.read(ACTIONS))
            state = TrainState(**json.loads(archive.read(STATE)))
            juror = archive.read(JUROR) if JUROR in names else None
    except FileNotFoundError as error:
        raise ApsiError(f"checkpoint {path} does not exist; look below outputs/ for checkpoints/best.zip") from error
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, OSError, *_NOT_A_CONFIG) as error:
        raise ApsiError(f"{path} is not a whole checkpoint of apsi: {error}") from error
    assert isinstance(config, DictConfig)
    return Checkpoint(path, config, actions, state, juror)


def load_into(checkpoint: Checkpoint, model: BaseAlgorithm, replay: bool = True) -> None:
    """Gives a freshly built model the checkpoint's networks, optimisers, counters and, with `replay`, replay buffer.

    Raises:
        ApsiError: they don't fit the model.
    """
    try:
        model.set_parameters(str(checkpoint.path), device=model.device)
    except (ValueError, RuntimeError, KeyError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise ApsiError(
            f"{checkpoint.path} does not fit this algorithm and feature extractor, or is damaged; "
            f"use it with the version of apsi that wrote it, or start afresh with resume=never ({error})"
        ) from error
    for name, value in checkpoint.state.counters.items():
        if name in _COUNTERS:
            setattr(model, name, value)
    buffer = getattr(model, "replay_buffer", None)
    if replay and isinstance(buffer, ReplayBuffer):
        try:
            with zipfile.ZipFile(checkpoint.path) as archive:
                if REPLAY in archive.namelist():
                    _fill_replay(buffer, archive.read(REPLAY), checkpoint.path)
        except (zipfile.BadZipFile, ValueError, KeyError) as error:
            raise ApsiError(f"the replay buffer in {checkpoint.path} is damaged: {error}") from error


def _replay_arrays(buffer: ReplayBuffer) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a buffer by name, not copied; those of dict observations as `observations/photo` and so on."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name in _REPLAY_ARRAYS:
        values = getattr(buffer, name)
        arrays |= {f"{name}/{key}": v for key, v in values.items()} if isinstance(values, dict) else {name: values}
    return arrays


def _fill_replay(buffer: ReplayBuffer, data: bytes, path: Path) -> None:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        size = len(arrays["dones"])
        for name, target in _replay_arrays(buffer).items():
            values = arrays[name]
            if size > len(target) or values.shape[1:] != target.shape[1:]:
                raise ApsiError(
                    f"the replay buffer of {path} has shape {values.shape}, this run's {target.shape}: "
                    "continue with the same algo.buffer_size, train.n_envs and env.observation_size"
                )
            target[:size] = values
        buffer.full = size == buffer.buffer_size
        buffer.pos = int(arrays["pos"])
