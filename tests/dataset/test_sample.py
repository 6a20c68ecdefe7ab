"""The photographs that need no download."""

from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from apsi.dataset import sample
from apsi.dataset.sample import Sample
from apsi.errors import ApsiError
from apsi.photo.read import read_photo

ONCE = {"train": 1, "val": 1, "test": 1}


def test_all_eight_photos_can_be_read_and_are_colourful() -> None:
    listing = Sample(ONCE).listing()
    assert len(listing.files) == len({file.name for file in listing.files}) == 8
    assert listing.skipped == ()
    for file in listing.files:
        photo = read_photo(file.path)
        assert min(photo.shape[:2]) >= 256
        assert np.ptp(photo[::8, ::8].astype(int), axis=2).mean() > 5, f"{file.name} is gray"


def test_each_photo_names_its_author_and_a_free_licence() -> None:
    assert {photo.licence for photo in sample.PHOTOS} == {"public domain", "CC0", "CC BY 2.0"}
    assert all(photo.author for photo in sample.PHOTOS)


def test_the_order_is_stable() -> None:
    assert Sample(ONCE).listing() == Sample(ONCE).listing()
    assert Sample(ONCE).listing().files[0].name == "skimage/astronaut.png"


def test_a_package_that_is_not_installed_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "find_spec", lambda package: None)
    with pytest.raises(ApsiError, match="the package skimage, which isn't installed; install scikit-image"):
        Sample(ONCE).listing()


def test_a_missing_photo_is_an_error_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = ModuleSpec("skimage", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(sample, "find_spec", lambda package: empty)
    with pytest.raises(ApsiError, match=r"astronaut\.png is missing; reinstall scikit-image"):
        Sample(ONCE).listing()
