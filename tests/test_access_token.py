"""Only this machine is served without a token."""

import httpx
import numpy as np
import pytest

from apsi.access_token import VARIABLE, require_token, token_from_environment
from apsi.errors import ApsiError
from apsi.photo.npy import pack_photos
from tests.serve.servers import served
from tests.worker_pool.fragile import Fragile

TOKEN = "0123456789abcdef"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1"])
def test_this_machine_needs_none(host: str) -> None:
    require_token(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "fe80::1%eth0"])
def test_an_address_that_others_reach_needs_one(host: str) -> None:
    require_token(host, TOKEN)
    with pytest.raises(ApsiError, match=rf"task.host={host}.*{VARIABLE}"):
        require_token(host, None)


def test_it_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert token_from_environment() is None
    monkeypatch.setenv(VARIABLE, TOKEN)
    assert token_from_environment() == TOKEN


@pytest.mark.parametrize("token", ["short", "0123456789 abcdef", "0123456789abcdef\n", "ä" * 20])
def test_a_weak_or_broken_one_is_refused_and_not_shown(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, token)
    with pytest.raises(ApsiError, match=VARIABLE) as refused:
        token_from_environment()
    assert token not in str(refused.value)


def test_without_it_nothing_is_answered() -> None:
    body = pack_photos([np.full((8, 8, 3), 51, np.uint8)])
    with served(Fragile(), TOKEN) as url, httpx.Client(base_url=url) as client:
        for sent in (b"", b"Bearer wrong", TOKEN.encode(), b"Bearer \xff"):
            for method, path in (("POST", "/score"), ("GET", "/healthz"), ("GET", "/metrics"), ("GET", "/docs")):
                answer = client.request(method, path, headers={b"Authorization": sent}, content=body)
                assert answer.status_code == 401, (sent, path)
                assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert client.post("/score", headers={"Authorization": f"Bearer {TOKEN}"}, content=body).json()["scores"] == [2]
