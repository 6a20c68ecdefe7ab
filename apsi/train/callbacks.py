"""What happens while Stable-Baselines3 trains: progress, validation, checkpoints, records."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import psutil
import torch
from rich.progress import Progress
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter

from apsi.agent.checkpoint import TrainState
from apsi.algo.divergence import require_finite
from apsi.algo.optimizer.base import describe, gradient_norm, loss_scale
from apsi.config.schema import TrainSettings
from apsi.feature_extractor.pretrained import Pretrained
from apsi.tracking.base import Tracker
from apsi.train.budget import Budget

_LOSSES = ("train/value_loss", "train/critic_loss", "train/loss")
"""What tells whether an algorithm learns to predict, the first of these that it records"""
log = logging.getLogger(__name__)


class ProgressCallback(BaseCallback):
    """Updates the progress bar: steps or episodes, time left, success rate of the latest episodes, steps per second."""

    def __init__(self, bar: Progress, budget: Budget) -> None:
        super().__init__()
        self._bar, self._budget = bar, budget

    @property
    def _completed(self) -> int:
        budget = self._budget
        spent = budget.episodes if budget.in_episodes else self.num_timesteps
        return min(spent, budget.total * budget.size)

    def _on_training_start(self) -> None:
        total = self._budget.total * self._budget.size
        self._task = self._bar.add_task("Training", total=total, completed=self._completed, success="-", rate="-")
        self._began, self._first, self._shown = time.monotonic(), self.num_timesteps, 0.0

    def _on_step(self) -> bool:
        now = time.monotonic()
        if now - self._shown > 0.25:
            self._shown = now
            rate = (self.num_timesteps - self._first) / max(1e-9, now - self._began)
            success = success_rate(self.model)
            self._bar.update(
                self._task,
                completed=self._completed,
                success="-" if success is None else f"{success:.2f}",
                rate=f"{rate:.0f}",
            )
        return True


class UnfreezeCallback(BaseCallback):
    """Unfreezes frozen networks, stage by stage, when their time has come."""

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        said = set()
        for module in self.model.policy.modules():
            freed = module.unfreeze(self.num_timesteps) if isinstance(module, Pretrained) and module.is_frozen else []
            if (
                isinstance(module, Pretrained) and freed and (module.name, *freed) not in said
            ):  # a target network is alike
                said.add((module.name, *freed))
                what = f"{', '.join(freed)} of {module.name}" if module.is_frozen else f"all of {module.name}"
                log.info("%9s steps  %s learns from now on", f"{self.num_timesteps:,}", what)


class GradientCallback(BaseCallback):
    """Records the norm of the gradients before clipping; compare it with `algo.max_grad_norm` to see what is clipped.

    Beside it the learning rate of each parameter group, and the scale of gradients in float16. Raises a `DivergedError`
    where the norm is not finite, as the networks are not finite afterwards either.
    """

    def __init__(self, algo: str) -> None:
        super().__init__()
        self._algo = algo

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        norm = gradient_norm(self.model)
        if norm is not None:
            require_finite(np.array(norm), self._algo, self.num_timesteps, "the norm of its gradients")
            self.logger.record("train/grad_norm", norm)
            for group in describe(self.model):  # of an actor and a critic they are the same
                self.logger.record(f"train/learning_rate_{group.group}", group.learning_rate)
        scale = loss_scale(self.model)
        if scale is not None:
            self.logger.record("train/loss_scale", scale)


class NoProgressError(Exception):
    """Ends a training that has got no better for long; no failure."""

    def __init__(self, validations: int) -> None:
        latest = f"latest {validations} validations have" if validations > 1 else "latest validation has"
        super().__init__(f"the {latest} found nothing better")


class ReplayCallback(BaseCallback):
    """Records how many transitions the model's memory holds, where it has one."""

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        memory = getattr(self.model, "replay_buffer", None)
        if isinstance(memory, ReplayBuffer):
            self.logger.record("train/replay_size", memory.size() * memory.n_envs)


class LossCallback(BaseCallback):
    """Takes note of the loss of each update, which the logger holds until it is told of the next one.

    It stands before whatever saves, so that no checkpoint misses the latest.
    """

    def __init__(self, losses: list[float]) -> None:
        """Takes the list that grows."""
        super().__init__()
        self._losses = losses

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        recorded = self.logger.name_to_value
        self._losses += [float(recorded[key]) for key in _LOSSES if key in recorded][:1]


class MilestoneCallback(BaseCallback):
    """At each milestone: validation, the best and the last checkpoint, a row of the learning curve."""

    def __init__(
        self,
        settings: TrainSettings,
        state: TrainState,
        validate: Callable[[], dict[str, float]],
        save: Callable[[TrainState, bool, bool], None],
        tracker: Tracker,
        *,
        budget: Budget,
        best_by: str,
        report: Callable[[int, float], None] = lambda steps, figure: None,
        looks_first: bool = False,
    ) -> None:
        """Stores what happens at a milestone.

        Args:
            settings: how often to validate and to save.
            state: state of training at the start.
            validate: measures the agent on the validation split.
            save: writes the last checkpoint; second argument: also as the best one; third argument: also as one that
                is kept.
            tracker: where the figures are recorded.
            budget: what intervals are counted in.
            best_by: the figure that decides which checkpoint is best.
            report: called with the units of the budget and that figure, after the checkpoints are written; may end the
                training.
            looks_first: whether to validate before the first step, too, for an agent that can do something by then.
        """
        super().__init__()
        self._settings, self._validate, self._save, self._tracker = settings, validate, save, tracker
        self._best_by, self._report, self._looks_first = best_by, report, looks_first
        self.losses = list(state.losses)
        """of the updates since the latest validation; a `LossCallback` adds to them"""
        self._budget, self.state = budget, state
        self._began = time.monotonic() - state.seconds
        self.evaluated_at: int = state.history[-1]["timesteps"] if state.history else 0
        """environment steps at the latest validation"""
        self._units_evaluated = self._units_of(state.history[-1]) if state.history else 0
        for row in state.history:
            self._tell(row)

    def _units_of(self, row: Mapping[str, Any]) -> int:
        return self._budget.units(row["timesteps"], row.get("episodes", 0))

    def _tell(self, row: Mapping[str, Any]) -> None:
        if row["timesteps"]:  # of what was learned elsewhere, a search learns nothing
            self._report(self._units_of(row), row[f"val_{self._best_by}"])

    def _on_training_start(self) -> None:
        self._require_progress()  # where an earlier training had ended so
        if self._looks_first:
            self.evaluate()

    def _require_progress(self) -> None:
        """Raises a `NoProgressError` where `patience` is used up."""
        rows, patience = self.state.history, self._settings.patience
        if rows and patience is not None and self.state.best is not None:
            best = rows.index(self.best_row())
            if len(rows) - 1 - best >= patience:
                raise NoProgressError(len(rows) - 1 - best)

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        # only between rollouts: after an update, and with no rollout half done
        every = self._settings
        if self._units // every.eval_every > self._units_evaluated // every.eval_every:
            self.evaluate()
            self._require_progress()
        elif self._is_due(every.checkpoint_every) or self._is_due(every.keep_every):
            self.checkpoint()

    def _is_due(self, every: int | None) -> bool:
        """Whether another `every` units have been completed since the latest checkpoint."""
        if every is None:
            return False
        return self._units // every > self._budget.units(self.state.timesteps, self.state.episodes) // every

    @property
    def _units(self) -> int:
        """Of the budget, so far."""
        return self._budget.units(self.model.num_timesteps, self._budget.episodes)

    def evaluate(self) -> None:
        """Validates, and saves the last checkpoint, also as the best one if it is."""
        figures = self._validate()
        row: dict[str, Any] = {
            "timesteps": self.model.num_timesteps,
            "episodes": self._budget.episodes,
            "seconds": round(time.monotonic() - self._began, 1),
            "train_success_rate": success_rate(self.model),
            "train_loss": float(np.mean(self.losses)) if self.losses else None,
            **{f"val_{name}": value for name, value in figures.items()},
        }
        self.losses.clear()
        figure = figures[self._best_by]
        is_best = self.state.best is None or figure > self.state.best
        if is_best:
            self.state = replace(self.state, best=figure, best_at=self.model.num_timesteps)
        self.state = replace(self.state, history=[*self.state.history, row])
        self._tracker.metrics({f"eval/{name}": value for name, value in figures.items()}, self.model.num_timesteps)
        log.info(
            "%9s steps  validation success %.3f, mean gain %+.3f%s",
            *(f"{self.model.num_timesteps:,}", figures["success_rate"], figures["mean_gain"]),
            "  (best)" if is_best else "",
        )
        self.evaluated_at, self._units_evaluated = self.model.num_timesteps, self._units
        self._tracker.metrics(memory_in_use(), self.model.num_timesteps)
        self.checkpoint(is_best)
        self._tell(row)

    def best_row(self) -> dict[str, Any]:
        """The row of the learning curve of the best agent that is kept."""
        return next(row for row in reversed(self.state.history) if row["timesteps"] == self.state.best_at)

    def checkpoint(self, is_best: bool = False) -> None:
        """Saves the last checkpoint, also as the best one and as one that is kept, where that applies."""
        is_kept = self._is_due(self._settings.keep_every)
        self.state = replace(
            self.state,
            timesteps=self.model.num_timesteps,
            episodes=self._budget.episodes,
            seconds=time.monotonic() - self._began,
            losses=list(self.losses),
        )
        self._save(self.state, is_best, is_kept)


class TrackerWriter(KVWriter):
    """Sends what Stable-Baselines3 logs to the tracker."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        numbers = {k: float(v) for k, v in key_values.items() if isinstance(v, int | float | np.number)}
        self._tracker.metrics({k: v for k, v in numbers.items() if np.isfinite(v)}, step)

    def close(self) -> None:
        """Leaves the tracker open: its owner closes it."""


def memory_in_use() -> dict[str, float]:
    """Of this process now, and the most that torch has had of the GPU, where it uses one; in megabytes."""
    figures = {"memory/process_megabytes": psutil.Process().memory_info().rss / 1e6}
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # torch leaves it untyped
        figures["memory/gpu_peak_megabytes"] = torch.cuda.max_memory_allocated() / 1e6
    return figures


def success_rate(model: Any) -> float | None:
    """Success rate of the latest training episodes; None before the first has ended."""
    buffer = model.ep_success_buffer
    return float(np.mean(buffer)) if buffer else None
