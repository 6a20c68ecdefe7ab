"""Answers: tie, skip and not answered differ; what others wrote is checked."""

import json
from typing import Any

import pytest

from apsi.errors import ApsiError
from apsi.preference.answer import CHOICES, Answer, require_annotator
from tests.preference.made import answer, pair


def test_what_is_written_is_read_back_and_what_a_later_version_adds_left_out() -> None:
    one = answer(pair(), "tie", reason="light", is_repeat=True)
    assert Answer.from_dict(json.loads(json.dumps(one.as_dict() | {"mood": "good"}))) == one


def test_no_two_answers_share_a_value_with_each_other_or_with_none() -> None:
    assert len({*CHOICES, None}) == 5
    with pytest.raises(ApsiError, match="takes back an earlier one"):
        answer(pair(), None)
    assert answer(pair(), None, undoes="answer000").answer is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "../../x"}, "no id of an answer"),
        ({"pair": "x"}, "12 hex digits"),
        ({"left": ["x"]}, "12 hex digits"),
        ({"answer": "A"}, "must be one of left, right, tie, skip"),
        ({"answer": ["left"]}, "must be one of left, right, tie, skip"),
        ({"milliseconds": -1}, "whole number"),
        ({"milliseconds": 1.5}, "whole number"),
        ({"milliseconds": 10**12}, "whole number"),
        ({"reason": "because"}, "must be one of composition"),
        ({"undoes": "<script>"}, "no id of an answer"),
        ({"annotator": ""}, "must be a name"),
        ({"time": None}, "must be texts"),
        ({"is_repeat": "yes"}, "true or false"),
    ],
)
def test_what_others_wrote_is_checked(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ApsiError, match=said):
        Answer.from_dict(answer(pair()).as_dict() | change)


@pytest.mark.parametrize("data", [None, 3, "x", [], {}, {"id": "abcdefgh"}])
def test_what_is_no_answer_is_refused(data: Any) -> None:
    with pytest.raises(ApsiError, match="an answer"):
        Answer.from_dict(data)


def test_names_may_be_in_any_script_on_one_line() -> None:
    for name in ("José", "李雷", "a b", "<b>"):
        assert require_annotator(name) == name
    for name in ("", " ", " a", "a\nb", "a" * 61, None, "a\u202eb"):
        with pytest.raises(ApsiError, match="annotator="):
            require_annotator(name)
