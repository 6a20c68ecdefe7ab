"""The index: what is read again and what is not, what is gone, broken files, stopping, small pictures."""

import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.browse.below import open_below, read_below
from apsi.browse.index import Index
from apsi.browse.indexing import Indexing
from apsi.browse.sources import Places, Source
from apsi.browse.stream import JsonStream
from apsi.browse.thumbnails import Thumbnails, webp
from apsi.errors import ApsiError
from apsi.photo import Photo
from tests.browse.made import SET, indexed, record, write_run, write_set
from tests.conftest import natural_photo


def read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that bringing the index up to date reads into it."""
    taken: list[str] = []
    take = Index.take
    with monkeypatch.context() as patch:
        patch.setattr(Index, "take", lambda self, source, see: taken.append(source.name) or take(self, source, see))
        indexed(root)
    return taken


def test_only_what_changed_is_read_again_and_digests_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_set(tmp_path / "data", {"train": [record(0), record(1)], "test": [record(2)]})
    run = write_run(tmp_path / "out", "a/one", {"agent": {"000002-d00.png": ("", 1.0)}})
    assert len(read_again(tmp_path, monkeypatch)) == 5
    assert read_again(tmp_path, monkeypatch) == []
    os.utime(folder / "train" / "annotations.json", ns=(1, 1))
    assert read_again(tmp_path, monkeypatch) == [], "another time, the same content"
    write_set(tmp_path / "data", {"train": [record(0), record(3), record(4)]})
    assert read_again(tmp_path, monkeypatch) == [f"{SET}/train/annotations.json"]
    catalogue = indexed(tmp_path).catalogue
    assert catalogue is not None and len(catalogue) == 4 and len(catalogue.runs) == 1
    (folder / "train" / "annotations.json").unlink()
    (run / "run.json").unlink()
    catalogue = indexed(tmp_path).catalogue
    assert catalogue is not None and len(catalogue) == 1 and not catalogue.runs


@pytest.mark.parametrize("content", [b"", b"nothing", b"SQLite format 3\0" + b"\xff" * 9000])
def test_a_broken_index_is_made_anew(content: bytes, tmp_path: Path) -> None:
    write_set(tmp_path / "data", {"train": [record(0)]})
    path = indexed(tmp_path).index.path
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(content)
    catalogue = indexed(tmp_path).catalogue
    assert catalogue is not None and len(catalogue) == 1


def test_half_of_an_index_is_made_anew(tmp_path: Path) -> None:
    write_set(tmp_path / "data", {"train": [record(i) for i in range(500)]})
    index = indexed(tmp_path).index
    with index.open() as database:
        database.execute("PRAGMA user_version=0")
    assert len(indexed(tmp_path).catalogue or ()) == 500
    with sqlite3.connect(index.path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    os.truncate(index.path, index.path.stat().st_size // 2 // 4096 * 4096)
    assert len(indexed(tmp_path).catalogue or ()) == 500


@pytest.mark.parametrize("said", ["unable to open database file", "disk I/O error", "database is locked"])
def test_an_index_that_cant_be_reached_for_now_is_not_made_anew(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(tmp_path / "data", {"train": [record(0)]})
    indexing = indexed(tmp_path)
    indexing.broken(sqlite3.OperationalError(said))
    indexing.wait()
    assert read_again(tmp_path, monkeypatch) == []

    @contextmanager
    def out_of_files(index: Index) -> Iterator[sqlite3.Connection]:
        raise sqlite3.OperationalError(said)
        yield

    with monkeypatch.context() as patch:
        patch.setattr(Index, "open", out_of_files)
        with pytest.raises(ApsiError, match=said):
            Index(indexing.index.path)
    assert read_again(tmp_path, monkeypatch) == []


def test_many_who_meet_a_broken_index_at_once_have_it_made_anew_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(tmp_path / "data", {"train": [record(0)]})
    indexing = indexed(tmp_path)
    met = [sqlite3.OperationalError("no such table: photos")] * 5
    made: list[int] = []
    remake, take = Index.remake, Index.take

    def take_while_others_report(index: Index, source: Source, see: Callable[[int], None]) -> bool:
        for error in met:
            indexing.broken(error)
        return take(index, source, see)

    monkeypatch.setattr(Index, "remake", lambda index: made.append(1) or remake(index))
    monkeypatch.setattr(Index, "take", take_while_others_report)
    with indexing.index.open() as database:
        database.executescript("DROP TABLE photos")
    for error in met:
        indexing.broken(error)
    indexing.wait()
    indexing.broken(met[0])  # one that was slow to say so
    indexing.wait()
    assert made == [1] and not indexing.progress.failed
    assert indexing.catalogue is not None and len(indexing.catalogue) == 1


def test_figures_and_names_that_no_index_can_hold_keep_nobody_from_the_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_set(tmp_path / "data", {"train": [record(0)]})
    run = write_run(tmp_path / "out", "one", {"agent": {"000000-d00.png": ("swap_rg", 6.0)}})
    results = (run / "results.csv").read_text().replace(",1,1,,", ",1,1e300,,")
    assert "1e300" in results
    (run / "results.csv").write_text(results)
    for other in (folder, run):
        shutil.copytree(os.fsencode(other), os.fsencode(other.parent) + b"/not-utf8-\xff")
    catalogue = indexed(tmp_path).catalogue
    assert catalogue is not None and len(catalogue) == 1 and [one.name for one in catalogue.runs] == ["one"]
    assert caplog.text.count("its name is not UTF-8; rename it") == 2


def test_a_folder_that_cant_be_written_is_told_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ApsiError, match=r"task\.cache_dir"):
        Index(tmp_path / "file" / "index.sqlite")


def test_reading_can_be_stopped_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_set(tmp_path / "data", {"train": [record(i) for i in range(20)], "test": [record(99)]})
    indexing = Indexing(Places(tmp_path / "data", tmp_path / "out"), Index(tmp_path / "cache" / "index.sqlite"))
    take = Index.take

    def stopped(self: Index, source: object, see: object) -> bool:
        if "train" in str(source):
            indexing.stop()
        return take(self, source, see)  # type: ignore[arg-type]  # passed on

    with monkeypatch.context() as patch:
        patch.setattr(Index, "take", stopped)
        indexing.begin()
        indexing.wait()
    progress = indexing.progress
    assert progress.stopped and not progress.busy and not progress.failed
    assert indexing.catalogue is not None and indexing.catalogue.names == ["photos/IMG_000099.jpg"]
    indexing.begin()
    indexing.wait()
    assert len(indexing.catalogue) == 21 and not indexing.progress.stopped and indexing.progress.done > 0


def test_what_is_read_is_counted(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "data", {"train": [record(i) for i in range(50)]})
    indexing = indexed(tmp_path)
    sizes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert indexing.progress.done == indexing.progress.total == sizes


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    content=st.dictionaries(st.text(max_size=5), st.lists(JSON, max_size=5) | JSON, max_size=5),
    indent=st.sampled_from([None, 0, 3]),
    is_ascii=st.booleans(),
    piece=st.integers(1, 40),
)
def test_entries_are_those_of_the_file_however_it_is_cut_and_written(
    content: dict[str, object], indent: int | None, is_ascii: bool, piece: int
) -> None:
    text = json.dumps(content, indent=indent, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    try:
        text.decode()
    except UnicodeDecodeError:
        return

    class InPieces:
        at = 0

        def read(self, _: int) -> bytes:
            self.at += piece
            return text[self.at - piece : self.at]

    found: dict[str, object] = {}
    for key, value in JsonStream(InPieces()):  # type: ignore[arg-type]  # reads as a file does
        is_list = isinstance(content[key], list)
        if is_list and key not in found:
            assert value is None
            found[key] = []
        elif is_list:
            found[key].append(value)  # type: ignore[attr-defined]  # a list
        else:
            found[key] = value
    assert found == content
    if len(text) > 2:
        with pytest.raises(ApsiError, match="no whole JSON"):
            list(JsonStream(_Cut(text[:-1])))  # type: ignore[arg-type]  # likewise


class _Cut:
    def __init__(self, text: bytes) -> None:
        self._text = text

    def read(self, _: int) -> bytes:
        text, self._text = self._text, b""
        return text


def test_no_link_below_a_folder_is_followed_and_only_regular_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "in" / "side").mkdir(parents=True)
    (tmp_path / "out.txt").write_text("secret")
    (tmp_path / "in" / "side" / "a.txt").write_text("seen")
    (tmp_path / "in" / "link.txt").symlink_to(tmp_path / "out.txt")
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "in" / "pipe")
    assert read_below(tmp_path / "in", ("side", "a.txt"), 100) == b"seen"
    for parts in (
        (),
        ("link.txt",),
        ("up", "out.txt"),
        ("..", "out.txt"),
        ("pipe",),
        ("side",),
        ("side/a.txt",),
        ("a\0",),
        ("no",),
    ):
        with pytest.raises(OSError), open_below(tmp_path / "in", parts, 100):  # of many kinds
            pass
    with pytest.raises(OSError, match="at most 3"):
        read_below(tmp_path / "in", ("side", "a.txt"), 3)


def test_the_latest_small_picture_that_was_asked_for_is_made_first_and_ahead_ones_last(tmp_path: Path) -> None:
    made: list[str] = []
    gate, begun = threading.Event(), threading.Event()
    thumbnails = Thumbnails(tmp_path, 10**9, 1)

    def make(name: str) -> Photo:
        begun.set()
        gate.wait(10)
        made.append(name)
        return natural_photo(1, 300, 600)

    first = thumbnails.of("first", lambda: make("first"))
    begun.wait(10)
    thumbnails.ahead([lambda name=name: (name, lambda: make(name)) for name in ("x", "y")])  # type: ignore[misc]
    futures = [thumbnails.of(name, lambda name=name: make(name)) for name in ("a", "b", "c")]  # type: ignore[misc]
    assert thumbnails.of("b", lambda: make("b")) is futures[1]
    gate.set()
    for future in (first, *futures):
        assert future.result(10).startswith(b"RIFF")
    deadline = time.monotonic() + 10
    while len(made) < 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    thumbnails.end()
    assert made == ["first", "b", "c", "a", "x", "y"]
    assert thumbnails.find("x") is not None and thumbnails.find("z") is None


def test_small_pictures_out_of_sight_are_given_up_and_old_ones_removed(tmp_path: Path) -> None:
    gate, begun = threading.Event(), threading.Event()
    photo = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    thumbnails = Thumbnails(tmp_path, 5 * len(webp(photo, 256)), 1)

    def wait() -> Photo:
        begun.set()
        gate.wait(10)
        return photo

    thumbnails.of("first", wait)
    begun.wait(10)
    futures = [thumbnails.of(f"{i}", lambda: photo) for i in range(520)]
    with pytest.raises(CancelledError):
        futures[0].result(10)
    gate.set()
    for future in futures[500:]:
        assert future.result(60)
    thumbnails.end()
    assert 1 <= len(list(tmp_path.glob("??/*.webp"))) <= 6
