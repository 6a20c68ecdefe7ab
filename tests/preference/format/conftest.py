"""Photos that files of pairs name, and what is known of them."""

from pathlib import Path

import pytest

from apsi.dataset.folder import Folder
from apsi.photo.hash import file_hash
from apsi.photo.write import write_png
from apsi.preference.format.base import Outgoing
from apsi.preference.format.names import Names
from apsi.preference.photos import Originals
from apsi.preference.split import Splits
from tests.conftest import natural_photo
from tests.preference.format.made import comparisons_of


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """`a.png` of 100 x 80 pixels, `sub/b.png` of 60 x 90."""
    write_png(tmp_path / "photos" / "a.png", natural_photo(1, 80, 100))
    write_png(tmp_path / "photos" / "sub" / "b.png", natural_photo(2, 90, 60))
    return tmp_path / "photos"


@pytest.fixture
def dataset(photos: Path) -> Folder:
    return Folder(str(photos), {}, [])


@pytest.fixture
def names(dataset: Folder, tmp_path: Path) -> Names:
    return Names(dataset, tmp_path / "data", Splits(0, (0.7, 0.15, 0.15)))


@pytest.fixture
def outgoing(dataset: Folder, photos: Path, tmp_path: Path) -> Outgoing:
    """Answers of two people to pairs of both photos: left, right, tie, skip."""
    hashes = {name: file_hash(photos / name) for name in ("a.png", "sub/b.png")}
    pairs, found = comparisons_of(hashes)
    return Outgoing(pairs, found, Originals(dataset, tmp_path / "data"))
