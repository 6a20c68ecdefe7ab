"""Training an agent on prepared photos."""

import json
import logging
import math
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger

from apsi.agent.ask import TrainedAgent, trained_agent
from apsi.agent.build import build_model
from apsi.agent.checkpoint import Checkpoint, TrainState, load_into, originals
from apsi.agent.jurors import second_juror
from apsi.algo.crop_ranker import CropRankerModel
from apsi.algo.divergence import divergence_named
from apsi.algo.optimizer.base import Group, describe
from apsi.config.build import components, episode_source, open_cached_juror, require_something_to_do
from apsi.config.schema import TrainSettings
from apsi.console import progress
from apsi.env.core import EditCore, EnvComponents
from apsi.env.vec_env import PhotoVecEnv
from apsi.errors import ApsiError
from apsi.evaluate.actions import ACTIONS, action_shares
from apsi.evaluate.saver import ImageSaver
from apsi.evaluate.summary import summarise
from apsi.evaluate.truth import Truth, comparable, truth_measures
from apsi.juror.base import Juror
from apsi.juror.cache import CachedJuror
from apsi.juror.parameters import pack_parameters
from apsi.monitoring.metrics import METRICS
from apsi.photo.hash import seed_for
from apsi.photo.prepared import PhotoStore, PreparedSplit
from apsi.photo.write import write_text
from apsi.policy.agent import Agent
from apsi.policy.base import PolicyContext
from apsi.policy.rollout import EpisodeResult, roll_out
from apsi.preprocess.steps import Prepared
from apsi.search.trial import reporter
from apsi.tracking.base import Tracker
from apsi.tracking.run_folder import RunFolder
from apsi.train.budget import Budget, BudgetSpent, EpisodesCallback
from apsi.train.callbacks import (
    GradientCallback,
    LossCallback,
    MilestoneCallback,
    NoProgressError,
    ProgressCallback,
    ReplayCallback,
    TrackerWriter,
    UnfreezeCallback,
    memory_in_use,
)
from apsi.train.checkpoint_writer import CheckpointWriter
from apsi.train.counting import CountingCallback
from apsi.train.init_from import begin_with, read_start, require_start_unseen
from apsi.train.interrupt import InterruptCallback, deferred
from apsi.train.resume import changes, checkpoint_to_resume, judges_anew, resume_run
from apsi.train.run_state import random_state_kept
from apsi.train.training_pictures import TrainingPictures

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What training left."""

    checkpoint: Path
    """the agent that was best on the validation split"""
    state: TrainState
    cache_hit_rate: float
    """share of the scores in this run that came from the cache"""
    best_row: dict[str, Any]
    """that agent's row of the learning curve"""


def train_agent(config: DictConfig, prepared: Prepared, folder: RunFolder, tracker: Tracker) -> Trained:
    """Trains until its budget is spent: from the start, with the weights of another run, or on from a checkpoint.

    Ctrl-C saves the last checkpoint after the rollout in progress; after an error the latest one remains. A run that
    resumes from any of them ends as it would have without the interruption.

    Args:
        config: a whole configuration.
        prepared: the prepared photos.
        folder: gets `checkpoints/best.zip`, `last.zip` and those that are kept.
        tracker: records metrics and checkpoints.

    Raises:
        ApsiError: the train or val split is empty, or the checkpoint can't be read or does not fit.
    """
    require_no_checkpoint(config)
    train, val = prepared.split("train"), prepared.split("val")
    for split in (train, val):
        tracker.dataset(split, split.name)
    checkpoint = checkpoint_to_resume(config, prepared, folder, tracker)
    changed = changes(checkpoint, config, prepared) if checkpoint else []
    start = read_start(config, tracker) if checkpoint is None and config.init_from is not None else None
    if start:
        require_start_unseen(start, prepared)
    state = _state_at_start(checkpoint, start, prepared, train)
    with open_cached_juror(config, prepared.juror) as cached_juror, ImageSaver() as saver:
        parts, store = components(config, cached_juror), PhotoStore()
        best_by = parts.objective.best_by
        require_something_to_do(train, parts.objective)
        seed = seed_for(config.seed, state.timesteps) % 2**31
        source = episode_source(config, train, cached_juror, seed, store)
        budget = _budget(config, train, prepared.juror, folder)
        budget.episodes = state.episodes
        env = PhotoVecEnv(EditCore(parts, source, config.train.n_envs))
        algo, model = build_model(config, env, seed, budget.most_steps(config.env.max_steps))
        state = _with_annotated(state, model, prepared)
        _record_groups(describe(model), folder)
        if start:
            begin_with(start, algo, model, config=config, actions=parts.actions.labels, folder=folder, tracker=tracker)
        model.set_logger(Logger(folder=None, output_formats=[TrackerWriter(tracker)]))
        pictures = TrainingPictures.begin(folder.path, saver, None if judges_anew(changed) else checkpoint)
        if checkpoint:
            load_into(checkpoint, model)
            resume_run(checkpoint, model, cached_juror, changed)
            for row in state.history:
                algo.schedule.report(row[f"val_{best_by}"])

        def validate() -> dict[str, float]:
            with random_state_kept():
                figures, played = evaluate_quickly(trained_agent(algo, model), parts, val, config.train, store)
                pictures.save(model.num_timesteps, played)
            algo.schedule.report(figures[best_by])
            return figures

        fitted = (pack_parameters(prepared.juror), pack_parameters(second_juror(config, prepared)))
        writer = CheckpointWriter(folder, config.train, model, cached_juror, config, parts.actions.labels, *fitted)
        report = reporter(config)
        milestones = MilestoneCallback(
            *(config.train, state, validate, writer.save, tracker),
            budget=budget,
            best_by=best_by,
            report=report,
            looks_first=start is not None or judges_anew(changed),
        )
        milestones.init_callback(model)
        with METRICS.phase("train"), divergence_named(algo.name, model):
            _learn(model, algo.name, budget, milestones, folder)
        tracker.model(folder.best_checkpoint)
        pictures.finish()
        hit_rate = cached_juror.hit_rate if isinstance(cached_juror, CachedJuror) else 0.0
        tracker.metrics({"time/juror_cache_hit_rate": hit_rate}, model.num_timesteps)
        took, memory = milestones.state.seconds, memory_in_use().values()
        tracker.metrics({"seconds/train": round(took, 2)}, 0)
        used = " + ".join(f"{megabytes:,.0f} MB" for megabytes in memory)
        log.info("Trained for %.0f s; %.1f %% of the scores were in the cache; memory: %s", took, 100 * hit_rate, used)
        return Trained(folder.best_checkpoint, milestones.state, hit_rate, milestones.best_row())


def _budget(config: DictConfig, train: PreparedSplit, juror: Juror, folder: RunFolder) -> Budget:
    """How long to train; not at all where a juror is no good for it yet, and the agent that a run begins with stays."""
    budget = Budget.of(config.train, len(train.episodes))
    if budget.in_episodes:
        log.info("Training takes %s episodes", f"{budget.total * budget.size:,}")
    reason = juror.reservation
    if not reason:
        return budget
    if config.init_from is None:
        log.warning("The juror has a reservation: %s", reason)
        return budget
    log.warning("The agent stays as it is: %s", reason)
    folder.note(not_trained=reason)
    return replace(budget, total=0)


def _state_at_start(
    checkpoint: Checkpoint | None, start: Checkpoint | None, prepared: Prepared, train: PreparedSplit
) -> TrainState:
    state = checkpoint.state if checkpoint else TrainState()
    earlier = start.state if start else state
    trained_on = sorted(originals(train.originals) | set(earlier.trained_on))
    return replace(state, dataset=prepared.folder.name, trained_on=trained_on)


def _with_annotated(state: TrainState, model: BaseAlgorithm, prepared: Prepared) -> TrainState:
    """Has an algorithm that learns from annotated photos use none to validate or test with, and notes the others."""
    if not isinstance(model, CropRankerModel):
        return state
    others = [split for name in ("val", "test") if not (split := prepared.load(name)).is_shared]
    learned = model.read_annotated({original for split in others for original in split.originals})
    return replace(state, trained_on=sorted(originals(learned) | set(state.trained_on)))


def require_no_checkpoint(config: DictConfig) -> None:
    """Raises an ApsiError where `checkpoint` is set, which training would ignore."""
    if config.checkpoint is not None:
        raise ApsiError(
            f"checkpoint={config.checkpoint} is for task=evaluate; "
            f"to continue training from it: task=train resume={config.checkpoint}; "
            f"to begin a new run with its weights: init_from={config.checkpoint}"
        )


def _learn(model: BaseAlgorithm, algo: str, budget: Budget, milestones: MilestoneCallback, folder: RunFolder) -> None:
    """Trains until the budget is spent and ends with a validation."""
    with deferred() as interrupt:
        steps = sys.maxsize if budget.in_episodes else budget.total - milestones.state.timesteps
        is_spent = budget.is_spent(milestones.state.timesteps)
        if (
            not is_spent or model.ep_info_buffer is None
        ):  # for no step at all, `learn` makes ready what checkpoints hold
            with progress("success {task.fields[success]}", "{task.fields[rate]} steps/s") as bar:
                ends = InterruptCallback(interrupt, milestones, folder.last_checkpoint)
                gradients = GradientCallback(algo)  # before those that save, so that diverged networks are not saved
                counting = CountingCallback(METRICS, 0 if budget.in_episodes else budget.total)
                counts = EpisodesCallback(budget)
                tells = ProgressCallback(bar, budget), ReplayCallback()
                losses = LossCallback(milestones.losses)
                callbacks = [counts, counting, *tells, UnfreezeCallback(), gradients, losses, ends, milestones]
                try:
                    with suppress(BudgetSpent):
                        model.learn(0 if is_spent else steps, callbacks, reset_num_timesteps=False)
                except NoProgressError as error:
                    log.info("Training ends early, as %s (train.patience)", error)
                    folder.note(ended_early=str(error))
        if milestones.evaluated_at < model.num_timesteps or not folder.best_checkpoint.exists():
            milestones.evaluate()


def evaluate_quickly(
    agent: TrainedAgent, parts: EnvComponents, split: PreparedSplit, settings: TrainSettings, store: PhotoStore
) -> tuple[dict[str, float], list[EpisodeResult]]:
    """Figures of the agent on the first episodes of a split, and these episodes.

    Means of success, gain, steps, juror calls and reward, and the share of each action among all that it took. Where
    the objective goes by the distance to the true photos, also how much of that was taken away.
    """
    policy = Agent(PolicyContext(parts, agent, np.random.default_rng(0)), no_repeats=True)
    episodes = split.episodes[: settings.eval_episodes]
    by_truth = parts.objective.best_by in vars(Truth())
    measures = truth_measures() if by_truth else {}
    rolled = roll_out(policy, parts, episodes, batch_size=64, store=store, pictures=settings.images, measures=measures)
    played = list(comparable(rolled))
    summary = summarise(played)
    figures = {
        "success_rate": summary.success_rate,
        "mean_gain": summary.mean_gain,
        "mean_steps": summary.mean_steps,
        "mean_juror_calls": summary.juror_calls / len(played),
        "mean_reward": math.fsum(result.reward for result in played) / len(played),
    }
    shares = action_shares(played, parts.actions.labels)
    figures |= {f"{ACTIONS}{label}": share for label, share in shares.items()}
    if by_truth:
        figures["recovered"] = _known(summary.recovered, split)
    return figures, played


def _known(recovered: float | None, split: PreparedSplit) -> float:
    if recovered is None:
        raise ApsiError(
            f"no photo of the split '{split.name}' is degraded and as large as its original, so that nothing can be "
            "recovered: choose another degradation, or env=optimise"
        )
    return recovered


def _record_groups(groups: Sequence[Group], folder: RunFolder) -> None:
    for group in groups:
        log.info(
            "%s, %s: %s of %s parameters learn, learning rate %g, weight decay %g",
            *(group.network, group.group, f"{group.trainable:,}", f"{group.parameters:,}"),
            *(group.learning_rate, group.weight_decay),
        )
    path = folder.path / "parameter_groups.json"
    write_text(path, json.dumps([asdict(group) for group in groups], indent=1))
