"""What requests may hold: counted from headers, before anything is decoded, and over all requests together."""

import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.npy import unpack_photos
from apsi.photo.read import decode_photo
from apsi.photo.write import encode_png
from apsi.serve import contents
from apsi.serve.app import Limits
from tests.serve.servers import served
from tests.serve.test_app import Slow, _npy, gray, post
from tests.worker_pool.fragile import Fragile


class Decoded:
    """Counts what the server decodes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.photos = self.arrays = 0
        monkeypatch.setattr(contents, "decode_photo", self._decode)
        monkeypatch.setattr(contents, "unpack_photos", self._unpack)

    def _decode(self, data: bytes, max_pixels: int) -> Photo:
        self.photos += 1
        return decode_photo(data, max_pixels)

    def _unpack(self, data: bytes) -> list[Photo]:
        photos = unpack_photos(data)
        self.arrays += len(photos)
        return photos


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Decoded:
    return Decoded(monkeypatch)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(Fragile()) as url:
        yield url


BLACK = encode_png(np.full((900, 1000, 3), 9, np.uint8))
"""A few kB that are 2.7 MB decoded, and 24.3 MB while they are decoded"""


def upload(url: str, data: bytes, count: int) -> httpx.Response:
    return httpx.post(f"{url}/score", files=[("files", ("a.png", data))] * count, timeout=60)


def held(url: str) -> float:
    """Bytes that the requests of a server hold."""
    text = httpx.get(f"{url}/metrics").text
    return float(next(line for line in text.splitlines() if line.startswith("apsi_juror_bytes_in_flight")).split()[1])


def test_many_large_photos_are_refused_before_the_first_is_decoded(url: str, decoded: Decoded) -> None:
    answer = upload(url, BLACK, 60)
    assert answer.status_code == 413
    assert re.search(r"60 photos would take 1\d\d MB to decode, at most 100 MB", answer.json()["detail"])
    too_many = upload(url, BLACK, 300)
    assert too_many.status_code in (400, 413) and "256" in too_many.json()["detail"]
    assert decoded.photos == 0
    assert upload(url, BLACK, 2).status_code == 200
    assert decoded.photos == 2
    assert held(url) == 0


def test_many_photos_behind_one_small_one_are_not_decoded_either(url: str, decoded: Decoded) -> None:
    large = encode_png(np.zeros((1100, 1000, 3), np.uint8))
    files = [("files", ("a.png", data)) for data in [encode_png(gray(51))] * 5 + [large]]
    assert httpx.post(f"{url}/score", files=files).status_code == 413
    assert decoded.photos == 0


@pytest.mark.parametrize("shape", [(1_000_000, 1, 1, 3), (257, 2, 2, 3)], ids=str)
def test_an_array_of_too_many_photos_is_refused_before_it_is_taken_apart(
    url: str, decoded: Decoded, shape: tuple[int, ...]
) -> None:
    answer = post(url, _npy(np.zeros(shape, np.uint8)))
    assert answer.status_code == 413 and "at most 256" in answer.json()["detail"]
    assert decoded.arrays == 0


@pytest.mark.slow
def test_all_requests_together_hold_no_more_than_is_allowed(decoded: Decoded) -> None:
    juror = Slow()
    juror.gate.clear()
    with served(juror, max_megabytes_in_flight=70) as url, ThreadPoolExecutor(40) as threads:
        answers = [threads.submit(upload, url, BLACK, 1) for _ in range(40)]
        most = 0.0
        while sum(answer.done() for answer in answers) + decoded.photos < 40:
            most = max(most, held(url))
        juror.gate.set()
        results = [answer.result() for answer in answers]
        assert held(url) == 0
    refused = [answer for answer in results if answer.status_code != 200]
    assert 0 < most <= 70e6
    assert decoded.photos == 40 - len(refused) <= 70 / 2.7
    assert refused and {answer.status_code for answer in refused} == {503}
    assert all(answer.headers["Retry-After"] and "at most 70 MB" in answer.json()["detail"] for answer in refused)


def test_decoded_photos_of_all_requests_are_counted_before_they_are_decoded(decoded: Decoded) -> None:
    juror = Slow()
    juror.gate.clear()
    with served(juror, max_queue=4) as url, ThreadPoolExecutor(2) as threads:
        first = threads.submit(upload, url, encode_png(gray(51)), 3)
        while httpx.get(f"{url}/healthz").json()["queue"] < 3 or decoded.photos < 3:
            time.sleep(0.01)
        assert upload(url, encode_png(gray(51)), 2).status_code == 503
        assert decoded.photos == 3
        juror.gate.set()
        assert first.result().json()["scores"] == [2, 2, 2]


def test_bytes_of_requests_that_are_still_coming_in_count() -> None:
    with served(Fragile(), max_megabytes_in_flight=32.5) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        slow = [socket.create_connection((host, int(port))) for _ in range(7)]
        for one in slow:
            one.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 4900000\r\n\r\n" + b"x" * 4_400_000)
        while held(url) < 7 * 4.4e6:
            time.sleep(0.01)
        assert post(url, b"x" * 2_000_000).status_code == 503
        assert post(url, encode_png(gray(51))).status_code == 200
        for one in slow:
            one.close()
        while held(url):
            time.sleep(0.01)


def test_a_request_that_takes_too_long_to_come_in_is_given_up() -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 1000
            time.sleep(0.05)

    with served(Fragile(), max_seconds=0.3) as url:
        assert httpx.post(f"{url}/score", content=chunks()).status_code == 408
        assert held(url) == 0


def test_a_limit_without_room_for_one_photo_is_an_error() -> None:
    with pytest.raises(ApsiError, match=r"max_megabytes_in_flight=100 has no room .* at least 127"):
        Limits(1, 1, 1, 100, 1, 100, 1)
