"""The page of a search warns of what few trials can't say, names what it counts, and says nothing twice."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest

from apsi.search.page import too_few, validations, write_page
from apsi.search.plots import during_training
from tests.evaluate.test_report import Page

optuna = pytest.importorskip("optuna")

SETTINGS = {"config": {"train": {"eval_every": 100, "total_timesteps": 250}}, "seeds": []}


def search(trials: int, directions: tuple[str, ...] = ("maximize",), settings: dict[str, Any] | None = None) -> Any:
    """A study of a made figure, which the learning rate decides; the last but one is pruned, the last one fails."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution
    from optuna.trial import TrialState, create_trial

    study = optuna.create_study(study_name="made", directions=list(directions))
    study.set_user_attr("settings", settings or SETTINGS)
    distributions = {
        "algo.learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
        "algo.gamma": FloatDistribution(0, 1),
        "reward": CategoricalDistribution(["plain", "stepped"]),
    }
    for i in range(trials):
        rate = 10 ** (-4 + 3 * i / trials)
        params = {"algo.learning_rate": rate, "algo.gamma": (i * 7 % 11) / 11, "reward": ["plain", "stepped"][i % 2]}
        pruned, failed = i == trials - 2, i == trials - 1
        state = TrialState.FAIL if failed else TrialState.PRUNED if pruned else TrialState.COMPLETE
        values = {number: number * i / 3 / trials for number in range(1, 3 if pruned else 4)}
        study.add_trial(
            create_trial(
                state=state,
                params=params,
                distributions=distributions,
                values=None if failed or pruned else [i / trials, float(trials - i % 5)][: len(directions)],
                intermediate_values={} if failed or len(directions) > 1 else values,
                user_attrs={"error": "it broke"} if failed else {},
            )
        )
    return study


def page_of(study: Any, folder: Path, objective: tuple[str, ...] = ("val_best",)) -> str:
    preset = folder / "experiment" / "best.yaml"
    preset.parent.mkdir(parents=True, exist_ok=True)
    preset.write_text("algo:\n  gamma: 0.5\n")
    return write_page(study, folder, objective, [preset]).read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search")
    page_of(search(12), folder)
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text()


@pytest.mark.slow
def test_the_page_shows_every_plot_once_without_a_title_inside(folder: Path, page: str) -> None:
    tags = Page(page)
    assert page.count("<svg") == 5
    captions = re.findall(r"<figcaption><b>([^<]+)</b>", page)
    assert len(captions) == len(set(captions)) == 5
    inside = re.findall(r"<text[^>]*>([^<]+)</text>", page)
    assert not set(captions) & set(inside)
    assert not tags.all("script") and not tags.all("link")
    assert "12 trials looked for the highest val_best: 10 complete, 1 pruned, 1 failed." in tags.text
    assert "Best is trial 9 with val_best 0.75" in tags.text
    assert "picked by them, so they are optimistic" in tags.text
    with (folder / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[-1]["error"] == "it broke" and "it broke" in tags.text


def test_importances_from_few_trials_come_with_a_warning(page: str) -> None:
    figure = next(part for part in page.split("<figure") if "Which parameter mattered" in part)
    assert 'class="note"' in figure and "10 complete trials for 3 parameters: the shares are rough" in figure


@pytest.mark.parametrize(("trials", "said"), [(1, "too few"), (8, "too few"), (9, "rough"), (30, "")])
def test_the_warning_depends_on_trials_for_each_parameter(trials: int, said: str) -> None:
    warning = too_few(search(trials + 2).get_trials(deepcopy=False)[:trials])
    assert said in warning and bool(warning) is bool(said)


def test_values_during_training_stand_at_environment_steps(page: str) -> None:
    assert "Each dot is a validation, one every 100 environment steps" in page
    figure = next(part for part in page.split("<figure") if "Validation during training" in part)
    marks = re.findall(r"<text[^>]*>([^<]+)</text>", figure)
    assert {"environment steps", "100", "200", "250"} <= set(marks)
    assert "Step" not in figure


def test_validations_of_several_seeds_are_counted_one_seed_after_the_other() -> None:
    study = search(12, settings=SETTINGS | {"seeds": [1, 2]})
    caption, steps = validations(study)
    assert "3 for each of 2 seeds, one seed after the other" in caption and steps is None
    drawn = during_training(study.get_trials(deepcopy=False), "val_best", steps)
    assert ">validation</text>" in drawn


def test_trials_that_validate_at_different_steps_are_not_drawn_over_steps() -> None:
    assert validations(search(3, settings={"config": {"train": {"total_timesteps": 9}}, "seeds": []}))[1] is None


@pytest.mark.slow
def test_a_search_for_several_figures_shows_what_can_not_be_had_together(tmp_path: Path) -> None:
    study = search(12, ("maximize", "minimize"))
    text = page_of(study, tmp_path, ("val_success_rate", "val_calls"))
    assert text.count("<svg") == 9
    assert "the highest val_success_rate and the lowest val_calls" in " ".join(Page(text).text.split())
    assert "val_calls against val_success_rate" in text


def test_too_few_trials_for_a_plot_are_said(tmp_path: Path) -> None:
    assert "Not enough trials to draw this yet" in page_of(search(0), tmp_path)


def test_trials_that_all_reached_the_same_say_nothing(tmp_path: Path) -> None:
    study = search(0)
    for _ in range(3):
        study.enqueue_trial({"x": 0.5})
    study.optimize(lambda trial: 0 * trial.suggest_float("x", 0, 1), n_trials=3)
    assert "All complete trials reached the same" in page_of(study, tmp_path)
