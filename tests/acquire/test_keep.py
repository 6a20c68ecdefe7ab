"""Folders of what was acquired: whole or not there, one process at a time, the same bytes from then on."""

import json
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from apsi.acquire.base import Acquire, CancelledError, RefusedError, Watch
from apsi.acquire.direct import Direct
from apsi.acquire.keep import DIGESTS, RECORD, Acquired, Source, acquire_once, discard_partial, find, require_name, stem
from apsi.errors import ApsiError
from tests.acquire.hostile import make_tar, make_zip
from tests.acquire.servers import Files, noise
from tests.acquire.test_download import StopAt
from tests.command_line import files_below

DATA = noise(400_000, 5)


def direct(**more: object) -> Direct:
    usual = {"timeout": 5.0, "attempts": 3, "max_gigabytes": 0.1, "max_files": 100, "max_ratio": 50.0, "max_depth": 9}
    return Direct(**(usual | {"allow_private": True, "kind": None} | more))  # type: ignore[arg-type]


def zip_of(folder: Path, name: str, data: bytes = DATA) -> bytes:
    return make_zip(folder / "made.zip", (name, data)).read_bytes()


def get(target: Path, *sources: Source, acquire: Acquire | None = None, watch: Watch | None = None) -> Acquired:
    return acquire_once(acquire or direct(), sources, target, watch or Watch())


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_what_was_acquired_is_found_again_without_asking_anybody(server: Files, tmp_path: Path) -> None:
    url, file = server.add("/photos.zip", zip_of(tmp_path, "a/x.jpg"))
    first = get(tmp_path / "in" / "photos", Source(url))
    assert files_below(first.files_folder) == {"a/x.jpg": DATA}
    again = get(tmp_path / "in" / "photos", Source(url, file.sha256.upper()))
    assert again == first == find(tmp_path / "in" / "photos")
    assert len(file.requests) == 1 and (first.files, first.size) == (1, len(DATA))
    assert visible(tmp_path / "in") == [DIGESTS, "photos"]
    assert json.loads((first.folder / RECORD).read_text())["sources"][0]["sha256"] == file.sha256


def test_several_archives_have_a_folder_each_and_those_that_are_whole_are_kept(server: Files, tmp_path: Path) -> None:
    one, first = server.add("/one.zip", zip_of(tmp_path, "x.jpg"))
    two, second = server.add("/two.tar.gz", make_tar(tmp_path / "t", ("x.jpg", DATA), compression="gz").read_bytes())
    sources = [Source(one), Source(two)]
    with pytest.raises(CancelledError):
        get(tmp_path / "in" / "set", *sources, watch=_Second())
    assert not (tmp_path / "in" / "set").exists()
    acquired = get(tmp_path / "in" / "set", *sources)
    assert files_below(acquired.files_folder) == {"one/x.jpg": DATA, "two/x.jpg": DATA}
    assert len(first.requests) == 1 and "range" in second.requests[1]


class _Second(Watch):
    """Ends in the second download."""

    began = 0

    def at(self, what: str, done: int, total: int | None) -> None:
        self.began += what == "Unpacking"
        if self.began and what == "Downloading" and done > 200_000:
            raise CancelledError


def test_a_download_that_was_ended_goes_on(server: Files, tmp_path: Path) -> None:
    url, file = server.add("/photos.zip", zip_of(tmp_path, "x.jpg"))
    with pytest.raises(CancelledError):
        get(tmp_path / "in" / "set", Source(url), watch=StopAt(200_000))
    get(tmp_path / "in" / "set", Source(url))
    assert file.requests[1]["range"].startswith("bytes=")
    assert visible(tmp_path / "in") == [DIGESTS, "set"]


class _InUnpacking(Watch):
    """Ends when the archive is whole and not yet unpacked."""

    def at(self, what: str, done: int, total: int | None) -> None:
        if what == "Unpacking":
            raise CancelledError


def test_what_came_of_one_url_is_never_taken_for_another(server: Files, tmp_path: Path) -> None:
    one, _ = server.add("/one.zip", zip_of(tmp_path, "x.jpg"))
    two, second = server.add("/two.zip", zip_of(tmp_path, "x.jpg", b"other"))
    with pytest.raises(CancelledError):
        get(tmp_path / "in" / "set", Source(one), watch=_InUnpacking())
    acquired = get(tmp_path / "in" / "set", Source(two))
    assert files_below(acquired.files_folder) == {"x.jpg": b"other"}
    assert acquired.sources[0][1].sha256 == second.sha256
    assert visible(acquired.folder) == [RECORD, "files"]


def test_an_archive_that_is_done_is_held_against_a_digest_that_is_named_later(server: Files, tmp_path: Path) -> None:
    one, _ = server.add("/one.zip", zip_of(tmp_path, "x.jpg"))
    two, _ = server.add("/two.zip", zip_of(tmp_path, "x.jpg"))
    with pytest.raises(CancelledError):
        get(tmp_path / "in" / "set", Source(one), Source(two), watch=_Second())
    with pytest.raises(RefusedError, match=f"and not {'3' * 64} as expected"):
        get(tmp_path / "in" / "set", Source(one, "3" * 64), Source(two))


def test_the_first_digest_holds_from_then_on(server: Files, tmp_path: Path) -> None:
    url, before = server.add("/photos.zip", zip_of(tmp_path, "x.jpg"))
    get(tmp_path / "in" / "one", Source(url))
    _, after = server.add("/photos.zip", zip_of(tmp_path, "x.jpg", b"other"), etag='"two"')
    with pytest.raises(RefusedError, match=rf"{after.sha256}, and not {before.sha256}.*remove its line in"):
        get(tmp_path / "in" / "two", Source(url))
    assert visible(tmp_path / "in") == [DIGESTS, "one"]
    get(tmp_path / "in" / "two", Source(url, after.sha256))  # who says which one is meant gets it


def test_nobody_is_told_to_drop_a_digest_for_what_another_digest_would_not_mend(server: Files, tmp_path: Path) -> None:
    url, _ = server.add("/x.zip", zip_of(tmp_path, "x.jpg"))
    get(tmp_path / "in" / "one", Source(url))
    with pytest.raises(RefusedError, match=r"acquire\.max_gigabytes") as refused:
        get(tmp_path / "in" / "two", Source(url), acquire=direct(max_gigabytes=0.0001))
    assert DIGESTS not in str(refused.value)


def test_another_digest_or_a_hostile_archive_leaves_nothing(server: Files, tmp_path: Path) -> None:
    url, _ = server.add("/photos.zip", zip_of(tmp_path, "x.jpg"))
    with pytest.raises(RefusedError, match=f"and not {'1' * 64} as expected"):
        get(tmp_path / "in" / "set", Source(url, "1" * 64))
    bad, _ = server.add("/bad.zip", zip_of(tmp_path, "../x.jpg"))
    with pytest.raises(RefusedError, match="leads out"):
        get(tmp_path / "in" / "bad", Source(bad))
    assert visible(tmp_path / "in") == []


def test_a_place_with_other_photos_is_no_place_for_these(server: Files, tmp_path: Path) -> None:
    url, _ = server.add("/photos.zip", zip_of(tmp_path, "x.jpg"))
    get(tmp_path / "set", Source(url))
    with pytest.raises(ApsiError, match=r"holds what came from .*photos\.zip, and not from .*other\.zip"):
        get(tmp_path / "set", Source(f"{server.url}/other.zip"))
    with pytest.raises(ApsiError, match=f"and not {'2' * 64} as expected; remove the folder"):
        get(tmp_path / "set", Source(url, "2" * 64))
    (tmp_path / "mine").mkdir()
    with pytest.raises(ApsiError, match="was not made here"):
        get(tmp_path / "mine", Source(url))


def test_of_two_that_want_the_same_at_once_one_fetches_it(server: Files, tmp_path: Path) -> None:
    url, file = server.add("/photos.zip", zip_of(tmp_path, "x.jpg"))
    found: list[Acquired] = []
    began = threading.Event()

    class Slow(Watch):
        def at(self, what: str, done: int, total: int | None) -> None:
            began.wait(10)

    class Waits(Watch):
        def at(self, what: str, done: int, total: int | None) -> None:
            began.set()

    threads = [
        threading.Thread(target=lambda: found.append(get(tmp_path / "in" / "set", Source(url), watch=Slow()))),
        threading.Thread(target=lambda: found.append(get(tmp_path / "in" / "set", Source(url), watch=Waits()))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2 and found[0].sources == found[1].sources
    assert len(file.requests) == 1


def test_what_nobody_wants_any_more_is_removed(server: Files, tmp_path: Path) -> None:
    url, _ = server.add("/photos.zip", zip_of(tmp_path, "x.jpg"))
    with pytest.raises(CancelledError):
        get(tmp_path / "in" / "set", Source(url), watch=StopAt(200_000))
    assert visible(tmp_path / "in") == [".set.partial"]
    with FileLock(tmp_path / "in" / ".set.lock"):
        other = threading.Thread(target=discard_partial, args=[tmp_path / "in" / "set"])
        other.start()
        other.join()
    assert visible(tmp_path / "in") == [".set.partial"], "somebody is getting it again"
    discard_partial(tmp_path / "in" / "set")
    assert visible(tmp_path / "in") == []


def test_a_kill_while_it_is_removed_leaves_nothing_that_counts_as_got(
    server: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, first = server.add("/one.zip", zip_of(tmp_path, "x.jpg"))
    two, _ = server.add("/two.zip", zip_of(tmp_path, "x.jpg"))
    with pytest.raises(CancelledError):
        get(tmp_path / "in" / "set", Source(one), Source(two), watch=_Second())

    def killed(folder: Path) -> None:
        next(folder.rglob("x.jpg")).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("shutil.rmtree", killed)
        discard_partial(tmp_path / "in" / "set")
    acquired = get(tmp_path / "in" / "set", Source(one), Source(two))
    assert files_below(acquired.files_folder) == {"one/x.jpg": DATA, "two/x.jpg": DATA} and len(first.requests) == 2
    assert visible(tmp_path / "in") == [DIGESTS, "set"]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/a/Photos%20of%20me.tar.gz?x=1", "Photos_of_me"),
        ("https://example.org/", "photos"),
        ("/home/me/../etc", "etc"),
        ("kaggle:owner/cats/versions/3", "3"),
        ("https://example.org/..zip", "photos"),
    ],
)
def test_a_url_has_a_plain_name(url: str, name: str) -> None:
    assert stem(url) == name
    assert require_name(stem(url), "name")


@pytest.mark.parametrize("name", ["..", ".hidden", "a/b", "a\\b", "", "a" * 101, "end.", "nul\0", "/etc"])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(ApsiError, match=r"dataset\.name="):
        require_name(name, "dataset.name")
