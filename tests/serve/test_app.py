"""The HTTP interface: every score the juror's own, in order; what can't be scored is refused with its reason."""

import io
import re
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from PIL import Image

from apsi.juror.cache import CachedJuror
from apsi.photo import Floats, Photo
from apsi.photo.npy import pack_photos
from apsi.photo.write import encode_png
from tests.conftest import natural_photo
from tests.serve.servers import client, served
from tests.worker_pool.fragile import NAN, RAISE, Fragile


class Slow(Fragile):
    """Remembers its batches and holds them up while `gate` is closed."""

    fingerprint = "slow"

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def score(self, photos: Sequence[Photo]) -> Floats:
        self.batches.append(len(photos))
        self.gate.wait(20)
        return super().score(photos)


def gray(value: int, size: int = 8) -> Photo:
    return np.full((size, size, 3), value, np.uint8)


def encoded(photo: Photo, kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, kind, lossless=True)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(CachedJuror(Fragile(), 1000)) as url:
        yield url


def post(url: str, body: bytes) -> httpx.Response:
    return httpx.post(f"{url}/score", content=body)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_an_image_file_is_scored(url: str, kind: str) -> None:
    answer = post(url, encoded(gray(51), kind))
    assert answer.status_code == 200
    assert answer.json()["scores"] == [pytest.approx(2, abs=0.05)]
    assert answer.json()["fingerprint"] == "fragile"


def test_many_photos_come_back_in_order(url: str) -> None:
    values = [51, 102, 204, 255]
    arrays = post(url, pack_photos([gray(value, 8 + value % 5) for value in values]))
    assert arrays.json()["scores"] == [2, 4, 8, 10]
    stacked = post(url, _npy(np.stack([gray(51), gray(102)])))
    assert stacked.json()["scores"] == [2, 4]
    files = [("files", (f"{value}.png", encode_png(gray(value)))) for value in values]
    assert httpx.post(f"{url}/score", files=files).json()["scores"] == [2, 4, 8, 10]


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _promises_much() -> bytes:
    header = _npy(gray(9))[:128]
    return header.replace(b"(8, 8, 3)", b"(9999999, 9999999, 3)".ljust(21))[:128].ljust(400)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "empty"),
        (b"hello", 400, "not an image"),
        (encode_png(natural_photo(0))[:2000], 400, "truncated"),
        (_npy(np.zeros((4, 4, 3))), 400, "float64"),
        (_npy(np.zeros((4, 4), np.uint8)), 400, r"\(4, 4\)"),
        (_npy(gray(9))[:-5], 400, "truncated"),
        (_npy(np.array([{}], dtype=object)), 400, "object"),
        (_promises_much(), 400, "not a .npy|truncated"),
        (encode_png(np.zeros((1100, 1000, 3), np.uint8)), 413, "1000000 pixels"),
        (_npy(np.zeros((1100, 1000, 3), np.uint8)), 413, "1000000 pixels"),
        (b"x" * 5_000_001, 413, "5 MB"),
        (pack_photos([gray(9)] * 257), 413, "at most 256"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else str(value),
)
def test_what_cannot_be_scored_is_refused_with_its_reason(url: str, body: bytes, status: int, reason: str) -> None:
    answer = post(url, body)
    assert answer.status_code == status
    assert re.search(reason, answer.json()["detail"]), answer.text


def test_a_body_without_a_length_is_cut_off_too(url: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(60):
            yield b"x" * 100_000

    assert httpx.post(f"{url}/score", content=chunks()).status_code == 413


def test_the_wrong_photo_of_many_is_named(url: str) -> None:
    files = [("files", ("a.png", encode_png(gray(9)))), ("files", ("b.png", b"no"))]
    answer = httpx.post(f"{url}/score", files=files)
    assert answer.status_code == 400
    assert "file 1 can't be scored" in answer.json()["detail"]


@pytest.mark.parametrize("failure", [NAN, RAISE])
def test_a_photo_that_the_juror_fails_on_is_an_error_of_its_own_request(failure: int) -> None:
    juror = Slow()
    with served(juror, max_delay_ms=200) as url, ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda value: post(url, _npy(gray(value))), [51, failure, 102]))
    assert juror.batches[0] == 3  # they were in one batch
    assert [answer.status_code for answer in answers] == [200, 500, 200]
    assert [answers[i].json()["scores"] for i in (0, 2)] == [[2], [4]]


def test_requests_that_wait_are_scored_together() -> None:
    juror = Slow()
    with served(juror, max_batch=8) as url, ThreadPoolExecutor(17) as threads:
        juror.gate.clear()
        answers = [threads.submit(post, url, _npy(gray(10 + i))) for i in range(17)]
        while httpx.get(f"{url}/healthz").json()["queue"] < 17:
            time.sleep(0.01)
        juror.gate.set()
        scores = [answer.result().json()["scores"][0] for answer in answers]
    assert scores == [pytest.approx((10 + i) / 25.5) for i in range(17)]
    assert max(juror.batches) == 8 and sum(juror.batches) == 17


def test_a_full_queue_is_503_with_the_time_to_try_again() -> None:
    juror = Slow()
    with served(juror, max_queue=4) as url, ThreadPoolExecutor(1) as threads:
        juror.gate.clear()
        first = threads.submit(post, url, pack_photos([gray(51)] * 4))
        while httpx.get(f"{url}/healthz").json()["queue"] < 4:
            time.sleep(0.01)
        refused = post(url, _npy(gray(51)))
        assert refused.status_code == 503
        assert float(refused.headers["Retry-After"]) > 0
        juror.gate.set()
        assert first.result().json()["scores"] == [2, 2, 2, 2]
        assert post(url, _npy(gray(51))).status_code == 200


def test_metrics_count_requests_batches_latency_and_cache(url: str) -> None:
    for _ in range(2):
        post(url, _npy(gray(77)))
    text = httpx.get(f"{url}/metrics").text
    assert 'apsi_juror_requests_total{status="200"}' in text
    assert "apsi_juror_batch_size_bucket" in text
    assert "apsi_juror_request_seconds_count" in text
    assert "apsi_juror_queue 0.0" in text
    hits = next(line for line in text.splitlines() if line.startswith("apsi_juror_cache_hits"))
    assert float(hits.split()[1]) >= 1


def test_health_names_the_juror(url: str) -> None:
    assert httpx.get(f"{url}/healthz").json() == {
        "status": "ok",
        "fingerprint": "fragile",
        "tolerance": 0.0,
        "queue": 0,
        "limit": 256,
    }


def test_several_clients_get_their_own_scores(url: str) -> None:
    def ask(seed: int) -> None:
        rng = np.random.default_rng(seed)
        photos = [rng.integers(10, 256, (*rng.integers(2, 30, 2), 3), dtype=np.uint8) for _ in range(20)]
        assert client(url).score(photos).tolist() == Fragile().score(photos).tolist()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(16)))
