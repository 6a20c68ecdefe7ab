"""A small run of everything before a long one: whether it goes through, and what the whole will take."""

import logging
import math
import resource
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from omegaconf import DictConfig, OmegaConf, open_dict

from apsi.agent.checkpoint import read_checkpoint
from apsi.config.build import prepare
from apsi.config.instantiate import instantiate
from apsi.config.schema import SearchSettings, training_budget
from apsi.console import silent
from apsi.dataset.base import Dataset
from apsi.dataset.sidecar import with_sidecar
from apsi.evaluate.run import evaluate_agent
from apsi.preprocess.base import SPLITS
from apsi.preprocess.steps import Prepared
from apsi.tracking.none import NoTracker
from apsi.tracking.run_folder import RunFolder
from apsi.train.loop import train_agent
from apsi.train.run_state import random_state_kept

log = logging.getLogger(__name__)

_PHOTOS, _MOST_PHOTOS, _STEPS = 24, 200, 20
"""Photos at least and at most; steps of every environment"""


@dataclass(frozen=True)
class Estimate:
    """What a whole run takes, by what a small one of the same settings took."""

    photos: int
    """found in the data set"""
    prepare: float
    """seconds, as all parts"""
    train: float
    evaluate: float
    memory: int
    """bytes of this process at its peak, a full memory of transitions included"""
    disk: int
    """bytes of prepared photos and checkpoints"""

    @property
    def seconds(self) -> float:
        """All parts together."""
        return self.prepare + self.train + self.evaluate


def preflight(config: DictConfig, folder: RunFolder, *, evaluates: bool, times: int = 1) -> None:
    """Where `preflight=true`: prepares a few photos, trains, evaluates, throws all of it away, and says what to expect.

    Nothing that the run draws or records is different for it, but that live metrics count the small run, too.

    Args:
        config: a whole configuration.
        folder: of the run; `run.json` gets the estimate.
        evaluates: whether the run evaluates, too.
        times: how often it prepares, trains and evaluates, as for the folds of a cross-validation.

    Raises:
        ApsiError: whatever the run itself would raise.
    """
    if not config.preflight:
        return
    log.info("Preflight: a few photos through all of it, before the run itself")
    began = time.monotonic()
    with random_state_kept(), TemporaryDirectory(prefix="apsi-preflight-") as place, _unheard():
        estimate = _estimate(config, Path(place), evaluates)
    about = {name: round(seconds * times) for name, seconds in _parts(estimate).items()}
    folder.note(preflight={**about, "memory_bytes": estimate.memory, "disk_bytes": estimate.disk * times})
    listed = ", ".join(f"{name} {_clock(seconds)}" for name, seconds in about.items() if seconds)
    log.info(
        "Preflight went through in %s. The run takes about %s (%s), for %s photos",
        *(_clock(time.monotonic() - began), _clock(sum(about.values())), listed, f"{estimate.photos:,}"),
    )
    _compare("memory", estimate.memory, psutil.virtual_memory().available)
    data = Path(config.data_dir).expanduser().absolute()
    there = next(place for place in (data, *data.parents) if place.exists())
    _compare("disk", estimate.disk * times, shutil.disk_usage(there).free)


def _parts(estimate: Estimate) -> dict[str, float]:
    return {"preparing": estimate.prepare, "training": estimate.train, "evaluation": estimate.evaluate}


def _compare(what: str, needed: int, free: int) -> None:
    tell = log.warning if needed > free else log.info
    tell("About %s of %s, where %s are free", _size(needed), what, _size(free))


def _estimate(config: DictConfig, place: Path, evaluates: bool) -> Estimate:
    dataset = instantiate(config.dataset)
    files = _taken(dataset)
    steps = _steps(config)
    small = _small(config, place, steps)
    count = min(_count(config), files)
    few = copy(dataset)
    few.selection = replace(dataset.selection, limit=count)
    began = time.monotonic()
    prepared = prepare(small, dataset=few)
    preparing = time.monotonic() - began
    share = count / files
    tracker = NoTracker()
    first = _trained(small, prepared, place / "first", tracker)
    OmegaConf.update(small, "train.total_timesteps", 2 * steps)
    second = _trained(small, prepared, place / "second", tracker)
    per_step = max(0.0, second.seconds - first.seconds) / steps
    evaluating, per_episode = 0.0, 0.0
    if evaluates:
        began = time.monotonic()
        parts = {"prepare": preparing, "train": second.seconds}
        checkpoint = read_checkpoint(second.folder.best_checkpoint)
        summary = evaluate_agent(small, prepared, checkpoint, folder=second.folder, tracker=tracker, seconds=parts)
        took, played = time.monotonic() - began, summary["episodes"]
        whole = min(config.evaluate.episodes or math.inf, played / share)
        evaluating = took * whole / played
        per_episode = took / played / len(config.policy)
    total = _total_steps(config, len(prepared.split("train").episodes) / share)
    amount, _ = training_budget(config.train)
    validations = amount / config.train.eval_every * config.train.eval_episodes * per_episode
    return Estimate(
        photos=files,
        prepare=preparing / share,
        train=per_step * total + validations,
        evaluate=evaluating,
        memory=_peak() + _memory_of_transitions(config),
        disk=round(_bytes_below(place / "data") / share) + _bytes_below(second.folder.path),
    )


@dataclass(frozen=True)
class _Small:
    folder: RunFolder
    seconds: float


def _trained(config: DictConfig, prepared: Prepared, path: Path, tracker: NoTracker) -> _Small:
    folder = RunFolder.create(path, config)
    began = time.monotonic()
    train_agent(config, prepared, folder, tracker)
    return _Small(folder, time.monotonic() - began)


def _steps(config: DictConfig) -> int:
    """Environment steps of a small training: at least one round of every algorithm."""
    return int(config.train.n_envs) * max(_STEPS, int(config.algo.get("n_steps") or 0))


def _small(config: DictConfig, place: Path, steps: int) -> DictConfig:
    """The same settings for a small run that nobody records."""
    small = config.copy()
    with open_dict(small):
        small.data_dir, small.output_dir = str(place / "data"), str(place)
        small.resume, small.score_cache_dir, small.search = "never", None, SearchSettings()
        small.train.update(total_timesteps=steps, total_episodes=None, epochs=None)
        small.train.update(eval_every=steps, checkpoint_every=steps, keep_every=None, eval_episodes=_STEPS, images=0)
        small.evaluate.images = min(config.evaluate.images, 1)
        small.evaluate.require = None
        if "learning_starts" in small.algo:  # something is to be learned in so few steps
            small.algo.learning_starts = min(small.algo.learning_starts, config.train.n_envs)
    return small


def _taken(dataset: Dataset) -> int:
    """Photos that the run takes, at most: for their sizes no file is opened."""
    selection = dataset.selection
    fitting = sum(selection.has_tag(file.facts.tags) for file in with_sidecar(dataset).files)
    return max(1, min(fitting, selection.limit or fitting))


def _count(config: DictConfig) -> int:
    """Photos for a small run: enough for one in every split."""
    split = config.preprocess.steps.get("split", {})
    shares = [share for name in SPLITS if isinstance(share := split.get(name), float) and share > 0]
    return min(_MOST_PHOTOS, max(_PHOTOS, math.ceil(2 / min(shares, default=1.0))))


def _total_steps(config: DictConfig, episodes: float) -> float:
    """Environment steps of the whole run; where it is counted in episodes, at most."""
    amount, unit = training_budget(config.train)
    steps = {"episodes": config.env.max_steps, "epochs": episodes * config.env.max_steps}
    return float(amount * steps.get(unit, 1))


def _memory_of_transitions(config: DictConfig) -> int:
    """Bytes of a full memory of transitions, which is empty so far: each holds two observations."""
    height, width = config.env.observation_size
    return int(config.algo.get("buffer_size") or 0) * 2 * 3 * int(height) * int(width)


@contextmanager
def _unheard() -> Iterator[None]:
    """Nothing is shown or logged in the block."""
    with silent():
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def _peak() -> int:
    """Most resident memory that this process had so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _clock(seconds: float) -> str:
    """Such as `40 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
