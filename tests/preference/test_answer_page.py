"""The page on answers: names are text, and what stands out is said."""

import re
from pathlib import Path
from typing import Any

import pytest

from apsi.preference.agreement import agreement
from apsi.preference.answer_page import answer_page, headline, remarks, write_answer_page
from tests.browsers import NEEDS_CHROMIUM, browser, serious  # noqa: F401  a fixture
from tests.preference.test_agreement import said

EVIL = "<script>alert(1)</script>"


def test_a_name_is_text_and_no_script() -> None:
    page = answer_page(agreement(said(["left"] * 3) + said(["left"] * 3, EVIL)), (0.9, 1.0), 400)
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "Two people say the same in 100.0&nbsp;% of the 3 pairs" in page and "90.0 to 100.0" in page


def test_one_person_has_nobody_to_agree_with() -> None:
    found = agreement(said(["left"]))
    page = answer_page(found, None, 400)
    assert "No pair was answered by several people." in page and "Every two people" not in page
    assert "How 1 person answers" in page
    assert headline(found, None) == ["No pair was answered by several people; 1 were answered by one."]


def test_what_stands_out_is_said() -> None:
    (ann,) = agreement(said(["left"] * 20, milliseconds=100)).people
    side, fast = remarks(ann)
    assert "chose the left version more often" in side and "100.0\N{NO-BREAK SPACE}% of what Ann said" in fast
    (bob,) = agreement(said(["left", "right"] * 10)).people
    assert remarks(bob) == []
    (same,) = agreement(said(["left", "right"] * 20) + said(["right", "left"] * 20)).people
    assert re.search(r"again in 0.0.% of the repeated pairs", remarks(same)[0])


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.slow
@NEEDS_CHROMIUM[1]
@NEEDS_CHROMIUM[2]
def test_it_fits_and_can_be_read(width: int, scheme: Any, tmp_path: Path, browser: Any) -> None:  # noqa: F811
    name = "Somebody-with_a/name-that-is-as-long-as-names-may-be-here"
    found = agreement(
        said(["left", "tie", "right"] * 9) + said(["left", "skip", "left"] * 9, name) + said(["tie"], EVIL)
    )
    write_answer_page(tmp_path / "answers.html", found, (0.2, 0.4), 400)
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto((tmp_path / "answers.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert serious(page) == []
    page.close()
