"""The agent's actions: ordered, without repetition, STOP at the end where there is one."""

import numpy as np
import pytest

from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.photo import Bools
from apsi.transform.action_set import END, DiscreteActions
from apsi.transform.base import STOP_LABEL
from apsi.transform.catalogue import by_label, catalogue

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


@pytest.mark.parametrize("action", [4, -1, 1.0, True, "invert_r", None, [0, 1], np.nan])
def test_an_action_that_is_none_is_an_error_that_lists_what_is(action: object) -> None:
    actions = DiscreteActions(LABELS, stop=True)
    with pytest.raises(ApsiError) as raised:
        actions.one(action)
    assert str(raised.value) == (
        f"{action!r} is no action: it must be a whole number from 0 to 3 "
        "(0 swap_gb, 1 invert_r, 2 shift_left_all, 3 stop)"
    )


def test_a_number_is_an_action_however_it_is_held() -> None:
    for action in (2, np.int32(2), np.array(2), np.array([2])):
        assert DiscreteActions(LABELS).one(action).tolist() == [2]


def test_actions_of_many_episodes_must_be_of_the_set_or_end() -> None:
    actions = DiscreteActions(LABELS)
    actions.require_valid(np.array([0, 2, END]))
    with pytest.raises(ApsiError, match=r"3\)? is no action"):
        actions.require_valid(np.array([0, 3]))


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


def undone_by_pixels(labels: list[str]) -> Bools:
    """Which of two actions in a row leave noise of even size as it was, `(A, A)`."""
    photo = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    transforms = [by_label(label) for label in labels]
    return np.array([[np.array_equal(b(a(photo)), photo) for b in transforms] for a in transforms])


@pytest.mark.parametrize("option", ["reversible", "reversible_exact"])
def test_masks_leave_out_all_that_would_undo_the_last_action_and_nothing_else(option: str) -> None:
    labels = list(load_config([f"transform={option}"]).transform.labels)
    undone = undone_by_pixels(labels)
    assert undone.any(axis=1).all()  # each of them can be undone
    assert np.array_equal(DiscreteActions(labels).masks(np.arange(len(labels))), ~undone)


def test_masks_of_every_transform_leave_out_all_that_have_an_inverse() -> None:
    labels = sorted(set(catalogue()) - {STOP_LABEL})
    actions = DiscreteActions(labels, stop=True)
    masked = {(labels[a], labels[b]) for a, b in np.argwhere(~actions.masks(np.arange(len(labels))))}
    assert {("flip_vertical", "flip_vertical"), ("invert_rg", "invert_rg"), ("shift_up_g", "shift_down_g")} <= masked
    inverses = [(label, by_label(label).inverse) for label in labels]
    assert {(label, inverse.label) for label, inverse in inverses if inverse is not None} <= masked
    assert actions.masks(np.array([END, len(labels)])).all()


def test_masks_leave_everything_where_nothing_else_would_be_left() -> None:
    assert DiscreteActions(["shift_left_r", "shift_right_r"]).masks(np.array([0, 1])).all()
