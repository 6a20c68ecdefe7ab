"""Everything that can fail late in a run is tried at its start, on one synthetic photo and before others are read."""

import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from apsi.agent.ask import trained_agent
from apsi.agent.build import build_model, load_agent
from apsi.agent.checkpoint import Checkpoint, load_into, read_checkpoint
from apsi.agent.take_over import take_over
from apsi.algo.base import Algo
from apsi.config.build import components, episode_source, require_something_to_do
from apsi.config.instantiate import class_and_arguments, class_of, components_below, full_key, instantiate
from apsi.config.saved import resume_path
from apsi.config.trackers import open_tracker
from apsi.env.core import EditCore, EnvComponents
from apsi.env.vec_env import PhotoVecEnv
from apsi.episodes.base import EpisodeSource, Start
from apsi.errors import ApsiError, standing_at
from apsi.evaluate.require import conditions
from apsi.juror.base import FittedJuror, Juror
from apsi.photo import Floats, Photo
from apsi.photo.prepared import Episode, PhotoStore, PreparedSplit
from apsi.policy.base import PolicyContext
from apsi.preprocess.steps import Steps
from apsi.tracking.run_folder import RunFolder
from apsi.train.init_from import begins_anew, read_start
from apsi.train.loop import require_no_checkpoint
from apsi.train.run_state import random_state_kept

_SIZE = 64


def rehearse_preparing(config: DictConfig) -> None:
    """Tries every juror and folder that preparing needs, and the second juror.

    Raises:
        ApsiError: one can't be used.
    """
    require_writable("data_dir", config.data_dir)
    if config.score_cache_dir is not None:
        require_writable("score_cache_dir", config.score_cache_dir)
    pool, settings = class_and_arguments(config.worker_pool)
    pool.require_ready(settings)  # type: ignore[attr-defined]  # a WorkerPool, which only the configuration knows
    steps: Steps = instantiate(config.preprocess)
    steps.require_fitting(instantiate(config.dataset), instantiate(config.env).by_truth)
    for name in ("juror", "second_juror"):
        if config[name] is not None:
            require_jurors(config[name], name)


def rehearse_training(config: DictConfig, folder: RunFolder, evaluates: bool = False) -> None:
    """Tries all that preparing and training need, and with `evaluates` every policy as well.

    Args:
        config: a whole configuration.
        folder: of the run, beside which one that was broken off may lie.
        evaluates: whether the run evaluates, too.

    Raises:
        ApsiError: something can't be used, or settings are incompatible.
    """
    require_no_checkpoint(config)
    conditions(config.evaluate.require, map(str, config.policy))
    rehearse_preparing(config)

    def build(parts: EnvComponents, source: EpisodeSource) -> tuple[Algo, object]:
        env = PhotoVecEnv(EditCore(parts, source, config.train.n_envs))
        algo, model = build_model(config, env, config.seed)
        algo.require_trainable(env)
        if config.resume not in (None, "auto", "never"):
            load_into(read_checkpoint(resume_path(config.resume, open_tracker(config))), model)
        elif begins_anew(config, folder):
            take_over(read_start(config, open_tracker(config)), algo, model, config, parts.actions.labels)
        return algo, model

    _rehearse(config, build, evaluates)


def rehearse_evaluation(config: DictConfig, checkpoint: Checkpoint) -> None:
    """Tries all that preparing and evaluating an agent need.

    Raises:
        ApsiError: something can't be used, or settings are incompatible.
    """
    conditions(config.evaluate.require, map(str, config.policy))
    rehearse_preparing(config)
    _rehearse(config, lambda parts, source: load_agent(config, checkpoint, parts, source), evaluates=True)


def require_jurors(node: DictConfig, usual: str) -> None:
    """Builds each juror below a node; those that are ready to score do so once.

    Args:
        node: a juror, which may be composed of others.
        usual: its place in the configuration, `juror` or `second_juror`.

    Raises:
        ApsiError: one can't be built or loaded; the message names its settings by their full keys.
    """
    inner = [part for part in components_below(node) if _is_juror(part)]
    for part in reversed(inner):  # inner ones first
        place = full_key(part) or usual
        try:
            juror = instantiate(part)
            if sum(_is_juror(below) for below in components_below(part)) == 1:
                juror.warm_up()
                if not isinstance(juror, FittedJuror) or juror.is_fitted:
                    juror.score([_synthetic_photo()])
        except ApsiError as error:
            raise standing_at(error, "juror", place) from error


def require_writable(key: str, value: str) -> None:
    """Refuses a folder that can't be created or written to; creates nothing.

    Raises:
        ApsiError: with the remedy.
    """
    path = Path(value).expanduser()
    there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        reason = (
            "can't be written to, for want of permission or as it is read-only" if there.is_dir() else "is no folder"
        )
        raise ApsiError(
            f"can't write to {key}={path}: {there} {reason}. Set output_dir and data_dir to folders that you can "
            "write to"
        )


def _rehearse(
    config: DictConfig, build: Callable[[EnvComponents, EpisodeSource], tuple[Algo, object]], evaluates: bool
) -> None:
    cached_juror = _Stub()
    with random_state_kept(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shown by the run itself
        parts, split = components(config, cached_juror), _synthetic_split(config)
        store = _OneForAll(parts.objective.trial_photo())
        require_something_to_do(split, parts.objective)
        algo, model = build(parts, episode_source(config, split, cached_juror, config.seed, store))
        if not evaluates:
            return
        core = EditCore(parts, _One(split, store), 1)
        core.reset()
        known = bool(split.episodes[0].degradation)
        for node in config.policy.values():
            context = PolicyContext(parts, trained_agent(algo, model), np.random.default_rng(0), known)
            instantiate(node, context=context).choose(core, [0])


def _is_juror(node: DictConfig) -> bool:
    found = class_of(node)
    with suppress(TypeError):  # a function
        return issubclass(found, Juror)
    return False


def _synthetic_photo() -> Photo:
    return np.random.default_rng(0).integers(0, 256, (_SIZE, _SIZE, 3), dtype=np.uint8)


def _synthetic_split(config: DictConfig) -> PreparedSplit:
    """One episode of the configured degradation, with a lower start score where anything was degraded."""
    labels = tuple(instantiate(config.degradation).sample(np.random.default_rng(0)).labels)
    start, target = (4.0, 6.0) if labels else (5.0, 5.0)
    episode = Episode(Path("photo"), Path("photo"), "photo", "", labels, start, target)
    return PreparedSplit("train", (episode,), _Stub.fingerprint, 0, (), "")


class _OneForAll(PhotoStore):
    """Returns the same photo for every path."""

    def __init__(self, photo: Photo) -> None:
        super().__init__()
        self._photo = photo

    def read(self, path: Path) -> Photo:
        return self._photo


class _One(EpisodeSource):
    """Repeats the one episode of a split."""

    def __init__(self, split: PreparedSplit, store: PhotoStore) -> None:
        self._start = Start.of(split.episodes[0], store)

    def draw(self, count: int) -> list[Start]:
        return [self._start] * count


class _Stub(Juror):
    """Stands in for the juror, which may have to be fitted first."""

    fingerprint = "none"

    def score(self, photos: Sequence[Photo]) -> Floats:
        return np.full(len(photos), 5.0)
