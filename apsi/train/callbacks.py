"""What happens while Stable-Baselines3 trains: progress, validation, checkpoints, records."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from rich.progress import Progress
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter, Logger

from apsi.agent.checkpoint import TrainState
from apsi.algo.divergence import require_finite
from apsi.algo.optimizer.base import gradient_norm
from apsi.config.schema import TrainSettings
from apsi.feature_extractor.pretrained import Pretrained
from apsi.tracking.base import Tracker

log = logging.getLogger(__name__)


class ProgressCallback(BaseCallback):
    """Moves the progress bar: steps, time left, success rate of the latest training episodes, steps a second."""

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
    """Lets frozen networks learn from `unfreeze_after` steps on."""

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        for module in self.model.policy.modules():
            if not isinstance(module, Pretrained) or module.unfreeze_after is None:
                continue
            if module.is_frozen and self.num_timesteps >= module.unfreeze_after:
                module.unfreeze()
                log.info("%9s steps  %s is free to learn", f"{self.num_timesteps:,}", module.name)


class GradientCallback(BaseCallback):
    """Records the norm of the gradients before clipping, beside which `algo.max_grad_norm` tells what was clipped.

    Raises a `DivergedError` where it is no number: from then on the networks hold none either.
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


class MilestoneCallback(BaseCallback):
    """Every so many steps: success on the validation split, best and last checkpoint, a row of the learning curve."""

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
    ) -> None:
        """Takes what to do at a milestone.

        Args:
            settings: how often.
            state: where training stands at the start.
            validate: figures on the validation split.
            save: writes the last checkpoint; also as the best one where the second argument says so, and as one that
                stays where the third does.
            tracker: where the figures are recorded.
            best_by: the figure by which one agent is better than another.
            report: hears of steps and that figure, once the checkpoints are written; may end the training.
        """
        super().__init__()
        self._settings, self._validate, self._save, self._tracker = settings, validate, save, tracker
        self._best_by, self._report = best_by, report
        self.state = state
        self._began = time.monotonic() - state.seconds
        self.evaluated_at: int = state.history[-1]["timesteps"] if state.history else 0
        """steps at the latest look at the validation split"""
        for row in state.history:
            report(row["timesteps"], row[f"val_{best_by}"])

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        # here, and not at any step, the model is as its last update left it and no rollout is half done
        every = self._settings
        if self.num_timesteps // every.eval_every > self.evaluated_at // every.eval_every:
            self.evaluate()
        elif self._is_due(every.checkpoint_every) or self._is_due(every.keep_every):
            self.checkpoint()

    def _is_due(self, every: int | None) -> bool:
        """Whether so many steps have been completed once more since the latest checkpoint."""
        return every is not None and self.model.num_timesteps // every > self.state.timesteps // every

    def evaluate(self) -> None:
        """Measures on the validation split and saves the last checkpoint, and the best where it is one."""
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
        self.checkpoint(is_best)
        self._report(self.model.num_timesteps, figure)

    def best_row(self) -> dict[str, Any]:
        """The row of the learning curve with the best figure."""
        return max(self.state.history, key=lambda row: float(row[f"val_{self._best_by}"]))

    def checkpoint(self, is_best: bool = False) -> None:
        """Saves the last checkpoint, as the best one too where this is it, and one that stays where that is due."""
        keeps = self._is_due(self._settings.keep_every)
        self.state = replace(self.state, timesteps=self.model.num_timesteps, seconds=time.monotonic() - self._began)
        self._save(self.state, is_best, keeps)


class TrackerWriter(KVWriter):
    """Sends what Stable-Baselines3 logs to the tracker."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        numbers = {k: float(v) for k, v in key_values.items() if isinstance(v, int | float | np.number)}
        self._tracker.metrics({k: v for k, v in numbers.items() if np.isfinite(v)}, step)

    def close(self) -> None:
        """The tracker is closed by whoever opened it."""


def tracking_logger(tracker: Tracker) -> Logger:
    """An SB3 logger that writes to the tracker only."""
    return Logger(folder=None, output_formats=[TrackerWriter(tracker)])


def success_rate(model: Any) -> float | None:
    """Success rate of the latest training episodes; None before the first has ended."""
    buffer = model.ep_success_buffer
    return float(np.mean(buffer)) if buffer else None
