"""Archives: what is good comes out as it went in, what could do harm leaves no trace."""

import io
import stat
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apsi.acquire.archive import Unpacked, unpack
from apsi.acquire.base import CancelledError, Limits, RefusedError, Watch
from apsi.errors import ApsiError
from tests.acquire.hostile import HOSTILE, make_tar, make_zip
from tests.command_line import files_below

LIMITS = Limits(max_gigabytes=0.05, max_files=300, max_ratio=50, max_depth=12)
ENTRIES = [
    ("a/one.jpg", b"1" * 5000),
    ("a/b/two.png", b"22"),
    ("three.txt", b""),
    ("inner.zip", b"PK\x03\x04 stays closed"),
]


def out(archive: Path, into: Path, **more: object) -> Unpacked:
    return unpack(archive, into, LIMITS, Watch(), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz", "zip"])
def test_good_archives_come_out_as_they_went_in(compression: str, tmp_path: Path) -> None:
    path = tmp_path / "archive"
    if compression == "zip":
        make_zip(path, ("a/", b""), *ENTRIES)
    else:
        make_tar(path, *ENTRIES, compression=compression)
    found = out(path, tmp_path / "out")
    assert files_below(tmp_path / "out") == dict(ENTRIES)
    assert found == Unpacked(4, sum(len(data) for _, data in ENTRIES))


@pytest.mark.parametrize("wrong", HOSTILE)
def test_a_hostile_archive_is_refused_with_its_reason_and_leaves_nothing(wrong: str, tmp_path: Path) -> None:
    make, reason = HOSTILE[wrong]
    place = tmp_path / "x" / "y"
    place.mkdir(parents=True)
    archive = make(tmp_path / "archive")
    before = files_below(tmp_path)
    with pytest.raises(RefusedError, match=reason) as refused:
        out(archive, place / "out")
    assert "Nothing of it was kept" in str(refused.value)
    assert files_below(tmp_path) == before
    assert not (place / "out").exists()


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_damage_behind_a_good_beginning_is_told_and_leaves_nothing(compression: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes(1_000_000)
    path = tmp_path / "archive"
    make_tar(path, *[(f"{i}.bin", noise) for i in range(3)], compression=compression)
    data = bytearray(path.read_bytes())
    for i in range(len(data) * 2 // 3, len(data) * 2 // 3 + 200):
        data[i] ^= 0xA5
    path.write_bytes(data)
    with pytest.raises(RefusedError, match="damaged or cut off"):
        out(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (b"PK\x01\x02", (8, b"\x00\x08")),  # says that its name is UTF-8, which 0xe9 is not
        (b"PK\x05\x06", (16, b"\xff\xff\xff\x7f")),  # its directory would begin before the file
    ],
    ids=["name", "seek"],
)
def test_a_zip_with_a_damaged_directory_is_told_and_leaves_nothing(
    at: bytes, value: tuple[int, bytes], tmp_path: Path
) -> None:
    path = make_zip(tmp_path / "archive", ("photo-a.jpg", b"x" * 5000))
    data = bytearray(path.read_bytes().replace(b"photo-a.jpg", b"photo-\xe9.jpg"))
    place = data.index(at) + value[0]
    data[place : place + len(value[1])] = value[1]
    path.write_bytes(data)
    with pytest.raises(RefusedError, match="damaged or cut off"):
        out(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bombs_take_no_memory(tmp_path: Path) -> None:
    bombs = [HOSTILE[name][0](tmp_path / name) for name in HOSTILE if "bomb" in name and "z2" not in name]
    assert len(bombs) >= 5
    tracemalloc.start()
    for bomb in bombs:
        with pytest.raises(RefusedError):
            out(bomb, tmp_path / "out")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40_000_000


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_what_others_may_not_do_is_not_taken_over(kind: str, tmp_path: Path) -> None:
    mode = 0o7777
    if kind == "tar":
        make_tar(tmp_path / "a", ("run.sh", b"x"), mode=mode, uid=0, gid=0)
    else:
        make_zip(tmp_path / "a", ("run.sh", b"x"), mode=stat.S_IFREG | mode)
    out(tmp_path / "a", tmp_path / "out")
    assert not (tmp_path / "out" / "run.sh").stat().st_mode & (stat.S_ISUID | stat.S_ISGID | 0o111)


def test_an_entry_for_the_folder_itself_is_none(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a", "w") as archive:
        for name, kind in (("./", tarfile.DIRTYPE), ("./a", tarfile.DIRTYPE), ("./a/", tarfile.DIRTYPE)):
            info = tarfile.TarInfo(name)
            info.type = kind
            archive.addfile(info)
        info = tarfile.TarInfo("./a/x.jpg")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    out(tmp_path / "a", tmp_path / "out")
    assert files_below(tmp_path / "out") == {"a/x.jpg": b"x"}


def test_backslashes_in_a_zip_part_folders(tmp_path: Path) -> None:
    make_zip(tmp_path / "a", ("photos\\x.jpg", b"x"))
    out(tmp_path / "a", tmp_path / "out")
    assert files_below(tmp_path / "out") == {"photos/x.jpg": b"x"}


def test_only_the_kind_that_was_asked_for_is_taken(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="it is a zip file, and no tar file"):
        out(make_zip(tmp_path / "a", *ENTRIES), tmp_path / "out", kind="tar")


def test_unpacking_can_be_ended_and_begins_anew(tmp_path: Path) -> None:
    class End(Watch):
        def at(self, what: str, done: int, total: int | None) -> None:
            raise CancelledError

    make_tar(tmp_path / "a", *ENTRIES)
    with pytest.raises(CancelledError):
        unpack(tmp_path / "a", tmp_path / "out", LIMITS, End())
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "left.jpg").write_bytes(b"by a process that was killed")
    out(tmp_path / "a", tmp_path / "out")
    assert files_below(tmp_path / "out") == dict(ENTRIES)


def test_an_old_python_is_told_before_anything_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(tarfile, "data_filter")
    with pytest.raises(ApsiError, match=r"takes Python 3\.11\.4 or later"):
        out(make_tar(tmp_path / "a", *ENTRIES), tmp_path / "out")
    assert not (tmp_path / "out").exists()


_PARTS = st.sampled_from(["a", "A", "b.jpg", "..", ".", "", "c\\d", "\u00e9", "e\u0301", "C:", "\n", "x" * 260, "\0"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.lists(_PARTS, min_size=1, max_size=4).map("/".join), min_size=1, max_size=4))
def test_no_names_whatever_reach_outside(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    root = tmp_path_factory.mktemp("any")
    with zipfile.ZipFile(root / "archive", "w") as archive:
        for name in names:
            info = zipfile.ZipInfo("x")
            info.filename = info.orig_filename = name
            archive.writestr(info, b"x")
    try:
        out(root / "archive", root / "in" / "out")
    except RefusedError:
        assert not (root / "in" / "out").exists()
    assert {path.name for path in root.iterdir()} <= {"archive", "in"}
    assert not (root / "in").exists() or {path.name for path in (root / "in").iterdir()} <= {"out"}
