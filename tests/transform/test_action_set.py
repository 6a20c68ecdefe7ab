"""The agent's actions: ordered, without repetition, STOP at the end where there is one."""

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.transform.action_set import END, DiscreteActions
from apsi.transform.base import by_label

LABELS = ["swap_gb", "invert_r", "shift_left_all"]


def test_actions_keep_the_order_of_the_labels() -> None:
    actions = DiscreteActions(LABELS)
    assert actions.labels == LABELS
    assert [actions.recipe(i).transforms for i in range(len(actions))] == [(by_label(label),) for label in LABELS]


def test_without_stop_there_is_no_stop_action() -> None:
    actions = DiscreteActions(LABELS)
    assert len(actions) == 3
    assert actions.stop is None


def test_stop_is_the_last_action_and_known_by_its_number() -> None:
    actions = DiscreteActions(LABELS, stop=True)
    assert actions.labels == [*LABELS, "stop"]
    assert actions.stop == 3
    assert actions.stops(np.array([0, 3, END])).tolist() == [False, True, True]


def test_no_label_at_all_is_an_error() -> None:
    with pytest.raises(ApsiError, match=r"transform\.labels is empty"):
        DiscreteActions([])


@pytest.mark.parametrize("labels", [["swap_gb", "invert_r", "swap_gb"], ["swap_gb", "stop"]])
def test_a_repeated_label_or_stop_among_the_labels_is_an_error(labels: list[str]) -> None:
    with pytest.raises(ApsiError, match=r"must name each transform once, and not STOP \(env\.stop adds it\)"):
        DiscreteActions(labels)


def test_an_unknown_label_is_an_error_that_names_the_closest() -> None:
    with pytest.raises(ApsiError, match=r"unknown transform 'invert_x'\. Did you mean 'invert_"):
        DiscreteActions(["swap_gb", "invert_x"])
