"""The step that fits a juror: on training originals only, and only where it is not fitted."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.photo.hash import pixel_hash
from apsi.photo.write import read_png
from apsi.preprocess.base import Context
from apsi.preprocess.fit_juror import FitJuror
from apsi.preprocess.resize import Resize
from apsi.preprocess.split import Split


@pytest.fixture
def dealt(context: Context) -> Context:
    return Split(0.7, 0.15, 0.15).run(Resize(32, "square", min_side=16).run(context))


def test_the_juror_is_fitted_on_the_training_originals_and_on_nothing_else(dealt: Context) -> None:
    after = FitJuror().run(dealt)
    train = [image for image, record in zip(dealt.images, dealt.records, strict=True) if record.split == "train"]
    assert [pixel_hash(photo) for photo in after.juror.fitted_on] == [pixel_hash(read_png(image)) for image in train]
    assert len(train) == 14


def test_the_whole_pipeline_fits_it_on_undegraded_training_photos(
    tmp_path: Path, photos: Path, prepare: Callable[..., Any], new_juror: Callable[[], Any]
) -> None:
    juror = new_juror()
    prepared = prepare(photos, tmp_path, juror=juror, versions=2)
    originals = [read_png(path) for path in (prepared.folder / "train" / "originals").iterdir()]
    assert {pixel_hash(photo) for photo in juror.fitted_on} == {pixel_hash(photo) for photo in originals}
    assert len(juror.fitted_on) == 28


def test_a_fitted_juror_is_found_again_without_fitting(dealt: Context, new_juror: Callable[[], Any]) -> None:
    first = FitJuror().run(dealt)
    again = FitJuror().run(replace(dealt, juror=new_juror()))
    assert again.juror.fitted_on == []
    assert again.juror.parameters() == first.juror.parameters()
    assert again.key == first.key


def test_a_juror_that_comes_fitted_is_not_fitted_again(dealt: Context, new_juror: Callable[[], Any]) -> None:
    juror = new_juror()
    juror.load_parameters({"level": np.array(123)})
    after = FitJuror().run(replace(dealt, juror=juror))
    assert juror.fitted_on == []
    assert juror.fingerprint == "warmth-123.0"
    assert not after.folder("fit_juror").exists()


def test_without_a_training_photo_there_is_an_error_and_no_juror(dealt: Context) -> None:
    only_test = replace(dealt, records=tuple(replace(record, split="test") for record in dealt.records))
    with pytest.raises(ApsiError, match="no training photo to fit the juror on"):
        FitJuror().run(only_test)
    assert list((dealt.data_dir / "steps").glob("fit_juror-*")) == []
