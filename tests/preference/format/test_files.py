"""Files that are too large, no files, no text: each is refused before it costs anything."""

import os
from pathlib import Path

import pytest

from apsi.errors import ApsiError
from apsi.preference.format import files
from apsi.preference.format.files import objects, read_text, require_few, short, time_of


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "large").write_text("x" * 11)
    monkeypatch.setattr(files, "MOST_BYTES", 10)
    with pytest.raises(ApsiError, match="has more than 10 bytes"):
        read_text(tmp_path / "large")


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, message in (("pipe", "not a regular file"), (".", "not a regular file"), ("a\0b", "can't be read")):
        with pytest.raises(ApsiError, match=message):
            read_text(tmp_path / name)
    (tmp_path / "latin").write_bytes(b"\xe4\xf6")
    with pytest.raises(ApsiError, match="is not UTF-8"):
        read_text(tmp_path / "latin")


def test_a_byte_order_mark_is_no_text_and_line_ends_stay(tmp_path: Path) -> None:
    (tmp_path / "marked").write_bytes(b"\xef\xbb\xbfa\r\nb")
    assert read_text(tmp_path / "marked") == "a\r\nb"


def test_limits_and_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_ENTRIES", 2)
    with pytest.raises(ApsiError, match="has 3 entries, at most 2"):
        objects([{}] * 3, tmp_path / "x", "a list")
    require_few(2, tmp_path)
    assert len(short({"a": "x" * 1000})) == len(short("x" * 1000)) == 80
    (tmp_path / "f").touch()
    assert time_of("2026-01-02", tmp_path / "f") == "2026-01-02"
    assert time_of("", tmp_path / "f").endswith("+00:00")
