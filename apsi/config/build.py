"""Building a run's objects from its configuration."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from apsi.config.instantiate import instantiate
from apsi.dataset.base import Dataset
from apsi.env.base import Objective
from apsi.env.core import EnvComponents
from apsi.episodes.base import EpisodeContext, EpisodeSource
from apsi.errors import ApsiError
from apsi.juror.base import FittedJuror, Juror
from apsi.juror.cache import SCORES_FILE, CachedJuror, ScoreStore
from apsi.juror.measured import MeasuredJuror
from apsi.juror.parameters import unpack_parameters
from apsi.monitoring.metrics import METRICS
from apsi.photo.prepared import PhotoStore, PreparedSplit
from apsi.preprocess.steps import Prepared


@contextmanager
def open_cached_juror(config: DictConfig, juror: Juror) -> Iterator[Juror]:
    """The juror in its worker pool, behind the score cache, open during the block."""
    with ExitStack() as stack:
        pool = juror.pooled(lambda part: stack.enter_context(instantiate(config.worker_pool, juror=part)))
        measured = MeasuredJuror(pool, METRICS)
        store = None
        if config.score_cache_dir is not None:
            store = ScoreStore(Path(config.score_cache_dir).expanduser() / SCORES_FILE)
            stack.callback(store.close)
        if not config.score_cache and store is None:
            yield measured
            return
        cached = CachedJuror(measured, config.score_cache, store)
        stack.enter_context(METRICS.cache(cached))
        yield cached


def prepare(
    config: DictConfig,
    juror_parameters: bytes | None = None,
    whole_photos: bool = False,
    dataset: Dataset | None = None,
) -> Prepared:
    """Prepares the data set of a configuration, or finds it prepared.

    Args:
        config: a whole configuration.
        juror_parameters: a fitted juror out of a checkpoint, used instead of fitting one.
        whole_photos: leave out the crops and flips by which the data set is enlarged.
        dataset: the photos; None: those of the configuration.
    """
    juror, objective = instantiate(config.juror), instantiate(config.env)
    if juror_parameters is not None and isinstance(juror, FittedJuror):
        unpack_parameters(juror_parameters, juror, "the checkpoint")
    prepared: Prepared = instantiate(config.preprocess).run(
        dataset=instantiate(config.dataset) if dataset is None else dataset,
        degradation=instantiate(config.degradation),
        juror=juror,
        open_pool=partial(open_cached_juror, config),
        data_dir=Path(config.data_dir).expanduser(),
        seed=config.data_seed,
        whole_photos=whole_photos,
        keep_all=objective.by_truth,
        first_view=objective.first_view,
        shows=objective.shows,
    )
    return prepared


def components(config: DictConfig, cached_juror: Juror) -> EnvComponents:
    """Objective, actions, reward and juror of an editing core.

    Raises:
        ApsiError: the reward needs STOP and there is none, or the actions make no sense in the environment.
    """
    objective, reward = instantiate(config.env), instantiate(config.reward)
    if reward.needs_stop and not objective.stop:
        raise ApsiError(
            f"reward={config.reward['_target_'].rpartition('.')[2]} pays only when the agent stops, and env.stop=false "
            "gives it no STOP: add env.stop=true, or choose reward=score_difference, clipped_difference or rl_guide"
        )
    actions = instantiate(config.transform, stop=objective.stop)
    objective.require_fitting(actions)
    return EnvComponents(objective, actions, reward, cached_juror)


def episode_source(
    config: DictConfig, split: PreparedSplit, cached_juror: Juror, seed: int, store: PhotoStore | None = None
) -> EpisodeSource:
    """The configured source of training episodes on a split."""
    rng = np.random.default_rng(seed)
    degradation, objective = instantiate(config.degradation), instantiate(config.env)
    store = store or PhotoStore()
    context = EpisodeContext(split, degradation, cached_juror, store, rng, objective.by_truth, objective.first_view)
    source: EpisodeSource = instantiate(config.episodes, context=context)
    return source


def require_something_to_do(split: PreparedSplit, objective: Objective) -> None:
    """Refuses a split whose episodes are all successes before the first edit, such as restoring undegraded photos.

    Raises:
        ApsiError: every episode of the split is over at its start.
    """
    start = np.array([episode.start_score for episode in split.episodes])
    target = np.array([episode.target_score for episode in split.episodes])
    if objective.reached(start, target, start).all():
        raise ApsiError(
            f"every photo of the split '{split.name}' reaches its objective before the first edit: "
            "choose a degradation, env=optimise to improve photos as they are, or env=crop to frame them"
        )
