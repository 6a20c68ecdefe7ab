"""The trial side of a search: a run reports its validation figures and learns whether it is pruned."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from apsi.config.instantiate import instantiate
from apsi.config.schema import TrainSettings, training_budget
from apsi.errors import ApsiError, Pruned

log = logging.getLogger(__name__)

COMPLETE, PRUNED, FAIL = "COMPLETE", "PRUNED", "FAIL"
Report = Callable[[int, float], None]
"""Called with what is done so far of the training, in the unit of its budget, and the validation figure."""


@dataclass(frozen=True)
class Outcome:
    """How the run of a trial ended."""

    state: str
    """COMPLETE, PRUNED or FAIL"""
    numbers: dict[str, Any]
    """what the task returned, if complete"""
    error: str = ""


def run_trial(config: DictConfig, run: Callable[[DictConfig], Any]) -> Outcome:
    """Runs a trial's configuration; an error becomes its outcome, an interruption is raised."""
    try:
        numbers = run(config)
    except Pruned as end:
        log.info("Trial %s is pruned: %s", config.search.trial, end)
        return Outcome(PRUNED, {})
    except Exception as error:
        logging.getLogger().info(
            "The run ended with", exc_info=True
        )  # into the run's log; the sweep shows it to the user
        return Outcome(FAIL, {}, f"{type(error).__name__}: {error}")
    return Outcome(COMPLETE, {key: value for key, value in numbers.items() if isinstance(value, int | float)})


def reporter(config: DictConfig) -> Report:
    """What to call at each validation: reports to the trial in the configuration, or does nothing without one."""
    if config.search.trial is None:
        return lambda steps, figure: None
    return _TrialReport(config)


class _TrialReport:
    """Writes a trial's intermediate values to the storage and asks the pruner.

    The step of a value is the number of the validation, from 1, as trials may validate at different environment steps.
    With several seeds, validations are numbered on from seed to seed, and a value is the mean of the earlier seeds'
    best figures and the current one.
    """

    def __init__(self, config: DictConfig) -> None:
        from apsi.search.storage import open_storage

        search = config.search
        self._settings: TrainSettings = config.train
        self._is_last = bool(search.is_last)
        self._earlier = [float(value) for value in search.earlier]
        self._total, self._unit = training_budget(config.train)
        self._validations = math.ceil(self._total / config.train.eval_every)
        self._number = int(search.trial)
        self._name = str(search.study)
        self._storage = open_storage(search.storage)
        self._pruner = instantiate(config.search.pruner) if config.search.pruner is not None else None
        study_id = self._storage.get_study_id_from_name(self._name)
        self._trial_id = self._storage.get_trial_id_from_study_id_trial_number(study_id, self._number)

    def __call__(self, done: int, figure: float) -> None:
        """Reports a validation figure.

        Raises:
            ApsiError: it is not finite, or the trial was closed meanwhile.
            Pruned: other trials were better at this point.
        """
        import optuna

        if not math.isfinite(figure):
            raise ApsiError(f"the validation figure is {figure} after {done} {self._unit}: training has diverged")
        number = self._validations if done >= self._total else max(1, done // self._settings.eval_every)
        number += len(self._earlier) * self._validations
        values = [*self._earlier, figure]
        try:
            self._storage.set_trial_intermediate_value(self._trial_id, number, math.fsum(values) / len(values))
        except optuna.exceptions.UpdateFinishedTrialError as error:
            raise ApsiError(
                f"trial {self._number} of {self._name} was closed while it ran: its sweep has ended, or sent no "
                "heartbeat for too long"
            ) from error
        if self._pruner is None or (self._is_last and done >= self._total):
            return  # a finished trial is not discarded
        study = optuna.load_study(study_name=self._name, storage=self._storage, pruner=self._pruner)
        if self._pruner.prune(study, self._storage.get_trial(self._trial_id)):
            raise Pruned(f"{values[-1]:.4g} after {done:,} {self._unit} is less than other trials had")
