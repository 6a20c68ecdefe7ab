"""One trial of a search, seen from the run that is it: reports what it reaches, and hears when to stop."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from apsi.config.instantiate import instantiate
from apsi.config.schema import TrainSettings
from apsi.errors import ApsiError, Pruned

log = logging.getLogger(__name__)

COMPLETE, PRUNED, FAIL = "COMPLETE", "PRUNED", "FAIL"
Report = Callable[[int, float], None]
"""Takes the environment steps so far and the validation figure reached."""


@dataclass(frozen=True)
class Outcome:
    """How the run of a trial ended."""

    state: str
    """COMPLETE, PRUNED or FAIL"""
    numbers: dict[str, Any]
    """what the task returned, of a complete one"""
    error: str = ""


def run_trial(config: DictConfig, run: Callable[[DictConfig], Any]) -> Outcome:
    """Runs a trial's configuration; an error is its outcome, an interruption is not."""
    try:
        numbers = run(config)
    except Pruned as end:
        log.info("Trial %s is pruned: %s", config.search.trial, end)
        return Outcome(PRUNED, {})
    except Exception as error:
        logging.getLogger().info("The run ended with", exc_info=True)  # in its log; the sweep tells the user
        return Outcome(FAIL, {}, f"{type(error).__name__}: {error}")
    return Outcome(COMPLETE, {key: value for key, value in numbers.items() if isinstance(value, int | float)})


def reporter(config: DictConfig) -> Report:
    """What to tell of each look at the validation split: the trial that the configuration names, or nobody."""
    if config.search.trial is None:
        return lambda steps, figure: None
    return _TrialReport(config)


class _TrialReport:
    """Writes a trial's intermediate values to the storage and asks the pruner.

    The step of a value is the number of the look at the validation split, from 1, as looks of different trials fall on
    different environment steps. With several seeds, the looks of the second come after those of the first, and a value
    is the mean of the earlier seeds' results and the figure.
    """

    def __init__(self, config: DictConfig) -> None:
        from apsi.search.storage import open_storage

        search = config.search
        self._settings: TrainSettings = config.train
        self._is_last = bool(search.is_last)
        self._earlier = [float(value) for value in search.earlier]
        self._looks = math.ceil(config.train.total_timesteps / config.train.eval_every)
        self._number = int(search.trial)
        self._name = str(search.study)
        self._storage = open_storage(search.storage)
        self._pruner = instantiate(config.search.pruner) if config.search.pruner is not None else None
        study_id = self._storage.get_study_id_from_name(self._name)
        self._trial_id = self._storage.get_trial_id_from_study_id_trial_number(study_id, self._number)

    def __call__(self, steps: int, figure: float) -> None:
        """Takes a figure of the validation split.

        Raises:
            ApsiError: it is no number, or the trial was closed meanwhile.
            Pruned: others did better by then.
        """
        import optuna

        if not math.isfinite(figure):
            raise ApsiError(f"the validation figure is {figure} after {steps} steps: training has diverged")
        look = len(self._earlier) * self._looks + min(self._looks, max(1, steps // self._settings.eval_every))
        values = [*self._earlier, figure]
        try:
            self._storage.set_trial_intermediate_value(self._trial_id, look, math.fsum(values) / len(values))
        except optuna.exceptions.UpdateFinishedTrialError as error:
            raise ApsiError(
                f"trial {self._number} of {self._name} was closed while it ran: the sweep that began it has ended, or "
                "was not heard of for too long"
            ) from error
        if self._pruner is None or (self._is_last and steps >= self._settings.total_timesteps):
            return  # what is whole is not thrown away
        study = optuna.load_study(study_name=self._name, storage=self._storage, pruner=self._pruner)
        if self._pruner.prune(study, self._storage.get_trial(self._trial_id)):
            raise Pruned(f"{values[-1]:.4g} after {steps:,} steps is less than others had")
