"""What a trial reports to its study, and what it learns from it."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from apsi.config.compose import load_config
from apsi.errors import ApsiError, Pruned
from apsi.search.space import quoted
from apsi.search.storage import open_storage, storage_url
from apsi.search.trial import COMPLETE, FAIL, PRUNED, reporter, run_trial

optuna = pytest.importorskip("optuna")
MEDIAN = {"_target_": "optuna.pruners.MedianPruner", "n_startup_trials": 1}


def trial_config(tmp_path: Path, **search: Any) -> DictConfig:
    """The configuration of trial 1, after trial 0 that had 0.5 and 0.6 on the way."""
    url = storage_url(None, tmp_path)
    study = optuna.create_study(study_name="s", storage=open_storage(url, make=True), direction="maximize")
    first = study.ask()
    first.report(0.5, 1)
    first.report(0.6, 2)
    study.tell(first, 0.6)
    assert study.ask().number == 1
    settings = {"storage": url, "study": "s", "trial": 1, "pruner": MEDIAN} | search
    given = [f"++search.{key}={quoted(value)}" for key, value in settings.items()]
    return load_config(["train.total_timesteps=300", "train.eval_every=100", *given])


def reported(config: DictConfig) -> dict[int, float]:
    study = optuna.load_study(study_name="s", storage=open_storage(config.search.storage))
    return dict(study.trials[1].intermediate_values)


def test_figures_reach_the_storage_by_the_number_of_the_validation(tmp_path: Path) -> None:
    config = trial_config(tmp_path, pruner=None)
    report = reporter(config)
    report(104, 0.7)
    report(232, 0.8)
    report(312, 0.9)
    assert reported(config) == {1: 0.7, 2: 0.8, 3: 0.9}


def test_the_end_of_a_training_is_a_validation_of_its_own(tmp_path: Path) -> None:
    config = trial_config(tmp_path, pruner=None)
    config.train.total_timesteps, config.train.eval_every = 100, 40
    report = reporter(config)
    for done in (40, 80, 100):
        report(done, done / 100)
    assert reported(config) == {1: 0.4, 2: 0.8, 3: 1.0}


@pytest.mark.slow
def test_a_trial_that_does_worse_than_the_median_is_pruned(tmp_path: Path) -> None:
    report = reporter(trial_config(tmp_path))
    report(100, 0.55)
    with pytest.raises(Pruned):
        reporter(trial_config(tmp_path / "other"))(200, 0.1)


def test_what_is_whole_is_not_thrown_away(tmp_path: Path) -> None:
    report = reporter(trial_config(tmp_path))
    report(300, 0.0)


@pytest.mark.slow
def test_with_several_seeds_the_mean_is_reported_after_the_validations_of_the_first(tmp_path: Path) -> None:
    config = trial_config(tmp_path, earlier=[0.8], pruner=None)
    reporter(config)(100, 0.6)
    assert reported(config) == {4: pytest.approx(0.7)}


@pytest.mark.parametrize("figure", [float("nan"), float("inf")])
def test_a_figure_that_is_no_number_fails_the_trial(tmp_path: Path, figure: float) -> None:
    with pytest.raises(ApsiError, match="diverged"):
        reporter(trial_config(tmp_path))(100, figure)


def test_a_trial_that_was_closed_while_it_ran_ends(tmp_path: Path) -> None:
    config = trial_config(tmp_path)
    optuna.load_study(study_name="s", storage=config.search.storage).tell(1, state=optuna.trial.TrialState.FAIL)
    with pytest.raises(ApsiError, match="was closed while it ran"):
        reporter(config)(100, 0.9)


def test_a_run_that_is_no_trial_reports_to_nobody() -> None:
    reporter(load_config())(100, float("nan"))


def test_the_outcome_of_a_run_says_how_it_ended() -> None:
    config = OmegaConf.create({"search": {"trial": 3}})

    def ends_with(error: BaseException) -> Any:
        def run(config: DictConfig) -> None:
            raise error

        return run

    assert run_trial(config, lambda config: {"a": 1.5, "name": "x"}).numbers == {"a": 1.5}
    assert run_trial(config, lambda config: {}).state == COMPLETE
    assert run_trial(config, ends_with(Pruned())).state == PRUNED
    failed = run_trial(config, ends_with(ValueError("no such thing")))
    assert (failed.state, failed.error) == (FAIL, "ValueError: no such thing")
    with pytest.raises(KeyboardInterrupt):
        run_trial(config, ends_with(KeyboardInterrupt()))
