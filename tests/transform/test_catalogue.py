"""Labels lead to transforms: fixed ones, and those with numbers in them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import apsi.transform
from apsi.errors import ApsiError
from apsi.transform.adjust import ADJUSTMENTS, Adjust
from apsi.transform.catalogue import by_label, catalogue, parsers
from apsi.transform.recipe import Recipe

NUMBERED = """
import re
from dataclasses import dataclass

from apsi.errors import ApsiError
from apsi.transform.base import LabelParser, Transform


@dataclass(frozen=True)
class Rows(Transform):
    count: int

    @property
    def label(self):
        return f"rows({self.count})"

    @property
    def advice(self):
        return "Keep the rows at the top."

    def __call__(self, photo):
        return photo[: self.count]


def parse(label):
    found = re.fullmatch(r"rows\\((\\d+)\\)", label)
    if found and found[1] == "0":
        raise ApsiError("rows(0) keeps nothing")
    return Rows(int(found[1])) if found else None


PARSERS = (LabelParser(("rows",), "with how many, written as in rows(3)", parse),)
"""


def forget() -> None:
    for cached in (catalogue, parsers):
        cached.cache_clear()


@pytest.fixture
def own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules are found as if they lay in apsi/transform."""
    monkeypatch.setattr(apsi.transform, "__path__", [*apsi.transform.__path__, str(tmp_path)])
    forget()
    yield tmp_path
    forget()


def test_one_file_adds_transforms_with_numbers_in_their_labels(own_modules: Path) -> None:
    (own_modules / "own_rows.py").write_text(NUMBERED)
    recipe = Recipe.of(["swap_gb", "rows(3)", "exposure(+0.350)"])
    assert recipe(np.zeros((9, 4, 3), np.uint8)).shape == (3, 4, 3)
    assert Recipe.from_json(recipe.to_json()) == recipe
    with pytest.raises(ApsiError, match=r"rows\(0\) keeps nothing"):
        by_label("rows(0)")
    with pytest.raises(
        ApsiError, match=r"exposure\(\+0\.350\): exposure, .*; and, with how many, .* rows\(3\): rows\."
    ):
        by_label("rows(three)")
    with pytest.raises(ApsiError, match=r"unknown transform 'row\(3\)'\. Did you mean 'rows'\?"):
        by_label("row(3)")


def test_two_parsers_never_claim_one_label(own_modules: Path) -> None:
    (own_modules / "own_again.py").write_text(NUMBERED.replace('("rows",)', '("rows", "exposure")'))
    with pytest.raises(ApsiError, match=r"two parsers read labels like 'exposure\(\.\.\.\)' \(.*own_again\.py\)"):
        by_label("rows(3)")


def test_two_transforms_never_have_one_label(own_modules: Path) -> None:
    (own_modules / "own_swap.py").write_text(
        "from apsi.transform.colour import SwapChannels\n\nTRANSFORMS = (SwapChannels('r', 'g'),)\n"
    )
    with pytest.raises(ApsiError, match=r"two transforms are labelled 'swap_rg' \(.*own_swap\.py\)"):
        by_label("swap_rg")


def test_no_parser_claims_a_label_of_the_catalogue() -> None:
    assert len(parsers()) >= len(ADJUSTMENTS)
    assert not [label for label in catalogue() for parser in parsers().values() if parser.parse(label)]


@given(st.sampled_from(ADJUSTMENTS), st.integers(-1000, 1000))
def test_label_to_adjustment_to_label(name: str, thousandths: int) -> None:
    label = f"{name}({thousandths / 1000:+.3f})"
    adjustment = by_label(label)
    assert adjustment.label == label
    assert adjustment == Adjust(name, thousandths / 1000)


@pytest.mark.parametrize("label", ["exposure(+1.001)", "exposure(-2.000)"])
def test_a_strength_out_of_range_is_not_an_unknown_label(label: str) -> None:
    with pytest.raises(ApsiError, match=r"the strength of exposure is .*, it must be in \[-1, 1\]"):
        by_label(label)


def test_the_closest_adjustment_is_named() -> None:
    with pytest.raises(ApsiError, match=r"unknown transform 'contras\(\+0\.500\)'\. Did you mean 'contrast'\?"):
        by_label("contras(+0.500)")
