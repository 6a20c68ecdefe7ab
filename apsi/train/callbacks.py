"""What happens while Stable-Baselines3 trains: progress, validation, checkpoints, records."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import psutil
import torch
from rich.progress import Progress
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter, Logger

from apsi.agent.checkpoint import TrainState
from apsi.algo.divergence import require_finite
from apsi.algo.optimizer.base import describe, gradient_norm, loss_scale
from apsi.config.schema import TrainSettings
from apsi.feature_extractor.pretrained import Pretrained
from apsi.tracking.base import Tracker

log = logging.getLogger(__name__)


class ProgressCallback(BaseCallback):
    """Updates the progress bar: steps, time left, success rate of the latest training episodes, steps per second."""

    def __init__(self, bar: Progress, total: int) -> None:
        super().__init__()
        self._bar, self._total = bar, total

    def _on_training_start(self) -> None:
        self._task = self._bar.add_task(
            "Training", total=self._total, completed=self.num_timesteps, success="-", rate="-"
        )
        self._began, self._first, self._shown = time.monotonic(), self.num_timesteps, 0.0

    def _on_step(self) -> bool:
        now = time.monotonic()
        if now - self._shown > 0.25:
            self._shown = now
            rate = (self.num_timesteps - self._first) / max(1e-9, now - self._began)
            success = success_rate(self.model)
            self._bar.update(
                self._task,
                completed=min(self.num_timesteps, self._total),
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
            best_by: the figure that decides which checkpoint is best.
            report: called with the steps and that figure, after the checkpoints are written; may end the training.
            looks_first: whether to validate before the first step, too, for an agent that can do something by then.
        """
        super().__init__()
        self._settings, self._validate, self._save, self._tracker = settings, validate, save, tracker
        self._best_by, self._report, self._looks_first = best_by, report, looks_first
        self.state = state
        self._began = time.monotonic() - state.seconds
        self.evaluated_at: int = state.history[-1]["timesteps"] if state.history else 0
        """environment steps at the latest validation"""
        for row in state.history:
            self._tell(row["timesteps"], row[f"val_{best_by}"])

    def _tell(self, timesteps: int, figure: float) -> None:
        if timesteps:  # of what was learned elsewhere, a search learns nothing
            self._report(timesteps, figure)

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
        if self.num_timesteps // every.eval_every > self.evaluated_at // every.eval_every:
            self.evaluate()
            self._require_progress()
        elif self._is_due(every.checkpoint_every) or self._is_due(every.keep_every):
            self.checkpoint()

    def _is_due(self, every: int | None) -> bool:
        """Whether another `every` steps have been completed since the latest checkpoint."""
        return every is not None and self.model.num_timesteps // every > self.state.timesteps // every

    def evaluate(self) -> None:
        """Validates, and saves the last checkpoint, also as the best one if it is."""
        figures = self._validate()
        row: dict[str, Any] = {
            "timesteps": self.model.num_timesteps,
            "seconds": round(time.monotonic() - self._began, 1),
            "train_success_rate": success_rate(self.model),
            **{f"val_{name}": value for name, value in figures.items()},
        }
        figure = figures[self._best_by]
        is_best = self.state.best is None or figure > self.state.best
        best = figure if is_best else self.state.best
        self.state = replace(self.state, history=[*self.state.history, row], best=best)
        self._tracker.metrics({f"eval/{name}": value for name, value in figures.items()}, self.model.num_timesteps)
        log.info(
            "%9s steps  validation success %.3f, mean gain %+.3f%s",
            *(f"{self.model.num_timesteps:,}", figures["success_rate"], figures["mean_gain"]),
            "  (best)" if is_best else "",
        )
        self.evaluated_at = self.model.num_timesteps
        self._tracker.metrics(memory_in_use(), self.model.num_timesteps)
        self.checkpoint(is_best)
        self._tell(self.model.num_timesteps, figure)

    def best_row(self) -> dict[str, Any]:
        """The row of the learning curve with the best figure."""
        return max(self.state.history, key=lambda row: float(row[f"val_{self._best_by}"]))

    def checkpoint(self, is_best: bool = False) -> None:
        """Saves the last checkpoint, also as the best one and as one that is kept, where that applies."""
        is_kept = self._is_due(self._settings.keep_every)
        self.state = replace(self.state, timesteps=self.model.num_timesteps, seconds=time.monotonic() - self._began)
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


def tracking_logger(tracker: Tracker) -> Logger:
    """An SB3 logger that writes to the tracker only."""
    return Logger(folder=None, output_formats=[TrackerWriter(tracker)])


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
