"""Parameters that come with apsi have a card beside them: what for, out of what, and how good."""

import re
from pathlib import Path

import pytest

from tests.command_line import REPOSITORY

NO_PARAMETERS = {".css", ".j2", ".js", ".md", ".po", ".py", ".pyc", ".svg", ".typed"}
PARAMETERS = sorted(
    path
    for path in (REPOSITORY / "apsi").rglob("*")
    if path.is_file() and path.suffix not in NO_PARAMETERS and path.name != ".DS_Store"
)
CARDS = sorted((REPOSITORY / "apsi").rglob("MODEL_CARD.md"))
MUST_SAY = [
    "**Made for**",
    "**Not made for**",
    "## How it was made",
    "## Figures",
    "licence, MIT",
    "intervals by photo",
]


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def test_there_are_parameters_and_cards() -> None:
    assert {"apsi/agent/repair/repair.zip", "apsi/juror/crop_prior.json", "apsi/transform/saliency.json"} <= {
        relative(path) for path in PARAMETERS
    }


@pytest.mark.parametrize("path", PARAMETERS, ids=relative)
def test_a_card_beside_parameters_names_them(path: Path) -> None:
    card = path.with_name("MODEL_CARD.md")
    assert card in CARDS, f"{relative(path)} needs a card beside it (see docs/developing.md), or is no parameters"
    assert f"`{path.name}`" in card.read_text(encoding="utf-8")
    assert f"`{relative(path)}`" in (REPOSITORY / "docs" / "developing.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("card", CARDS, ids=relative)
def test_a_card_says_purpose_origin_licence_figures_and_the_command_that_makes_the_parameters(card: Path) -> None:
    text = card.read_text(encoding="utf-8")
    assert [part for part in MUST_SAY if part not in text] == []
    scripts = re.findall(r"python ((?:models|benchmarks)/\S+\.py)", text)
    assert {script.partition("/")[0] for script in scripts} == {"models", "benchmarks"}
    assert [script for script in scripts if not (REPOSITORY / script).is_file()] == []
