"""Downloads: the file whole or a clear error, and nothing fetched twice that came already."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apsi.acquire.address import is_public
from apsi.acquire.base import CancelledError, RefusedError, Watch
from apsi.acquire.download import Download, Downloaded, Downloading
from apsi.errors import ApsiError
from tests.acquire.servers import Files, noise
from tests.command_line import small_disk

DATA = noise(700_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
CHUNK = 2**16
QUICK = {"timeout": 5.0, "attempts": 4, "max_bytes": 10**9, "pause": 0.001}


class StopAt(Watch):
    """Ends the work once so many bytes are here, as a kill would."""

    def __init__(self, size: int) -> None:
        self.size = size

    def at(self, what: str, done: int, total: int | None) -> None:
        if what == "Downloading" and done >= self.size:
            raise CancelledError


def download(url: str, folder: Path, watch: Watch | None = None, **more: Any) -> Downloaded:
    how = {name: more.pop(name) for name in list(more) if name in (*QUICK, "allow_private")}
    return Download(url, folder / "archive", Downloading(**(QUICK | how)), watch or Watch(), **more).run()


def stop(url: str, folder: Path, size: int, **more: Any) -> int:
    """What lies there after a download that was ended at some bytes."""
    with pytest.raises(CancelledError):
        download(url, folder, StopAt(size), **more)
    return (folder / "archive.part").stat().st_size


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def require_whole(came: Downloaded, folder: Path) -> None:
    assert came.sha256 == SHA256 and came.size == len(DATA)
    assert (folder / "archive").read_bytes() == DATA
    assert names(folder) == ["archive"]


def test_a_download_that_breaks_off_ten_times_goes_on_each_time(server: Files, tmp_path: Path) -> None:
    cuts = [i * len(DATA) // 11 for i in range(1, 11)]
    url, file = server.add("/cut", DATA, cuts=list(cuts))
    require_whole(download(url, tmp_path, attempts=11), tmp_path)
    assert not file.cuts and len(file.requests) == 11
    assert file.sent <= len(DATA) + 10 * CHUNK
    assert all(request["if-range"] == '"one"' for request in file.requests[1:])


def test_a_process_that_ended_is_taken_up_by_the_next_at_the_byte(server: Files, tmp_path: Path) -> None:
    url, file = server.add("/killed", DATA)
    for size in range(50_000, 700_000, 130_000):
        here = stop(url, tmp_path, size)
        assert here >= size
    here = (tmp_path / "archive.part").stat().st_size
    came = download(url, tmp_path)
    require_whole(came, tmp_path)
    assert came.transferred == len(DATA) - here
    assert file.requests[-1]["range"] == f"bytes={here}-"


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.sets(st.integers(1, len(DATA) - 1), max_size=4), stops=st.lists(st.integers(1, len(DATA)), max_size=3))
def test_wherever_it_is_cut_or_stopped_the_bytes_are_the_same(
    server: Files, tmp_path_factory: pytest.TempPathFactory, cuts: set[int], stops: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    url, _ = server.add("/any", DATA, cuts=sorted(cuts))
    for size in stops:
        with suppress(CancelledError):  # all of it may have come when the stop is seen
            download(url, folder, StopAt(size), attempts=9)
    require_whole(download(url, folder, attempts=9), folder)


def test_whole_files_are_not_fetched_again(server: Files, tmp_path: Path) -> None:
    url, file = server.add("/whole", DATA)
    stop(url, tmp_path, len(DATA))  # ended between the last byte and the renaming
    download(url, tmp_path)
    assert len(file.requests) == 1
    assert download(url, tmp_path, sha256=SHA256).transferred == 0
    assert len(file.requests) == 1


@pytest.mark.parametrize(
    "behaviour",
    [
        {"ranges": False},
        {"etag": None},
        {"etag": 'W/"weak"'},
        {"shift": 5},
        {"chunked": True, "etag": None},
    ],
    ids=str,
)
def test_a_server_that_cant_go_on_is_asked_for_the_whole_file(
    server: Files, tmp_path: Path, behaviour: dict[str, Any]
) -> None:
    url, _ = server.add("/anew", DATA, **behaviour)
    stop(url, tmp_path, 300_000)
    came = download(url, tmp_path)
    require_whole(came, tmp_path)
    assert came.transferred == len(DATA)


@pytest.mark.parametrize(
    "behaviour",
    [{"chunked": True}, {"etag": None, "modified": "Wed, 21 Oct 2015 07:28:00 GMT"}, {"etag": None}],
    ids=str,
)
def test_a_date_a_strong_etag_or_a_known_digest_are_enough_to_go_on(
    server: Files, tmp_path: Path, behaviour: dict[str, Any]
) -> None:
    url, _ = server.add("/on", DATA, **behaviour)
    known = {"sha256": SHA256} if behaviour == {"etag": None} else {}
    here = stop(url, tmp_path, 300_000, **known)
    came = download(url, tmp_path, **known)
    require_whole(came, tmp_path)
    assert came.transferred == len(DATA) - here


@pytest.mark.parametrize("keeps_etag", [False, True], ids=["heeds If-Range", "ignores If-Range"])
def test_what_changed_in_between_is_fetched_from_its_beginning(server: Files, tmp_path: Path, keeps_etag: bool) -> None:
    url, _ = server.add("/changed", noise(700_000, 1))
    stop(url, tmp_path, 300_000)
    server.add("/changed", DATA, etag='"two"', keeps_etag=keeps_etag)
    require_whole(download(url, tmp_path), tmp_path)


def test_pieces_of_two_files_under_one_etag_are_told_by_the_digest(server: Files, tmp_path: Path) -> None:
    url, _ = server.add("/mixed", noise(700_000, 1))
    stop(url, tmp_path, 300_000)
    _, file = server.add("/mixed", DATA)
    require_whole(download(url, tmp_path, sha256=SHA256), tmp_path)
    assert [("range" in request) for request in file.requests] == [True, False]


def test_a_damaged_part_is_told_by_the_digest(server: Files, tmp_path: Path) -> None:
    url, _ = server.add("/damaged", DATA)
    stop(url, tmp_path, 300_000)
    with (tmp_path / "archive.part").open("r+b") as part:
        part.write(b"\0" * 1000)
    require_whole(download(url, tmp_path, sha256=SHA256), tmp_path)


def test_another_digest_names_both_and_leaves_nothing(server: Files, tmp_path: Path) -> None:
    url, _ = server.add("/wrong", DATA)
    with pytest.raises(RefusedError, match=f"{SHA256}, and not {'0' * 64} as expected"):
        download(url, tmp_path, sha256="0" * 64)
    assert names(tmp_path) == []


def test_a_length_that_is_too_large_is_refused_before_anything_comes(server: Files, tmp_path: Path) -> None:
    url, _ = server.add("/large", DATA)
    with pytest.raises(RefusedError, match=r"700,000 bytes or more, at most 0\.0001 GB.*max_gigabytes"):
        download(url, tmp_path, max_bytes=100_000)
    assert names(tmp_path) == []


def test_a_stream_without_a_length_is_cut_where_it_is_too_large(server: Files, tmp_path: Path) -> None:
    url, _ = server.add("/endless", DATA, chunked=True)
    with pytest.raises(RefusedError, match="max_gigabytes"):
        download(url, tmp_path, max_bytes=100_000)
    assert names(tmp_path) == []


def test_a_server_that_promises_more_than_it_sends_is_given_up_and_what_came_is_kept(
    server: Files, tmp_path: Path
) -> None:
    url, _ = server.add("/less", DATA, length=800_000, ranges=False)
    with pytest.raises(ApsiError, match=r"4 attempts in a row brought nothing new.*700,000 bytes came and are kept"):
        download(url, tmp_path)
    assert (tmp_path / "archive.part").stat().st_size == len(DATA)


def test_a_length_that_is_withdrawn_is_no_reason_to_wait_for_more(server: Files, tmp_path: Path) -> None:
    url, file = server.add("/withdrawn", DATA, length=800_000)
    require_whole(download(url, tmp_path), tmp_path)
    assert len(file.requests) == 2 and file.sent == len(DATA)


def test_a_busy_server_is_asked_again_and_a_missing_file_is_not(server: Files, tmp_path: Path) -> None:
    url, file = server.add("/busy", DATA, status=[503, 429, 500], headers={"Retry-After": "0"})
    require_whole(download(url, tmp_path), tmp_path)
    assert len(file.requests) == 4
    with pytest.raises(ApsiError, match="answers 404: it does not have it"):
        download(f"{server.url}/nowhere", tmp_path / "other")
    _, closed = server.add("/closed", DATA, status=[403])
    with pytest.raises(ApsiError, match="answers 403: it lets not everybody have it"):
        download(f"{server.url}/closed", tmp_path / "closed")
    assert len(closed.requests) == 1


def test_a_server_that_is_away_is_told_after_the_attempts(tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"2 attempts in a row brought nothing new, the last: ConnectError.*Try"):
        download("http://127.0.0.1:9/x.zip", tmp_path, attempts=2)


def test_redirects_are_followed_and_secrets_stay_with_the_first_server(server: Files, tmp_path: Path) -> None:
    target, file = server.add("/real", DATA)
    url, first = server.add("/moved", b"", location=target.replace("127.0.0.1", "localhost"))
    came = download(url, tmp_path, headers={"Authorization": "Basic secret"})
    require_whole(came, tmp_path)
    assert first.requests[0]["authorization"] == "Basic secret"
    assert "authorization" not in file.requests[0]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("/circle", "more than 10 times"),
        ("file:///etc/passwd", "neither http nor https"),
        ("ftp://example.org/x", "neither http nor https"),
        ("http://[bad/", "which is no URL"),
    ],
)
def test_redirects_that_lead_nowhere_good_are_refused(
    server: Files, tmp_path: Path, location: str, reason: str
) -> None:
    url, _ = server.add("/circle", b"", location=location)
    with pytest.raises(ApsiError, match=reason):
        download(url, tmp_path)


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        (302, {}, "the server answers 302"),
        (304, {}, "the server answers 304"),
        (503, {"Retry-After": "\xb2"}, "the server answers 503"),
        (206, {"Content-Range": f"bytes 0-1/{'9' * 5000}"}, "the server answers 206"),
    ],
)
def test_answers_that_make_no_sense_are_told(
    server: Files, tmp_path: Path, status: int, headers: dict[str, str], reason: str
) -> None:
    url, _ = server.add("/odd", DATA, status=[status] * 4, headers=headers)
    with pytest.raises(ApsiError, match=reason):
        download(url, tmp_path)


@pytest.mark.parametrize("etag", ['"\xe9"', '"\u00c3\u00a9"'])
def test_what_cant_be_sent_back_is_no_condition(server: Files, tmp_path: Path, etag: str) -> None:
    url, file = server.add("/odd-etag", DATA, etag=etag, cuts=[300_000])
    require_whole(download(url, tmp_path), tmp_path)
    assert "if-range" not in file.requests[1] and file.sent == len(DATA)
    far, _ = server.add("/odd-range", DATA, cuts=[300_000], headers={"Content-Range": f"bytes 0-1/{'9' * 5000}"})
    require_whole(download(far, tmp_path / "far", sha256=SHA256), tmp_path / "far")


def test_a_host_that_can_be_no_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match="no URL that can be asked"):
        download(f"http://{'a' * 300}.org/x.zip", tmp_path)


def test_another_file_whose_server_always_breaks_off_is_fetched_no_more_than_twice(
    server: Files, tmp_path: Path
) -> None:
    url, file = server.add("/changed", DATA, cuts=[300_000, 300_000, 300_000])
    with pytest.raises(RefusedError, match=f"has the SHA-256 {SHA256}, and not {'0' * 64}"):
        download(url, tmp_path, sha256="0" * 64)
    assert len(file.requests) == 4 and names(tmp_path) == []


def test_private_addresses_are_refused_before_anything_is_sent(
    server: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, file = server.add("/private", DATA)
    for address in (url, url.replace("127.0.0.1", "localhost")):
        with pytest.raises(RefusedError, match="no address of the internet"):
            download(address, tmp_path, allow_private=False)
    monkeypatch.setattr("apsi.acquire.download.require_public", lambda url: None)  # the name led elsewhere just now
    with pytest.raises(RefusedError, match=r"127\.0\.0\.1, which is no address of the internet"):
        download(url, tmp_path, allow_private=False)
    assert file.requests == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b::8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("::127.0.0.1", False),
        ("::ffff:0:10.0.0.1", False),
        ("64:ff9b:1::8.8.8.8", False),
        ("fec0::1", False),
    ],
)
def test_addresses_inside_others_count_as_those(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_full_disk_keeps_what_came_and_says_how_to_go_on(server: Files, tmp_path: Path) -> None:
    url, _ = server.add("/full", DATA, chunked=True)  # without a length nobody can tell beforehand
    known, _ = server.add("/known", DATA)
    with small_disk(tmp_path / "disk", "256k") as resize:
        with pytest.raises(ApsiError, match="700,000 bytes are to come"):
            download(known, tmp_path / "disk" / "b")
        with pytest.raises(ApsiError, match=r"the disk is full .*bytes are kept\. Make room.*goes on"):
            download(url, tmp_path / "disk" / "a")
        here = (tmp_path / "disk" / "a" / "archive.part").stat().st_size
        assert 0 < here < 262_144
        resize("2m")
        assert download(url, tmp_path / "disk" / "a").transferred == len(DATA) - here


def test_the_state_of_another_url_or_a_broken_one_is_not_used(server: Files, tmp_path: Path) -> None:
    url, _ = server.add("/a", noise(700_000, 3))
    other, _ = server.add("/b", DATA)
    stop(url, tmp_path, 300_000)
    assert download(other, tmp_path).transferred == len(DATA)
    (tmp_path / "archive").unlink()
    stop(other, tmp_path, 300_000)
    (tmp_path / "archive.part.json").write_text(json.dumps({"url": other, "unknown": 1}))
    require_whole(download(other, tmp_path), tmp_path)


@pytest.mark.slow
def test_200_megabytes_cut_at_ten_points_come_once(server: Files, tmp_path: Path) -> None:
    data = noise(200_000_000)
    cuts = [i * len(data) // 11 + 12_345 for i in range(1, 11)]
    url, file = server.add("/200", data, cuts=list(cuts))
    came = download(url, tmp_path)
    assert came.sha256 == hashlib.sha256(data).hexdigest() and not file.cuts
    assert file.sent <= len(data) + 10 * CHUNK
    assert came.transferred == len(data)
