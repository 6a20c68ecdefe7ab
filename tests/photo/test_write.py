"""Writing: lossless, whole or not at all."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from apsi.photo import Photo
from apsi.photo.write import atomic, encode_png, link_or_copy, read_png, write_png, write_text


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_a_written_photo_is_read_back_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, photo: Photo) -> None:
    path = tmp_path_factory.getbasetemp() / "round_trip.png"
    write_png(path, photo)
    read = read_png(path)
    assert read.dtype == np.uint8
    assert np.array_equal(read, photo)


@pytest.mark.parametrize("name", ["two words.png", "Zdjęcie ślubne.png", "猫と犬.png", "a" * 200 + ".png"])
def test_names_may_hold_spaces_and_any_letters(tmp_path: Path, photo: Photo, name: str) -> None:
    write_png(tmp_path / name, photo)
    assert np.array_equal(read_png(tmp_path / name), photo)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_mirrored_view_of_a_photo_is_written_as_it_looks(tmp_path: Path, photo: Photo) -> None:
    write_png(tmp_path / "mirrored.png", photo[:, ::-1])
    assert np.array_equal(read_png(tmp_path / "mirrored.png"), photo[:, ::-1])


def test_compression_changes_the_size_of_a_png_and_not_its_pixels(tmp_path: Path, photo: Photo) -> None:
    plain, small = encode_png(photo, compression=0), encode_png(photo, compression=9)
    assert len(small) < len(plain)
    (tmp_path / "small.png").write_bytes(small)
    assert np.array_equal(read_png(tmp_path / "small.png"), photo)


@pytest.mark.parametrize(
    "photo", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), "u1")]
)
def test_what_is_no_photo_is_not_written(photo: Photo) -> None:
    with pytest.raises(ValueError, match=r"a photo is \(H, W, 3\) uint8 RGB"):
        encode_png(photo)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_png_that_is_not_whole_is_an_error_that_says_what_to_do(tmp_path: Path, photo: Photo, share: float) -> None:
    path, data = tmp_path / "half.png", encode_png(photo)
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(OSError, match=r"half\.png is not a whole PNG file; delete its folder"):
        read_png(path)


def test_a_block_that_ends_well_replaces_the_file(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("old")
    with atomic(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_raises_leaves_the_old_file_and_no_temporary(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "note.txt"
    path.write_text("old")
    with pytest.raises(error), atomic(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_raises_leaves_no_new_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broken"), atomic(tmp_path / "note.txt") as temporary:
        temporary.write_text("half")
        raise ValueError("broken")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_file_is_made(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "note.txt", "zażółć")
    assert (tmp_path / "a" / "b" / "note.txt").read_bytes() == "zażółć".encode()


def test_a_link_is_to_the_file_itself_and_leaves_its_permissions_alone(tmp_path: Path) -> None:
    (tmp_path / "private.zip").write_text("mine")
    (tmp_path / "private.zip").chmod(0o600)
    (tmp_path / "name.zip").symlink_to("private.zip")
    link_or_copy(tmp_path / "name.zip", tmp_path / "elsewhere" / "copy.zip")
    copy = tmp_path / "elsewhere" / "copy.zip"
    assert copy.read_text() == "mine" and not copy.is_symlink()
    assert (tmp_path / "private.zip").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o027, 0o640)])
def test_a_new_file_is_for_those_whom_the_umask_leaves(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_text(tmp_path / "answers.csv", "Ada,left")
    finally:
        os.umask(before)
    assert (tmp_path / "answers.csv").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize(("before", "after"), [(0o600, 0o600), (0o664, 0o664), (0o444, 0o644)])
def test_a_file_that_is_replaced_stays_as_private_as_it_was(tmp_path: Path, before: int, after: int) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("old")
    path.chmod(before)
    with atomic(path) as temporary:
        assert temporary.stat().st_mode & 0o777 == after
        temporary.write_text("Ada,left")
    assert path.stat().st_mode & 0o777 == after
    assert path.read_text() == "Ada,left"
