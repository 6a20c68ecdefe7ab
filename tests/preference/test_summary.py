"""Whether a model of a person is better than simple rules."""

from typing import Any

import pytest

from apsi.preference.summary import Standing, best_rule, standing


def figures(interval: tuple[float, float] | None) -> dict[str, Any]:
    shares = {"model": 0.7, "larger wins": 0.6, "always left": 0.5}
    return {
        "accuracy": {name: {"share": share} for name, share in shares.items()},
        "ahead_of": {"larger wins": {"interval": interval}, "always left": {"interval": (0.1, 0.2)}},
    }


@pytest.mark.parametrize(
    ("interval", "said"),
    [((0.01, 0.2), "ahead"), ((-0.1, 0.2), "unclear"), ((-0.2, -0.01), "behind"), (None, "unclear")],
)
def test_a_model_is_ahead_only_where_it_is_not_chance(interval: tuple[float, float] | None, said: Standing) -> None:
    assert best_rule(figures(interval)) == "larger wins"
    assert standing(figures(interval)) == said


def test_ties_alone_leave_it_open() -> None:
    assert standing({}) == "unclear"
