"""No text is a formula in a spreadsheet, and each comes back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apsi.spreadsheet import guarded, unguarded


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_guarded_comes_back_as_it_was(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1"])
def test_what_a_spreadsheet_would_compute_begins_with_an_apostrophe(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1.jpg", "IMG_1.jpg", "1-2"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert guarded(text) == unguarded(text) == text
