"""Only regular files are read, and never more than was asked for."""

import os
import socket
from pathlib import Path

import pytest

from apsi.photo.file import read_file
from apsi.photo.hash import file_hash


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A named pipe, links to nothing, to itself and to a device, and a socket."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "device").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("pipe", "not a regular file but a named pipe"),
        ("loop", "Too many levels of symbolic links"),
        ("dangling", "No such file"),
        ("device", "not a regular file but a device"),
        ("socket", "not a regular file but a socket"),
        (".", "not a regular file but a folder"),
    ],
)
def test_what_is_no_regular_file_is_an_os_error_at_once(place: Path, name: str, reason: str) -> None:
    for read in (read_file, file_hash):
        with pytest.raises(OSError, match=reason):
            read(place / name)


def test_a_regular_file_is_read_whole_also_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert read_file(tmp_path / "link") == read_file(tmp_path / "a", max_bytes=4) == b"0123"


def test_a_file_of_too_many_bytes_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**12)
    for read in (read_file, file_hash):
        with pytest.raises(OSError, match=r"it has 1,000,000,000,000 bytes, at most 100 are read"):
            read(tmp_path / "sparse", 100)
