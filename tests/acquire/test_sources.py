"""Direct URLs, Kaggle, Yandex Disk and this machine: what each accepts, asks and gives away."""

import base64
import json
import os
from pathlib import Path

import pytest

from apsi.acquire.base import Acquire, Fetched, RefusedError, Watch
from apsi.acquire.kaggle import Kaggle
from apsi.acquire.local import Local
from apsi.acquire.yandex import Yandex
from apsi.errors import ApsiError
from tests.acquire.hostile import make_tar, make_zip
from tests.acquire.servers import Files
from tests.acquire.test_keep import direct
from tests.command_line import files_below

LIMITS = {"max_gigabytes": 0.001, "max_files": 20, "max_ratio": 50.0, "max_depth": 3}
ASKING = {"timeout": 5.0, "attempts": 2, "allow_private": True}


def kaggle(server: Files) -> Kaggle:
    return Kaggle(api=f"{server.url}/api/v1", **LIMITS, **ASKING)  # type: ignore[arg-type]


def local(roots: list[str] | None = None) -> Local:
    return Local(roots=roots, **LIMITS)  # type: ignore[arg-type]


def fetch(acquire: Acquire, url: str, folder: Path, sha256: str | None = None) -> Fetched:
    (folder / "work").mkdir(exist_ok=True)
    return acquire.fetch(url, sha256, folder / "files", folder / "work", Watch())


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("photos.zip", "must begin with http:// or https:// or file://.*acquire=local"),
        ("htps://example.org/x", "Did you mean 'http"),
        ("ftp://example.org/x", "must begin with"),
        ("https:///x.zip", "names no host"),
        ("https://me:secret@example.org/x.zip", "leave name and password out"),
        ("http://example.org:port/x", "is no URL"),
        ("file://elsewhere/x.zip", "must name a file of this machine"),
    ],
)
def test_urls_that_cant_be_are_told_without_asking_anybody(url: str, reason: str) -> None:
    with pytest.raises(ApsiError, match=reason) as told:
        direct().canonical(url)
    assert "secret" not in str(told.value)


def test_files_of_this_machine_are_read_only_where_that_is_allowed(tmp_path: Path) -> None:
    made = make_zip(tmp_path / "with space.zip", ("x.jpg", b"x"))
    assert fetch(direct(), made.as_uri(), tmp_path).files == 1
    assert made.exists()
    with pytest.raises(ApsiError, match="must begin with http:// or https://"):
        direct(allow_private=False).canonical(made.as_uri())


def test_one_url_has_one_spelling() -> None:
    assert direct().canonical("HTTPS://Example.ORG/A.zip#part") == "https://example.org/A.zip"


# Kaggle


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("KAGGLE_USERNAME", "me")
    monkeypatch.setenv("KAGGLE_KEY", "k3y")
    return "Basic " + base64.b64encode(b"me:k3y").decode()


def test_kaggle_is_asked_by_name_and_key_which_no_other_server_sees(
    server: Files, tmp_path: Path, account: str
) -> None:
    data = make_zip(tmp_path / "made.zip", ("cats/x.jpg", b"x")).read_bytes()
    storage, file = server.add("/storage/cats.zip", data)
    _, api = server.add("/api/v1/datasets/download/me/cats?datasetVersionNumber=3", b"")
    api.location = storage.replace("127.0.0.1", "localhost")
    fetched = fetch(kaggle(server), "https://www.kaggle.com/datasets/me/cats/versions/3", tmp_path)
    assert files_below(tmp_path / "files") == {"cats/x.jpg": b"x"} and fetched.sha256 == file.sha256
    assert api.requests[0]["authorization"] == account
    assert "authorization" not in file.requests[0]


@pytest.mark.parametrize("url", ["cats", "a/b/c", "../x/y", "https://example.org/datasets/a/b", "a/b?x=1"])
def test_what_is_no_data_set_of_kaggle_is_told(server: Files, url: str) -> None:
    with pytest.raises(ApsiError, match="must name a data set of Kaggle: OWNER/NAME"):
        kaggle(server).canonical(url)


def test_kaggles_file_is_read_where_no_variables_are_set(
    server: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_USERNAME", raising=False)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    with pytest.raises(ApsiError, match=r"set KAGGLE_USERNAME and KAGGLE_KEY, or put the file kaggle\.json"):
        fetch(kaggle(server), "me/cats", tmp_path)
    (tmp_path / "kaggle.json").write_text('{"username": "me", "kye": "s3cret"}')
    with pytest.raises(ApsiError, match="is not Kaggle's file") as told:
        fetch(kaggle(server), "me/cats", tmp_path)
    assert "s3cret" not in str(told.value)
    (tmp_path / "kaggle.json").write_text('{"username": "me", "key": "s3cret"}')
    _, api = server.add("/api/v1/datasets/download/me/cats", b"", status=[403])
    with pytest.raises(ApsiError, match=r"answers 403.*terms must be accepted"):
        fetch(kaggle(server), "me/cats", tmp_path)
    assert base64.b64decode(api.requests[0]["authorization"].removeprefix("Basic ")) == b"me:s3cret"


# Yandex Disk


def test_yandex_tells_where_the_file_lies(server: Files, tmp_path: Path) -> None:
    link = "https://disk.yandex.ru/d/abc"
    where, file = server.add("/real.zip", make_zip(tmp_path / "made.zip", ("x.jpg", b"x")).read_bytes())
    query = "/resources?public_key=https%3A%2F%2Fdisk.yandex.ru%2Fd%2Fabc"
    server.add(query, json.dumps({"href": where}).encode())
    yandex = Yandex(api=f"{server.url}/resources", kind=None, **LIMITS, **ASKING)  # type: ignore[arg-type]
    assert fetch(yandex, link, tmp_path).sha256 == file.sha256
    server.add(query, b'{"error": "DiskNotFoundError"}')
    with pytest.raises(ApsiError, match=r"does not say where .*DiskNotFoundError"):
        fetch(yandex, link, tmp_path)


# this machine


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "x.jpg").write_bytes(b"x" * 1000)
    (folder / "y.jpg").write_bytes(b"y")
    return folder


def test_a_folder_is_copied_and_stays_as_it_was(photos: Path, tmp_path: Path) -> None:
    before = files_below(photos)
    fetched = fetch(local(), str(photos), tmp_path)
    assert files_below(tmp_path / "files") == before == files_below(photos)
    assert (fetched.files, fetched.size) == (2, 1001)
    (tmp_path / "files" / "y.jpg").write_bytes(b"z")
    assert (photos / "y.jpg").read_bytes() == b"y"


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o022, 0o644)])
def test_copies_are_for_those_whom_the_umask_leaves(photos: Path, tmp_path: Path, umask: int, mode: int) -> None:
    (photos / "y.jpg").chmod(0o777)
    before = os.umask(umask)
    try:
        fetch(local(), str(photos), tmp_path)
    finally:
        os.umask(before)
    assert (tmp_path / "files" / "y.jpg").stat().st_mode & 0o777 == mode


def test_a_copy_that_was_ended_goes_on_and_has_the_same_digest(photos: Path, tmp_path: Path) -> None:
    whole = fetch(local(), str(photos), tmp_path)
    inode = (tmp_path / "files" / "a" / "x.jpg").stat().st_ino
    (tmp_path / "files" / "y.jpg").write_bytes(b"")  # killed while it was written
    (tmp_path / "files" / "gone.jpg").write_bytes(b"was there then")
    assert fetch(local(), str(photos), tmp_path) == whole
    assert files_below(tmp_path / "files") == files_below(photos)
    assert (tmp_path / "files" / "a" / "x.jpg").stat().st_ino == inode
    with pytest.raises(RefusedError, match="as expected"):
        fetch(local(), str(photos), tmp_path, "0" * 64)
    (photos / "y.jpg").write_bytes(b"Y")
    assert fetch(local(), str(photos), tmp_path).sha256 != whole.sha256


def test_links_and_pipes_stay_behind(photos: Path, tmp_path: Path) -> None:
    (photos / "link.jpg").symlink_to("/etc/passwd")
    (photos / "loop").symlink_to(photos)
    os.mkfifo(photos / "pipe.jpg")
    assert fetch(local(), str(photos), tmp_path).files == 2
    assert set(files_below(tmp_path / "files")) == {"a/x.jpg", "y.jpg"}


def test_an_archive_on_this_machine_is_unpacked_and_stays(tmp_path: Path) -> None:
    made = make_tar(tmp_path / "made.tar", ("x.jpg", b"x"))
    assert fetch(local(), str(made), tmp_path).files == 1
    with pytest.raises(RefusedError, match="as expected"):
        fetch(local(), made.as_uri(), tmp_path, "0" * 64)
    assert made.exists()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: (folder / "large").write_bytes(b"x" * 1_100_000), "max_gigabytes"),
        (lambda folder: [(folder / f"{i}").touch() for i in range(30)], "max_files"),
        (lambda folder: (folder / "a/b/c/d/e").mkdir(parents=True), "max_depth"),
    ],
    ids=["size", "count", "depth"],
)
def test_a_folder_has_the_limits_of_an_archive(make: object, reason: str, photos: Path, tmp_path: Path) -> None:
    make(photos)  # type: ignore[operator]
    with pytest.raises(RefusedError, match=reason):
        fetch(local(), str(photos), tmp_path)


def test_nothing_outside_of_the_roots_is_read_by_any_name(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.zip").write_bytes(b"secret")
    (photos / "out").symlink_to(tmp_path)
    inside = local([str(photos)])
    assert inside.canonical("a") == inside.canonical(str(photos / "a")) == (photos / "a").as_uri()
    for url in ("..", "../secret.zip", str(tmp_path / "secret.zip"), "out/secret.zip", "a/../../secret.zip", "/etc"):
        with pytest.raises(ApsiError, match="nothing below a folder that is open"):
            inside.canonical(url)
    with pytest.raises(ApsiError, match="roots: none"):
        local([]).canonical("a")


def test_paths_that_cant_be_copied_are_told(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match="is got with acquire=direct"):
        local().canonical("https://example.org/x.zip")
    with pytest.raises(ApsiError, match="neither a folder nor a file"):
        fetch(local(), str(tmp_path / "nowhere"), tmp_path)
    with pytest.raises(ApsiError, match="holds the place that it would be copied to"):
        fetch(local(), str(tmp_path), tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ApsiError, match="holds no file"):
        fetch(local(), str(tmp_path / "empty"), tmp_path)
