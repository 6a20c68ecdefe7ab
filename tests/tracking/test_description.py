"""What a record says of a run."""

from apsi.config.compose import load_config
from apsi.tracking.description import description, run_name


def test_a_run_s_own_name_comes_first_and_one_without_is_called_what_it_is() -> None:
    choices = {"algo": "dqn", "reward": "rl_guide", "dataset": "sample"}
    assert run_name(load_config(["algo=dqn"]), choices) == "dqn seed 42, rl_guide, sample"
    named = load_config(["algo=dqn", "run_name=best", "+preprocess.steps.split.fold=1"])
    assert run_name(named, choices) == "best, fold 1, dqn seed 42, rl_guide, sample"


def test_the_description_names_the_figures() -> None:
    figures = {"success_rate": 0.5, "success_ci95": None, "mean_gain": 1.25, "mean_steps": 2.0, "juror_calls": 20}
    figures |= {"sees_original": False, "recovered": 0.25, "nearer": 0.75, "harm": None}
    summary = {"episodes": 10, "split": "test", "policies": {"agent": figures}}
    text = description({"command": "python run.py"}, summary)
    assert "`python run.py`" in text and "10 episodes of the test split" in text
    assert "| agent | 0.500 | +1.250 | 2.00 | 20 | 0.25 | 0.75 | - |" in text
