"""What a record says of a run."""

from apsi.tracking.description import description


def test_the_description_names_the_figures() -> None:
    figures = {"success_rate": 0.5, "success_ci95": None, "mean_gain": 1.25, "mean_steps": 2.0, "juror_calls": 20}
    figures |= {"sees_original": False, "recovered": 0.25, "nearer": 0.75, "harm": None}
    summary = {"episodes": 10, "split": "test", "policies": {"agent": figures}}
    text = description({"command": "python run.py"}, summary)
    assert "`python run.py`" in text and "10 episodes of the test split" in text
    assert "| agent | 0.500 | +1.250 | 2.00 | 20 | 0.25 | 0.75 | - |" in text
