"""Bodies of requests: read up to their limits of bytes and seconds, and held against their model."""

import asyncio
from collections.abc import Sequence

import pytest
from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from apsi.web import body
from apsi.web.body import body_of
from apsi.web.shell import Refusal


class Name(BaseModel):
    name: str


def asked(*pieces: bytes | None, rest: Sequence[Message] = ()) -> Name:
    """What is read from a client that sends pieces, and then says nothing more unless the last is None, the end."""
    messages = [{"type": "http.request", "body": piece or b"", "more_body": piece is not None} for piece in pieces]
    left = [*messages, *rest]

    async def receive() -> Message:
        return left.pop(0) if left else await asyncio.sleep(60, {})

    return asyncio.run(body_of(Request({"type": "http"}, receive), Name, 50))


def test_a_body_in_pieces_is_read_whole() -> None:
    assert asked(b'{"name":', b' "Ann"}', None).name == "Ann"


def test_who_sends_too_slowly_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "_SLOWEST", 0.05)
    with pytest.raises(Refusal) as refused:
        asked(b'{"name":')
    assert refused.value.status_code == 408 and "within 0.05 seconds" in refused.value.english


def test_no_more_is_read_than_is_allowed() -> None:
    with pytest.raises(Refusal) as refused:
        asked(b" " * 30, b" " * 30)
    assert refused.value.status_code == 413 and "more than 50 bytes" in refused.value.english


@pytest.mark.parametrize(
    ("sent", "said"),
    [(b"{}", "name: Field required"), (b'{"name": 5}', "name: "), (b"{", "body: Invalid JSON"), (b"\xff", "body: ")],
)
def test_what_is_wrong_with_a_body_is_named(sent: bytes, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        asked(sent, None)
    assert refused.value.status_code == 422 and f"not understood: {said}" in refused.value.english


def test_a_client_that_goes_is_told_from_one_that_sends_nonsense() -> None:
    with pytest.raises(ClientDisconnect):
        asked(b"{", rest=[{"type": "http.disconnect"}])
