"""The step that shows training photos in other light and colour."""

from dataclasses import replace

import numpy as np
import pytest

from apsi.dataset.folder import Folder
from apsi.errors import ApsiError
from apsi.photo.write import read_png
from apsi.preprocess.base import Context
from apsi.preprocess.enlarge import Enlarge
from apsi.preprocess.fit_juror import FitJuror
from apsi.preprocess.jitter import Jitter
from apsi.preprocess.resize import Resize
from apsi.preprocess.score import Score
from apsi.preprocess.split import Split
from tests.preprocess.conftest import Warmth

VERSIONS = {"train": 3, "val": 2, "test": 2}


@pytest.fixture
def enlarged(context: Context) -> Context:
    dealt = Split(0.7, 0.15, 0.15).run(Resize(32, "square", min_side=16).run(context))
    return Enlarge(0.5).run(replace(dealt, dataset=Folder(str(context.dataset.path), VERSIONS, [])))  # type: ignore[attr-defined]


def test_further_versions_of_training_photos_change_and_nothing_else(enlarged: Context) -> None:
    after = Jitter(0.3).run(enlarged)
    assert after.records == enlarged.records
    changed = {
        (record.split, record.version > 0): not np.array_equal(read_png(old), read_png(new))
        for record, old, new in zip(after.records, enlarged.images, after.images, strict=True)
    }
    assert changed == {(split, more): split == "train" and more for split in VERSIONS for more in (False, True)}
    again = Jitter(0.3).run(enlarged)
    assert again.images == after.images


def test_no_strength_leaves_everything_where_it_was(enlarged: Context) -> None:
    assert Jitter(0.0).run(enlarged) is enlarged
    assert Jitter(0.5).run(whole := replace(enlarged, whole_photos=True)) is whole


def test_a_juror_learns_from_the_photos_as_they_were_and_scores_them_as_they_are(enlarged: Context) -> None:
    fitted = FitJuror().run(enlarged)
    assert isinstance(fitted.juror, Warmth)
    plain, jittered = Score(8).run(fitted), Score(8).run(Jitter(0.5).run(fitted))
    train = [
        (a.score, b.score, a.version)
        for a, b in zip(plain.records, jittered.records, strict=True)
        if a.split == "train"
    ]
    assert all((a == b) == (version == 0) for a, b, version in train)


@pytest.mark.parametrize("strength", [0.1, 1.0])
def test_it_is_no_stronger_than_asked(strength: float) -> None:
    photo = np.full((8, 8, 3), (120, 110, 100), np.uint8)
    made = [Jitter(strength).jittered(photo, np.random.default_rng(i))[0, 0].astype(int) for i in range(40)]
    differences = [int(np.abs(pixel - photo[0, 0]).max()) for pixel in made]
    assert min(differences) < 12 * strength + 8
    assert max(differences) <= 30 if strength < 0.5 else max(differences) > 60


def test_it_is_refused_where_photos_are_the_truth_and_where_there_is_nothing_to_change(context: Context) -> None:
    several = Folder(str(context.dataset.path), VERSIONS, [])  # type: ignore[attr-defined]
    Jitter(0.2).require_fitting(several, by_truth=False)
    Jitter(0.0).require_fitting(context.dataset, by_truth=True)
    with pytest.raises(ApsiError, match=r"jitter\.strength=0\.2.*true photos.*another env than repair"):
        Jitter(0.2).require_fitting(several, by_truth=True)
    with pytest.raises(ApsiError, match=r"dataset\.enlarge\.train=1 makes none: add dataset\.enlarge\.train=8"):
        Jitter(0.2).require_fitting(context.dataset, by_truth=False)
