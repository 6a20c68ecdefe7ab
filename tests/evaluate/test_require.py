"""Conditions on an evaluation are read, and unknown figures named, before anything runs."""

import pytest

from apsi.errors import ApsiError
from apsi.evaluate.require import FIGURES, RequirementError, conditions, require_reached

POLICIES = ["agent", "nothing"]
SUMMARY = {
    "success_rate": 0.75,
    "success_ci95": [0.6, 0.9],
    "mean_gain": -0.5,
    "mean_gain_ci95": None,
    "mean_steps": 2.0,
    "juror_calls": 16,
    "photos": 1,
    "measures": {},
    "recovered": 0.3,
    "recovered_ci95": [0.1, 0.4],
    "nearer": None,
    "nearer_ci95": None,
    "harm": 1.5,
    "harm_ci95": [1.0, 2.0],
}


def test_the_figures_are_those_of_the_summary() -> None:
    assert {"success_rate", "success_ci95_low", "success_ci95_high", "mean_gain", "mean_gain_ci95_low"} < set(FIGURES)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("agent.success_rate>=0.75", True),
        ("agent.success_rate>0.75", False),
        ("agent.success_rate == 0.75, agent.mean_gain<=-5e-1", True),
        ("[agent.success_ci95_low>=0.6,agent.success_ci95_high<.95]", True),
        ("agent.success_ci95_low>=0.7", False),
        ("agent.mean_gain_ci95_low>=-10", False),
        ("agent.recovered>=0.3, agent.harm_ci95_high<=2", True),
        ("agent.nearer>0", False),
    ],
)
def test_conditions_hold_or_name_what_the_figure_is(text: str, holds: bool) -> None:
    wanted = conditions(text, POLICIES)
    if holds:
        require_reached(wanted, {"agent": SUMMARY})
    else:
        with pytest.raises(
            RequirementError, match=r"it is 0\.|a single photo has no interval|no photo tells it"
        ) as failed:
            require_reached(wanted, {"agent": SUMMARY})
        assert failed.value.exit_code == 3


def test_none_is_no_condition() -> None:
    assert conditions(None, POLICIES) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("agent.succes_rate>=0.7", "no figure 'succes_rate'. Did you mean 'success_rate'?"),
        ("agnet.success_rate>=0.7", "'agnet' is not evaluated. Did you mean 'agent'?"),
        ("success_rate>=0.7", "can't read 'success_rate>=0.7'; a condition is POLICY.FIGURE>=NUMBER"),
        ("agent.success_rate=0.7", "can't read"),
        ("agent.success_rate", r"in quotes: the shell takes > and <"),
        ("agent.success_rate>=0.7.1", "can't read"),
        ("agent.success_rate>=.", "can't read"),
        ("agent.success_rate>=0.7,", "can't read ''"),
    ],
)
def test_what_cannot_be_read_is_explained(text: str, message: str) -> None:
    with pytest.raises(ApsiError) as refused:
        conditions(text, POLICIES)
    assert message in str(refused.value) and f"evaluate.require={text}" in str(refused.value)
