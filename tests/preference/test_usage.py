"""The command that gets advice by a model of a person: what it judges, and by what it was fitted."""

from pathlib import Path

import pytest

from apsi.config.compose import load_config
from apsi.config.instantiate import check
from apsi.preference.folder import Comparison
from apsi.preference.usage import advice_by, judges_crops
from tests.preference.made import answer, pair, version

MODEL = Path("/my models, all/preference.npz")
CROPS = [Comparison(answer(pair()), pair().left, pair().right, "train", "anchors")]
BRIGHTER, CALMER = version(1, "exposure(+0.300)"), version(1, "saturation(-0.450)", "exposure(+0.100)")
EDITS = [Comparison(answer(pair()), BRIGHTER, CALMER, "train", "recipes")]
OF_LABELS = [Comparison(answer(pair()), version(1), version(1, "contrast_up_weak"), "train", "agent_vs_start")]
OVERRIDES = ["juror@task.prior=flaws", "juror/backbone@task.backbone=resnet18", "task.backbone.weights=/a b/net.pth"]


def test_what_is_judged_follows_from_what_most_pairs_showed() -> None:
    assert judges_crops(CROPS) and not judges_crops(EDITS) and not judges_crops(OF_LABELS)
    assert judges_crops([*CROPS, *CROPS, *EDITS]) and not judges_crops([*CROPS, *EDITS, *EDITS])


def test_edits_are_searched_among_those_that_pairs_showed() -> None:
    words = advice_by(MODEL, EDITS, "a.jpg", [])
    assert "transform.adjustments=[exposure,saturation]" in words and "transform.reach=0.45" in words
    assert not any(word.startswith("transform") for word in advice_by(MODEL, OF_LABELS, "a.jpg", []))


@pytest.mark.parametrize("fitted_with", [[], OVERRIDES], ids=["usual", "other prior and network"])
@pytest.mark.parametrize("comparisons", [CROPS, EDITS, OF_LABELS], ids=["crops", "edits", "labels"])
def test_the_command_makes_the_juror_that_was_fitted(comparisons: list[Comparison], fitted_with: list[str]) -> None:
    config = load_config(advice_by(MODEL, comparisons, "/my photos/a, b.jpg", fitted_with))
    check(config)
    human = config.crop_juror.jurors.human if comparisons is CROPS else config.juror
    assert human.path == str(MODEL) and config.photo == "/my photos/a, b.jpg"
    if fitted_with:
        assert str(human.prior["_target_"]).endswith("Flaws") and human.backbone.weights == "/a b/net.pth"
