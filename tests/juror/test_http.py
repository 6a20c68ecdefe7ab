"""A remote juror: the server's scores or an error, through a full queue, a restart and another juror in its place."""

import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from apsi.access_token import VARIABLE
from apsi.errors import ApsiError
from apsi.photo import Photo
from tests.command_line import Place
from tests.conftest import Redness
from tests.serve.servers import client, served
from tests.worker_pool.fragile import RAISE, Fragile


def photos(n: int) -> list[Photo]:
    rng = np.random.default_rng(0)
    return [rng.integers(10, 256, (*rng.integers(2, 30, 2), 3), dtype=np.uint8) for _ in range(n)]


def test_scores_are_those_of_the_served_juror() -> None:
    with served(Fragile()) as url:
        juror = client(url)
        assert juror.fingerprint == "http-fragile"
        assert juror.score(photos(30)).tolist() == Fragile().score(photos(30)).tolist()
        assert juror.score([]).shape == (0,)


def test_a_served_juror_is_as_tolerant_as_it_is() -> None:
    class Tolerant(Fragile):
        tolerance = 0.25

    with served(Tolerant()) as url:
        assert client(url).tolerance == 0.25


def test_a_full_queue_is_waited_for() -> None:
    with served(Fragile(), max_queue=4, max_batch=1) as url:
        assert client(url, connections=8).score(photos(40)).tolist() == Fragile().score(photos(40)).tolist()


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(ApsiError, match=r"juror=http needs httpx: pip install 'apsi\[serve\]'"):
        client("http://127.0.0.1:1").score(photos(1))


def test_no_server_is_an_error_at_once() -> None:
    with pytest.raises(ApsiError, match=r"127.0.0.1:1 does not answer.*task=serve_juror"):
        client("http://127.0.0.1:1").score(photos(1))


def test_a_server_that_stays_away_is_an_error_after_a_while() -> None:
    with served(Fragile()) as url:
        juror = client(url, patience=0.5)
        juror.warm_up()
    with pytest.raises(ApsiError, match=r"juror.patience=0.5 s"):
        juror.score(photos(1))


def test_what_the_server_cannot_score_is_an_error() -> None:
    with served(Fragile()) as url, pytest.raises(ApsiError, match=r"answers 500.*this photo is refused"):
        client(url).score([*photos(2), np.full((4, 4, 3), RAISE, np.uint8)])


def test_another_juror_behind_the_same_address_is_noticed() -> None:
    with served(Fragile()) as url:
        juror = client(url)
        juror.warm_up()
    with served(Redness()) as other:
        juror._client.base_url = other
        with pytest.raises(ApsiError, match="now serves redness, it began as fragile"):
            juror.score(photos(1))


def test_the_token_of_the_environment_is_sent_and_a_missing_one_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    token = "0123456789abcdef0123"
    monkeypatch.delenv(VARIABLE, raising=False)
    with served(Fragile(), token) as url:
        with pytest.raises(ApsiError, match=rf"asks for a token: set {VARIABLE}"):
            client(url).score(photos(1))
        monkeypatch.setenv(VARIABLE, token)
        juror = client(url)
        assert juror.score(photos(3)).tolist() == Fragile().score(photos(3)).tolist()
        assert token not in repr(vars(juror)) + juror.fingerprint


def test_serving_the_network_without_a_token_is_refused_before_anything_is_prepared(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "data")
    place.run("task=serve_juror", "task.host=0.0.0.0", "task.port=0").failed("task.host=0.0.0.0", VARIABLE)
    assert not place.data.exists()


@pytest.mark.slow
def test_a_server_that_is_stopped_and_started_again_under_load_costs_no_score(tmp_path: Path, data_dir: Path) -> None:
    """Through `run.py`: naturalness fitted on the prepared photos, SIGTERM in the middle, the same port again."""
    place = Place(tmp_path, data_dir)
    port = 20_000 + int.from_bytes(tmp_path.name.encode()[-2:]) % 20_000
    command = ("task=serve_juror", f"task.port={port}")
    server = place.start(*command)
    juror = client(f"http://127.0.0.1:{port}", patience=60.0)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            juror.warm_up()
            break
        except ApsiError:
            time.sleep(0.2)
    batch = [np.random.default_rng(i).integers(0, 256, (96, 96, 3), dtype=np.uint8) for i in range(300)]
    first = juror.score(batch[:8])
    found: list[float] = []
    thread = threading.Thread(target=lambda: found.extend(juror.score(batch).tolist()))
    thread.start()
    ended = server.send(signal.SIGTERM, once=lambda: True)
    ended.succeeded()
    assert "Stopped" in ended.said and "fitted on apsi's eight sample photos" in ended.said
    server = place.start(*command)
    thread.join()
    assert found[:8] == first.tolist()
    assert len(found) == 300
    assert juror.score(batch).tolist() == found
    server.send(signal.SIGINT, once=lambda: True).succeeded()


def test_an_address_that_is_taken_is_an_error(tmp_path: Path, data_dir: Path) -> None:
    with served(Fragile()) as url:
        port = url.rpartition(":")[2]
        Place(tmp_path, data_dir).run("task=serve_juror", f"task.port={port}").failed(port, "task.port")
