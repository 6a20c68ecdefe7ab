"""Training an agent on prepared photos."""

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from omegaconf import DictConfig
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from apsi.algo.base import Algo, Network, trained_agent
from apsi.algo.optimizer.base import Group, describe
from apsi.assemble import components, episode_source, open_jury
from apsi.console import progress
from apsi.env.base import Goal
from apsi.env.core import Components, EditCore
from apsi.env.vec_env import PhotoVecEnv
from apsi.errors import ApsiError
from apsi.evaluate.rollout import EpisodeResult, roll_out
from apsi.evaluate.saver import ImageSaver
from apsi.evaluate.summary import summarise
from apsi.instantiate import class_and_arguments, instantiate
from apsi.juror.cache import CachedJuror
from apsi.juror.parameters import pack_parameters
from apsi.photo.hash import seed_for
from apsi.photo.prepared import PhotoStore, PreparedSplit
from apsi.photo.write import write_text
from apsi.policy.agent import Agent
from apsi.policy.base import PolicyContext, TrainedAgent
from apsi.preprocess.pipeline import Prepared
from apsi.run_folder import RunFolder
from apsi.schema import TrainSettings
from apsi.tracking.base import Tracker
from apsi.train.callbacks import MilestoneCallback, ProgressCallback, UnfreezeCallback, tracking_logger
from apsi.train.checkpoint import Checkpoint, TrainState, load_into, save_checkpoint
from apsi.train.pictures import TrainingPictures
from apsi.train.resume import checkpoint_to_resume, originals

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What training left."""

    checkpoint: Path
    """the agent that did best on the validation split"""
    state: TrainState
    cache_hit_rate: float
    """share of the scores asked for in this run that were known"""


def build_model(config: DictConfig, env: VecEnv, seed: int) -> tuple[Algo, BaseAlgorithm]:
    """The configured algorithm and an untrained model of it, with the configured feature extractor and device."""
    extractor, arguments = class_and_arguments(config.feature_extractor)
    network = Network(extractor, arguments, instantiate(config.device).open(), seed)
    algo: Algo = instantiate(config.algo)
    return algo, algo.build(env, network)


def train_agent(config: DictConfig, prepared: Prepared, folder: RunFolder, tracker: Tracker) -> Trained:
    """Trains until `train.total_timesteps`, from the start or from a checkpoint.

    Ctrl-C or an error saves the last checkpoint before it goes on.

    Args:
        config: a whole configuration.
        prepared: the prepared photos.
        folder: gets `checkpoints/best.zip` and `checkpoints/last.zip`.
        tracker: records metrics and checkpoints.

    Raises:
        ApsiError: the train or val split is empty, or the checkpoint can't be read or does not fit.
    """
    if config.checkpoint is not None:
        raise ApsiError(
            f"checkpoint={config.checkpoint} is for task=evaluate; "
            f"to train on from it: task=train resume={config.checkpoint}"
        )
    settings = config.train
    train, val = prepared.split("train"), prepared.split("val")
    for split in (train, val):
        tracker.dataset(split, split.name)
    checkpoint = checkpoint_to_resume(config, prepared, folder, tracker)
    state = checkpoint.state if checkpoint else TrainState()
    state = replace(
        state,
        dataset=prepared.folder.name,
        trained_on=sorted(originals(train.originals) | set(state.trained_on)),
    )
    seed = seed_for(config.seed, state.timesteps) % 2**31

    with open_jury(config, prepared.juror) as jury, ImageSaver() as saver:
        parts, store = components(config, jury), PhotoStore()
        require_something_to_do(train, parts.goal)
        source = episode_source(config, train, jury, seed, store)
        env = PhotoVecEnv(EditCore(parts, source, settings.n_envs))
        algo, model = build_model(config, env, seed)
        _record_groups(describe(model), folder, tracker)
        model.set_logger(tracking_logger(tracker))
        pictures = TrainingPictures.begin(folder.path, saver, checkpoint)
        if checkpoint:
            load_into(checkpoint, model)
            for row in state.history:
                algo.schedule.report(row["val_success_rate"])

        juror_parameters = pack_parameters(prepared.juror)

        def save(state: TrainState, is_best: bool) -> None:
            # the best one first: the last one says how good it is
            for path in [*([folder.best_checkpoint] if is_best else []), folder.last_checkpoint]:
                save_checkpoint(path, model, Checkpoint(path, config, parts.actions.labels, state, juror_parameters))

        def validate() -> dict[str, float]:
            figures, played = evaluate_quickly(trained_agent(algo, model), parts, val, settings, store)
            pictures.save(model.num_timesteps, played)
            algo.schedule.report(figures["success_rate"])
            return figures

        milestones = MilestoneCallback(settings, state, validate, save, tracker, best_by=parts.goal.best_by)
        milestones.init_callback(model)
        try:
            if state.timesteps < settings.total_timesteps:
                with progress("success {task.fields[success]}", "{task.fields[rate]} steps/s") as bar:
                    callbacks = [ProgressCallback(bar, settings.total_timesteps), UnfreezeCallback(), milestones]
                    model.learn(settings.total_timesteps - state.timesteps, callbacks, reset_num_timesteps=False)
            if milestones.evaluated_at < model.num_timesteps or not folder.best_checkpoint.exists():
                milestones.evaluate()
        except BaseException:
            if model.num_timesteps > milestones.state.timesteps:
                milestones.checkpoint()
                log.warning("Saved %s steps in %s", f"{model.num_timesteps:,}", folder.last_checkpoint)
            with suppress(ApsiError, OSError):  # the first error is the one to report
                _record_checkpoints(folder, tracker)
            raise
        _record_checkpoints(folder, tracker)
        pictures.finish(tracker)
        hit_rate = jury.hit_rate if isinstance(jury, CachedJuror) else 0.0
        tracker.metrics({"juror/cache_hit_rate": hit_rate}, model.num_timesteps)
        log.info(
            "Trained for %.0f s; %.1f %% of the scores were in the cache", milestones.state.seconds, 100 * hit_rate
        )
        return Trained(folder.best_checkpoint, milestones.state, hit_rate)


def evaluate_quickly(
    agent: TrainedAgent, parts: Components, split: PreparedSplit, settings: TrainSettings, store: PhotoStore
) -> tuple[dict[str, float], list[EpisodeResult]]:
    """Success rate and mean gain of the agent on the first episodes of a split, and these episodes."""
    policy = Agent(PolicyContext(parts, agent, np.random.default_rng(0)), no_repeats=True)
    episodes = split.episodes[: settings.eval_episodes]
    played = list(roll_out(policy, parts, episodes, batch_size=64, store=store, pictures=settings.images))
    summary = summarise(played)
    figures = {"success_rate": summary.success_rate, "mean_gain": summary.mean_gain, "mean_steps": summary.mean_steps}
    return figures, played


def _record_groups(groups: Sequence[Group], folder: RunFolder, tracker: Tracker) -> None:
    for group in groups:
        log.info(
            "%s, %s: %s of %s parameters learn, learning rate %g, weight decay %g",
            *(group.network, group.group, f"{group.trainable:,}", f"{group.parameters:,}"),
            *(group.learning_rate, group.weight_decay),
        )
    path = folder.path / "parameter_groups.json"
    write_text(path, json.dumps([asdict(group) for group in groups], indent=1))
    tracker.artifact(path)


def _record_checkpoints(folder: RunFolder, tracker: Tracker) -> None:
    for path in (folder.best_checkpoint, folder.last_checkpoint):
        if path.exists():
            tracker.artifact(path, "checkpoints")


def require_something_to_do(split: PreparedSplit, goal: Goal) -> None:
    """Refuses episodes that are won before they begin, such as restoring photos that nobody degraded.

    Raises:
        ApsiError: every episode of the split is over at its start.
    """
    start = np.array([episode.start_score for episode in split.episodes])
    target = np.array([episode.target_score for episode in split.episodes])
    if goal.reached(start, target, start).all():
        raise ApsiError(
            f"every photo of the split '{split.name}' has reached its goal before the first edit: "
            "choose a degradation, or env=optimise to improve photos as they are"
        )
