"""Hashes of pixels, files and values, and the index that remembers those of files."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from apsi.photo import Photo, file_index
from apsi.photo.file_index import FileIndex, content_hashes
from apsi.photo.hash import file_hash, pixel_hash, seed_for, value_hash


def test_equal_pixels_have_equal_hashes_however_they_lie_in_memory(photo: Photo) -> None:
    mirrored_twice = np.asfortranarray(photo[:, ::-1])[:, ::-1]
    assert pixel_hash(mirrored_twice) == pixel_hash(photo)


def test_one_different_value_gives_another_pixel_hash(photo: Photo) -> None:
    changed = photo.copy()
    changed[3, 4, 1] ^= 1
    assert pixel_hash(changed) != pixel_hash(photo)


def test_the_same_bytes_in_another_shape_have_another_pixel_hash(photo: Photo) -> None:
    height, width = photo.shape[:2]
    assert pixel_hash(photo.reshape(width, height, 3)) != pixel_hash(photo)


def test_the_hash_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_hash(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_a_value_hash_depends_on_values_and_not_on_the_order_of_keys() -> None:
    assert value_hash({"a": 1, "b": [2, 3]}) == value_hash({"b": [2, 3], "a": 1})
    assert len({value_hash(v) for v in ({"a": 1}, {"a": 2}, {"b": 1}, ["a", 1], [1, "a"], "a", None)}) == 7


def test_seeds_and_value_hashes_stay_the_same_from_version_to_version() -> None:
    """Folders of prepared data are found by them."""
    assert seed_for(0, "degrade", "a.png") == 10962189608895572755
    assert value_hash(["a", 1]) == "2657442bb4a4"


def test_seeds_differ_for_every_part_and_fit_a_64_bit_generator() -> None:
    seeds = [seed_for(*parts) for parts in ((0,), (1,), (0, "a"), ("a", 0), ("0", "a"), ("ab",), ("a", "b"), ())]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**64 for seed in seeds)


class Reader:
    """Maps over paths as `parallel` does, and notes which files were read."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, function: Callable[[Path], str], paths: Sequence[Path]) -> list[str]:
        self.read += [path.name for path in paths]
        return [function(path) for path in paths]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "files" / name for name in ("a.jpg", "b c.jpg", "ż.jpg")]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_text(path.name)
    return paths


def read_again(files: Sequence[Path], index: Path) -> list[str]:
    """The names of the files that were read anew."""
    reader = Reader()
    assert content_hashes(files, index, reader) == [file_hash(path) for path in files]
    return reader.read


def test_every_file_is_read_at_first_and_none_the_second_time(files: list[Path], tmp_path: Path) -> None:
    index = tmp_path / "hashes.json"
    assert read_again(files, index) == ["a.jpg", "b c.jpg", "ż.jpg"]
    assert read_again(files, index) == []


def test_only_a_changed_or_new_file_is_read_again(files: list[Path], tmp_path: Path) -> None:
    index = tmp_path / "hashes.json"
    read_again(files[:2], index)
    files[1].write_text("longer than before")
    assert read_again(files, index) == ["b c.jpg", "ż.jpg"]


def test_a_change_that_keeps_the_size_is_noticed_by_its_time(files: list[Path], tmp_path: Path) -> None:
    index = tmp_path / "hashes.json"
    read_again(files, index)
    files[0].write_text("A.JPG")
    os.utime(files[0], ns=(0, files[0].stat().st_mtime_ns + 1))
    assert read_again(files, index) == ["a.jpg"]


@pytest.mark.parametrize("content", [b"", b"{half", b"[]", b"\xff\xfe\x00"])
def test_a_broken_index_is_replaced(files: list[Path], tmp_path: Path, content: bytes) -> None:
    index = tmp_path / "hashes.json"
    index.write_bytes(content)
    assert len(read_again(files, index)) == 3
    assert read_again(files, index) == []


def test_a_missing_file_is_unreadable_and_does_not_stop_the_others(files: list[Path], tmp_path: Path) -> None:
    files[1].unlink()
    assert content_hashes(files, tmp_path / "hashes.json", Reader()) == [
        file_hash(files[0]),
        "unreadable",
        file_hash(files[2]),
    ]


def test_a_file_that_could_not_be_opened_is_tried_again(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rights can change without a trace in size and modification time."""

    def refuse(path: Path, max_bytes: int | None) -> str:
        raise PermissionError(path)

    index = tmp_path / "hashes.json"
    with monkeypatch.context() as patched:
        patched.setattr(file_index, "file_hash", refuse)
        assert content_hashes(files[:1], index, Reader()) == ["unreadable"]
    assert read_again(files[:1], index) == ["a.jpg"]


def test_remembering_many_hashes_writes_the_file_seldom_and_keeps_those_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(600):
        (tmp_path / f"{i:03}").write_text(str(i))
    paths, index = sorted(tmp_path.iterdir()), tmp_path / "data" / "hashes.json"
    written: list[int] = []
    write = file_index._write_index
    monkeypatch.setattr(file_index, "_write_index", lambda *some: written.append(1) or write(*some))
    one, other = FileIndex(index), FileIndex(index)
    assert other.hashes(paths[:1]) == one.hashes(paths[:1]) == [file_hash(paths[0])]
    other.hashes(paths[1:3])
    assert [one.hashes([path])[0] for path in paths[5:]] == [file_hash(path) for path in paths[5:]]
    assert len(written) < 350
    monkeypatch.setattr(file_index, "_hash", lambda *_, **__: "read again")
    again = FileIndex(index).hashes(paths)
    assert again.count("read again") < 10 and "read again" not in again[:3]
