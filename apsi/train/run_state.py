"""The state of a training run besides its networks: with it, a resumed run ends like one that was never interrupted.

Exact on the CPU of the same machine with the same number of threads. The random states of GPUs are part of it.
"""

import random
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.buffers import ReplayBuffer

from apsi.algo.replay import Priorities
from apsi.env.vec_env import PhotoVecEnv
from apsi.juror.base import Juror
from apsi.state import State, Stateful, fill, generator_state

_NUMBERS = ("exploration_rate", "_current_progress_remaining")
_REPLAY_ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def run_state(model: Any, cached_juror: Juror) -> State:
    """The state of a run between two rollouts; arrays are not copied.

    Args:
        model: an SB3 model on a `PhotoVecEnv`, in the middle of `learn` but not of a rollout.
        cached_juror: the juror that it learns from; a cache keeps its scores, since a neural juror's last digits
            depend on which photos it scores together.
    """
    parts = {"memory": model, "scores": cached_juror}
    return {
        "episodes": {
            "random": random_state(),
            "action_space": generator_state(model.action_space.np_random),
            "env": model.env.state(),
            "starts": model._last_episode_starts,  # noqa: SLF001 - SB3 has no public way to its rollout in progress
            "lstm": _arrays(getattr(model, "_last_lstm_states", None)),
            "numbers": {name: getattr(model, name) for name in _NUMBERS if hasattr(model, name)},
            "latest": list(model.ep_info_buffer),
            "latest_success": list(model.ep_success_buffer),
        },
        "replay": _replay_state(getattr(model, "replay_buffer", None)),
        **{name: part.state() for name, part in parts.items() if isinstance(part, Stateful)},
    }


def restore_run(state: State, model: Any, cached_juror: Juror, *, episodes: bool = True, memory: bool = True) -> None:
    """Restores that state into a model that was built with the same configuration.

    Args:
        state: from `run_state`.
        model: with the networks, optimisers and counters of the same checkpoint.
        cached_juror: as in `run_state`.
        episodes: whether to restore the episodes in progress and the random states, too.
        memory: whether to restore what the model remembers of earlier episodes, too.

    Raises:
        IndexError, KeyError, RuntimeError, TypeError, ValueError: it does not fit.
    """
    for name, part in {"memory": model if memory else None, "scores": cached_juror}.items():
        if name in state and isinstance(part, Stateful):
            part.restore(state[name])
    buffer = getattr(model, "replay_buffer", None)
    if memory and isinstance(buffer, ReplayBuffer):
        _restore_replay(buffer, state["replay"])
    if not episodes:
        return
    saved, env = state["episodes"], model.env
    assert isinstance(env, PhotoVecEnv)
    env.restore(saved["env"])
    model._last_obs = env.core.observe()  # noqa: SLF001 - no public way, as above; `learn` would reset the episodes
    starts = np.ones(env.num_envs, dtype=bool)
    fill(starts, saved["starts"])
    model._last_episode_starts = starts  # noqa: SLF001 - likewise
    if getattr(model, "_last_lstm_states", None) is not None:
        model._last_lstm_states = _tensors(saved["lstm"], model._last_lstm_states)  # noqa: SLF001 - likewise
    for name, value in saved["numbers"].items():
        if name in _NUMBERS:
            setattr(model, name, float(value))
    window = model._stats_window_size  # noqa: SLF001 - the buffers that would tell are made by `learn`
    model.ep_info_buffer = deque(saved["latest"], maxlen=window)
    model.ep_success_buffer = deque(saved["latest_success"], maxlen=window)
    model.action_space.np_random.bit_generator.state = saved["action_space"]
    restore_random(saved["random"])


def random_state() -> State:
    """The states of the random generators of Python, NumPy and torch, those of GPUs in use among them."""
    version, numbers, gauss = random.getstate()
    uses_gpus = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    of_gpus = torch.cuda.get_rng_state_all() if uses_gpus else []
    return {
        "python": [version, list(numbers), gauss],
        "numpy": np.random.get_state(legacy=False),
        "torch": torch.get_rng_state().numpy(),
        "cuda": [state.numpy() for state in of_gpus],
    }


def restore_random(state: State) -> None:
    """Restores these states."""
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    np.random.set_state(state["numpy"])
    torch.set_rng_state(torch.from_numpy(state["torch"].copy()))
    of_gpus = state.get("cuda", [])  # earlier checkpoints have none
    if of_gpus and len(of_gpus) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([torch.from_numpy(one.copy()) for one in of_gpus])


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Restores the random states after the block, so that drawing in it changes nothing outside."""
    before = random_state()
    try:
        yield
    finally:
        restore_random(before)


def _replay_state(buffer: ReplayBuffer | None) -> State | None:
    if not isinstance(buffer, ReplayBuffer):
        return None
    state: State = {name: values[: buffer.size()] for name, values in _replay_arrays(buffer).items()}
    priorities = _priorities(buffer)
    if priorities is not None:
        state["priorities"] = priorities.state(buffer.size() * buffer.n_envs)
    return {"pos": buffer.pos, **state}


def _priorities(buffer: ReplayBuffer) -> Priorities | None:
    """Of a memory that has some."""
    return getattr(buffer, "priorities", None)


def _replay_arrays(buffer: ReplayBuffer) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a buffer by name, not copied; those of dict observations as `observations/photo` and so on."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name in _REPLAY_ARRAYS:
        values = getattr(buffer, name)
        arrays |= {f"{name}/{key}": v for key, v in values.items()} if isinstance(values, dict) else {name: values}
    return arrays


def _restore_replay(buffer: ReplayBuffer, state: State) -> None:
    size = len(state["dones"])
    for name, target in _replay_arrays(buffer).items():
        values = state[name]
        if size > len(target) or values.shape[1:] != target.shape[1:]:
            raise ValueError(f"the replay buffer has shape {values.shape}, this run's {target.shape}")
        fill(target[:size], values)
    priorities = _priorities(buffer)
    if priorities is not None:
        priorities.restore(state["priorities"], size * buffer.n_envs)
    buffer.full = size == buffer.buffer_size
    buffer.pos = int(state["pos"])


def _arrays(value: Any) -> Any:
    """Tensors in nested tuples as arrays in nested lists."""
    if value is None:
        return None
    return value.cpu().numpy() if isinstance(value, torch.Tensor) else [_arrays(inner) for inner in value]


def _tensors(value: Any, like: Any) -> Any:
    """The inverse of `_arrays`: tensors and tuples of the same types as in `like`."""
    if isinstance(like, torch.Tensor):
        if value.shape != tuple(like.shape):
            raise ValueError(f"a memory of {value.shape} where {tuple(like.shape)} is needed")
        return torch.from_numpy(value).to(like)
    inner = [_tensors(v, old) for v, old in zip(value, like, strict=True)]
    return type(like)(*inner) if hasattr(like, "_fields") else tuple(inner)
