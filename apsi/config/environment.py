"""The gymnasium environment of a configuration: what `gymnasium.make("apsi/PhotoEdit-v0")` makes."""

import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from apsi.config.build import components, episode_source, open_cached_juror, prepare
from apsi.config.compose import explain, load_config
from apsi.config.instantiate import check
from apsi.console import silent
from apsi.env.gym_env import PhotoEditEnv
from apsi.errors import ApsiError

_warned: list[str] = []


def from_overrides(
    overrides: Sequence[str] = (),
    split: str | None = None,
    render_mode: str | None = None,
    data_dir: str | Path | None = None,
    quiet: bool = False,
) -> PhotoEditEnv:
    """The environment of a configuration: `gymnasium.make("apsi/PhotoEdit-v0", overrides=["dataset=folder", ...])`.

    Prepares the photos when that was not done before, which takes a minute for a few hundred.

    Args:
        overrides: as on the command line.
        split: where episodes come from: train, val, test or all; by default what `overrides` say, else train.
        render_mode: `rgb_array` to get pictures from `render`.
        data_dir: where prepared photos are kept and found again; by default what `overrides` say, else
            `$IMAGE_VOLUME_PATH`, else `data` in the working directory.
        quiet: no progress bars while photos are prepared.

    Raises:
        ApsiError: an override that can't be, or arguments that contradict them.
    """
    config = _config(overrides, data_dir)
    chosen = _agreed("split", split, config, overrides) or "train"
    with ExitStack() as stack:
        if quiet:
            stack.enter_context(silent())
        prepared = prepare(config)
        episodes = prepared.split(chosen)
    with ExitStack() as stack:
        cached_juror = stack.enter_context(open_cached_juror(config, prepared.juror))
        source = episode_source(config, episodes, cached_juror, config.seed)
        env = PhotoEditEnv(components(config, cached_juror), source, render_mode, stack.pop_all())
    _warn_of_threads()
    return env


def _config(overrides: Sequence[str], data_dir: str | Path | None) -> DictConfig:
    try:
        config = load_config(overrides)
        missing = sorted(OmegaConf.missing_keys(config))
        if missing:
            raise ApsiError(f'{missing[0]} has no value; add "{missing[0]}=..." to overrides')
        check(config)
        agreed = _agreed("data_dir", None if data_dir is None else str(data_dir), config, overrides)
    except (HydraException, OmegaConfBaseException) as error:
        raise ApsiError(f"overrides={list(overrides)}: {explain(error)}") from error
    if agreed is not None:
        config.data_dir = agreed
    return config


def _agreed(key: str, value: str | None, config: DictConfig, overrides: Sequence[str]) -> str | None:
    """What the argument or an override says; None where neither does.

    Raises:
        ApsiError: they differ.
    """
    named = any(override.lstrip("+").partition("=")[0] == key for override in overrides)
    if named and value is not None and value != config[key]:
        raise ApsiError(f"{key}={value!r} contradicts overrides, where it is {config[key]!r}: leave one of them out")
    return str(config[key]) if named else value


def _warn_of_threads() -> None:
    """Says once how an agent in this process learns faster; the command line sees to that itself."""
    threads = torch.get_num_threads()
    if threads == 1 or torch.cuda.is_available() or _warned:
        return
    _warned.append("threads")
    warnings.warn(
        f"torch computes with {threads} threads, which wait for each other while the juror keeps the cores busy: an "
        "agent that learns here on the CPU may take ten times as long. Call torch.set_num_threads(1) first",
        stacklevel=3,
    )
