"""A server for the tests of downloads."""

from collections.abc import Iterator

import pytest

from tests.acquire.servers import Files, serving


@pytest.fixture(scope="module")
def _server() -> Iterator[Files]:
    with serving() as files:
        yield files


@pytest.fixture
def server(_server: Files) -> Files:
    return _server
