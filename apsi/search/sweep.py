"""A search from start to end: assign trials, launch them, record how they ended, report."""

import logging
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from shutil import copy
from typing import TYPE_CHECKING, Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, configure_log
from hydra.errors import HydraException
from hydra.types import HydraContext, RunMode, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from apsi.config.compose import flat, plain
from apsi.config.instantiate import instantiate
from apsi.config.renamed import with_new_names
from apsi.config.trackers import open_tracker
from apsi.console import show_log
from apsi.errors import ApsiError
from apsi.installation import command
from apsi.monitoring.exporter import monitored
from apsi.monitoring.metrics import METRICS
from apsi.photo.hash import value_hash
from apsi.search.best import write_best
from apsi.search.page import write_page
from apsi.search.settings import SweepSettings
from apsi.search.space import grid, quoted, search_space
from apsi.search.storage import alone, claim, close, fail, heartbeats, open_storage, started, tell
from apsi.search.trial import COMPLETE, FAIL, PRUNED, Outcome
from apsi.tracking.base import FAILED, FINISHED, KILLED, Tracker

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import Trial

log = logging.getLogger(__name__)

_VALIDATED = "val_best"
"""What a task returns of the figures that it reports to a search: the best of them"""


class Sweep:
    """One process's share of a search; others may take part at the same time."""

    def __init__(
        self, settings: SweepSettings, url: str, context: HydraContext, task: TaskFunction, config: DictConfig
    ) -> None:
        self._settings, self._url, self._context, self._task, self._config = settings, url, context, task, config
        self._jobs = self._failures = 0
        self._parent: str | None = None

    def run(self, arguments: Sequence[str]) -> None:
        """Runs what is left of the search and writes its report."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space, self._fixed = search_space(self._settings.params, arguments)
        fixed = value_hash(self._what_is_searched())
        self._name = self._settings.study_name or f"{self._search_name()}-{fixed[:8]}"
        self._folder = Path(self._config.output_dir).expanduser() / "search" / self._name
        self._prepare_hydra()
        show_log()
        with alone(self._url):
            self._storage = open_storage(self._url, make=True)
            self._study = self._open_study(fixed)
        log.info("Study %s in %s, folder %s", self._name, self._url, self._folder)
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self._context, task_function=self._task, config=self._config
        )
        with monitored(self._config):
            self._search(launcher)

    def _search(self, launcher: Any) -> None:
        METRICS.begin(self._search_name(), self._name)
        tracker: Tracker | None = None
        try:
            while trials := self._claim():
                if tracker is None:
                    tracker = self._track()
                self._run_trials(launcher, trials)
            files = self._report()
        except BaseException as error:
            if tracker is not None:
                with suppress(ApsiError, OSError):  # the first error is the one to report
                    tracker.finish(KILLED if isinstance(error, KeyboardInterrupt | SystemExit) else FAILED)
            raise
        if tracker is not None:
            for file in files:
                copy(file, self._record)
            tracker.files()
            tracker.finish(FINISHED)

    def _claim(self) -> "list[Trial]":
        with alone(self._url):
            trials = claim(self._study, self._storage, self._space, self._total, self._settings.n_jobs)
        self._show_trials()
        return trials

    def _show_trials(self) -> None:
        """Shows Prometheus how many trials there are by state, those of other processes too."""
        for state, n in _counts(self._study).items():
            METRICS.trials.labels(state.lower()).set(n)

    def _open_study(self, fixed: str) -> "Study":
        import optuna

        sampler_node, self._total = dict(self._settings.sampler), self._settings.n_trials
        more: dict[str, Any] = {}
        if sampler_node.pop("_partial_", False):  # the grid, which needs all values
            more["search_space"] = grid(self._space)
            self._total = min(self._total, math.prod(len(values) for values in more["search_space"].values()))
        study = optuna.create_study(
            study_name=self._name,
            storage=self._storage,
            sampler=instantiate(OmegaConf.create(sampler_node | more)),
            pruner=instantiate(OmegaConf.create(self._settings.pruner)) if self._settings.pruner else None,
            directions=list(self._settings.direction),
            load_if_exists=True,
        )
        if "fixed" not in study.user_attrs:
            study.set_user_attr("fixed", fixed)
            study.set_user_attr("objective", list(self._settings.objective))
            study.set_user_attr("settings", self._what_is_searched())
        elif study.user_attrs["fixed"] != fixed:
            earlier, now = (
                flat(OmegaConf.create(with_new_names(what)))
                for what in (study.user_attrs["settings"], self._what_is_searched())
            )
            differing = sorted(key for key in earlier.keys() | now.keys() if earlier.get(key) != now.get(key))
            if differing:
                raise ApsiError(
                    f"hydra.sweeper.study_name={self._name} belongs to another search: {', '.join(differing[:5])} "
                    "differ. Choose another name, or leave it out to get one automatically"
                )
        return study

    def _what_is_searched(self) -> dict[str, Any]:
        """Everything that identifies a search; where it runs and how long is not part of it."""
        from optuna.distributions import distribution_to_json

        config = plain(self._config)
        for name in self._space:
            choice, _, package = name.lstrip("+").partition("@")
            *path, last = (package or choice).replace("/", ".").split(".")
            node: Any = config
            for key in path:
                node = node.get(key, {})
            node.pop(last, None)
        return {
            "config": config,
            "space": {name: distribution_to_json(distribution) for name, distribution in self._space.items()},
            "objective": list(self._settings.objective),
            "direction": list(self._settings.direction),
            "seeds": list(self._settings.seeds),
        }

    def _search_name(self) -> str:
        return str(self._config.hydra.runtime.choices.get("hparams_search") or "search")

    def _prepare_hydra(self) -> None:
        """Sets the folders of the jobs, and silences Hydra's log in favour of apsi's."""
        place = str(self._folder.resolve())
        hydra = self._config.hydra
        with read_write(hydra), open_dict(hydra):
            hydra.sweep.dir = place
            hydra.overrides.hydra.append(f"hydra.sweep.dir={quoted(place)}")
            hydra.hydra_logging = {"version": 1, "disable_existing_loggers": False, "root": {"handlers": []}}
        configure_log(hydra.hydra_logging)

    def _track(self) -> Tracker:
        tracker: Tracker = open_tracker(self._config)
        params = {name: str(distribution) for name, distribution in self._space.items()}
        # several processes may take part, each with a separate record
        self._record = self._folder / "records" / f"{datetime.now():%Y-%m-%d_%H-%M-%S-%f}_{os.getpid()}"
        self._record.mkdir(parents=True)
        tags = {"apsi.study": self._name, "apsi.folder": str(self._folder)}
        tracker.start(self._record, f"search {self._name}", params, tags, section="searches")
        self._parent = tracker.run_id
        return tracker

    def _overrides(self, trial: "Trial", earlier: Sequence[float], seed: int | None, is_last: bool) -> list[str]:
        """The command line of one run of a trial."""
        search = {
            "storage": self._url,
            "study": self._name,
            "trial": trial.number,
            "pruner": self._settings.pruner,
            "earlier": list(earlier),
            "is_last": is_last,
            "parent_run": self._parent,
        }
        folder = f"{trial.number:04d}" if seed is None else f"{trial.number:04d}-seed-{seed}"
        return [
            *self._fixed,
            *(f"{name}={value}" for name, value in trial.params.items()),
            *([] if seed is None else [f"seed={seed}"]),
            # in this process they have the address of the search; others take any
            *([] if self._config.metrics_port is None else ["metrics_port=0"]),
            *(f"++search.{key}={quoted(value)}" for key, value in search.items()),
            f"hydra.sweep.subdir={folder}",
        ]

    def _run_trials(self, launcher: Any, trials: "Sequence[Trial]") -> None:
        """Runs trials together, one seed after another; closes those that are interrupted."""
        values: dict[int, list[list[float]]] = {trial.number: [] for trial in trials}
        validated: dict[int, list[float]] = {trial.number: [] for trial in trials}
        seeds: list[int | None] = [*self._settings.seeds] or [None]
        left = list(trials)
        try:
            with heartbeats(self._study, self._storage, trials):
                for i, seed in enumerate(seeds):
                    is_last = i == len(seeds) - 1
                    jobs = [self._overrides(trial, validated[trial.number], seed, is_last) for trial in left]
                    outcomes = self._launch(launcher, left, jobs)
                    for trial, outcome in zip(list(left), outcomes, strict=True):
                        reached = self._values(outcome)
                        if reached is None:
                            left.remove(trial)
                            self._end(trial, outcome, [])
                        else:
                            values[trial.number].append(reached)
                            if is_last:
                                left.remove(trial)
                                self._end(trial, outcome, values[trial.number])
                            else:
                                validated[trial.number] += self._validated(trial, outcome)
                    if not left:
                        break
        except BaseException:
            for trial in left:
                close(self._study, self._storage, trial.number, "the sweep ended while it ran")
            raise
        if self._settings.max_failures and self._failures >= self._settings.max_failures:
            last = self._study.get_trials(deepcopy=False)[trials[-1].number].user_attrs.get("error")
            raise ApsiError(
                f"{self._failures} trials failed one after the other; the last with: {last}. Their logs are in "
                f"{self._folder}; hydra.sweeper.max_failures=0 continues nevertheless"
            )

    def _launch(self, launcher: Any, trials: "Sequence[Trial]", jobs: Sequence[Sequence[str]]) -> list[Outcome]:
        """Runs one job a trial. If the launcher itself fails, its trials fail, not the search."""
        try:
            returns: Sequence[JobReturn] = launcher.launch(jobs, initial_job_idx=self._jobs)
        except (HydraException, OmegaConfBaseException) as error:  # the configuration is wrong, for all trials alike
            for trial in trials:
                fail(self._study, self._storage, trial.number, str(error).splitlines()[0])
            raise
        except Exception as error:  # launchers raise different errors
            log.exception("The launcher lost its jobs")
            return [Outcome(FAIL, {}, f"launcher: {type(error).__name__}: {error}") for _ in trials]
        finally:
            self._jobs += len(jobs)
        return [_outcome(job) for job in returns]

    def _values(self, outcome: Outcome) -> list[float] | None:
        """The objectives of a complete run; None of another."""
        if outcome.state != COMPLETE:
            return None
        missing = [name for name in self._settings.objective if name not in outcome.numbers]
        if missing:
            raise ApsiError(
                f"hydra.sweeper.objective={missing[0]} is not among the figures that the task returns: "
                f"{', '.join(outcome.numbers)}"
            )
        return [float(outcome.numbers[name]) for name in self._settings.objective]

    def _validated(self, trial: "Trial", outcome: Outcome) -> list[float]:
        """What the figures that a complete run reported led to; empty where it reported none."""
        if not self._study.get_trials(deepcopy=False)[trial.number].intermediate_values:
            return []
        if _VALIDATED not in outcome.numbers:
            raise ApsiError(
                f"hydra.sweeper.seeds={self._settings.seeds}: the figures on the way are averaged over the seeds, for "
                f"which the task must return {_VALIDATED}; use task=train, or one seed"
            )
        return [float(outcome.numbers[_VALIDATED])]

    def _end(self, trial: "Trial", outcome: Outcome, values: Sequence[Sequence[float]]) -> None:
        """Records how a trial ended: COMPLETE with the mean over its seeds, PRUNED, or FAIL."""
        from optuna.trial import TrialState

        means = [math.fsum(column) / len(values) for column in zip(*values, strict=True)]
        error = outcome.error
        if outcome.state == COMPLETE and not all(map(math.isfinite, means)):
            error = f"the result is no number: {means}"
        if error:
            self._failures += 1
            fail(self._study, self._storage, trial.number, error)
            log.warning("Trial %d failed: %s", trial.number, error)
            return
        self._failures = 0
        if outcome.state == PRUNED:
            tell(self._study, trial.number, TrialState.PRUNED)
            log.info("Trial %d pruned: %s", trial.number, trial.params)
            return
        if len(values) > 1:
            trial.set_user_attr("values by seed", [list(row) for row in values])
        tell(self._study, trial.number, TrialState.COMPLETE, means)
        log.info("Trial %d: %s with %s", trial.number, ", ".join(f"{value:.4g}" for value in means), trial.params)

    def _report(self) -> list[Path]:
        from optuna.trial import TrialState

        if not started(self._study):
            return []
        best = write_best(self._study, self._folder, self._fixed, self._load)
        page = write_page(self._study, self._folder, list(self._settings.objective), best)
        counts = _counts(self._study)
        log.info("%s: %s", self._name, ", ".join(f"{n} {state}" for state, n in counts.items() if n))
        log.info("Report: %s", page)
        if not best:
            failed = [t for t in self._study.get_trials(deepcopy=False) if t.state == TrialState.FAIL]
            last = failed[-1].user_attrs.get("error") if failed else "all were pruned"
            raise ApsiError(f"no trial of {self._name} was completed; the last failed with: {last}")
        for path in best:
            log.info("Best: %s --config-dir %s experiment=%s", command(), path.parent.parent, path.stem)
        return [page, *best]

    def _load(self, overrides: Sequence[str]) -> DictConfig:
        loader = self._context.config_loader
        return loader.load_configuration(self._config.hydra.job.config_name, list(overrides), RunMode.RUN)


def _counts(study: "Study") -> dict[str, int]:
    """Trials by state."""
    from optuna.trial import TrialState

    counts = {state.name: 0 for state in TrialState}
    for trial in study.get_trials(deepcopy=False):
        counts[trial.state.name] += 1
    return counts


def _outcome(job: JobReturn) -> Outcome:
    try:
        returned = job.return_value
    except Exception as error:  # what ended the job
        return Outcome(FAIL, {}, f"{type(error).__name__}: {error}")
    return returned if isinstance(returned, Outcome) else Outcome(FAIL, {}, f"the task returned {returned!r}")
