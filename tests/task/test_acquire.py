"""`task=acquire` as a user runs it: killed in the middle, the same command goes on."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from apsi.photo.write import encode_png
from tests.acquire.hostile import make_zip
from tests.acquire.servers import Files, noise, serving
from tests.command_line import Place, files_below, read_json
from tests.conftest import natural_photo


@pytest.fixture(scope="module")
def server() -> Iterator[Files]:
    with serving() as files:
        yield files


def archive(folder: Path, size: int = 3_000_000) -> bytes:
    photos = [(f"set/{i}.png", encode_png(natural_photo(i))) for i in range(4)]
    return make_zip(folder / "made.zip", *photos, ("set/large.bin", noise(size))).read_bytes()


def part(place: Place) -> int:
    """Bytes of a download that has begun."""
    return sum(path.stat().st_size for path in place.data.glob("acquired/.*.partial/work-0/archive.part"))


def test_a_killed_acquisition_goes_on_where_it_was(server: Files, tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "data")
    data = archive(tmp_path)
    half = len(data) // 2
    url, slow = server.add("/set.zip", data, cuts=[half])
    command = ("task=acquire", "dataset=archive", f"dataset.url={url}", "dataset.root=set", "dataset.licence=CC0")
    # the connection breaks in the middle, and the server is busy for a while: there the command is killed
    slow.busy_after_cut = True
    outcome = place.start(*command).send(signal.SIGKILL, once=lambda: part(place) == half)
    assert outcome.code == -signal.SIGKILL and "Licence: CC0" in outcome.said
    assert not list(place.data.glob("acquired/set-*"))
    slow.busy_after_cut = False
    asked = len(slow.requests)
    said = place.run(*command).succeeded()
    assert slow.requests[asked]["range"] == f"bytes={half}-"
    found = next(place.data.glob("acquired/set-*"))
    assert len(files_below(found / "files")) == 5
    assert "set: 4 photos" in said.out and slow.sha256 in said.out and "Licence: CC0" in said.out
    record = read_json(place.folder("acquire") / "acquired.json")
    assert record["licence"] == "CC0" and record["sources"][0]["sha256"] == slow.sha256
    again = place.run(*command, "quiet=true").succeeded()
    numbers = json.loads(again.out)["result"]
    assert numbers["photos"] == 4 and numbers["skipped"] == 1 and numbers["files"] == 5
    assert len(slow.requests) == asked + 1


def test_what_cant_be_acquired_is_one_message(server: Files, tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "data")
    place.run("task=acquire").failed("nothing to acquire", "dataset=archive dataset.url=URL")
    url, file = server.add("/wrong.zip", archive(tmp_path, 10))
    wrong = ("task=acquire", "dataset=archive", f"dataset.url={url}", f"dataset.sha256={'0' * 64}")
    place.run(*wrong).failed(file.sha256, f"and not {'0' * 64} as expected")
    assert [path for path in place.data.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
    place.run("task=acquire", "dataset=archive", "dataset.url=photos.zip").failed("dataset.url=photos.zip must begin")
