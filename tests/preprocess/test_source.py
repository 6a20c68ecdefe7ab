"""What is decoded is what was hashed."""

from pathlib import Path

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.hash import file_hash
from apsi.photo.read import MAX_PIXELS
from apsi.photo.write import write_png
from apsi.preprocess import source
from apsi.preprocess.source import ChangedFileError, read_source


def test_a_photo_is_read_under_its_own_hash_only(tmp_path: Path, photo: Photo) -> None:
    path = tmp_path / "a.png"
    write_png(path, photo)
    digest = file_hash(path)
    assert np.array_equal(read_source(path, digest, MAX_PIXELS), photo)
    write_png(path, 255 - photo)
    with pytest.raises(ChangedFileError) as caught:
        read_source(path, digest, MAX_PIXELS)
    assert caught.value.path == path


def test_a_photo_that_takes_more_memory_than_there_is_is_named(
    tmp_path: Path, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, data: bytes, max_pixels: int) -> Photo:
        raise MemoryError

    path = tmp_path / "huge.png"
    write_png(path, photo)
    monkeypatch.setattr(source, "decode_any", refuse)
    with pytest.raises(ApsiError, match=r"huge\.png takes more memory than there is: .*dataset\.max_pixels \(now 99\)"):
        read_source(path, file_hash(path), 99)
