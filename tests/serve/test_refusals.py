"""Refused requests are logged, and no client writes into the log."""

import time

import httpx
import numpy as np
import pytest

from tests.serve.servers import served
from tests.serve.test_app import _npy, post
from tests.worker_pool.fragile import Fragile


def test_refusals_are_logged_in_one_plain_line_and_at_most_one_a_second(caplog: pytest.LogCaptureFixture) -> None:
    with served(Fragile()) as url:
        caplog.clear()
        forged = np.zeros(2, [("\n2027 ERROR \x1b[31mdisk", "u1")])
        refused = httpx.post(f"{url}/score", content=_npy(forged), headers={"X-Forwarded-For": "9.9.9.9"})
        assert refused.status_code == 400
        for _ in range(5):
            assert httpx.get(f"{url}/nowhere%0Aforged").status_code == 404
        time.sleep(1)
        assert post(url, b"hello").status_code == 400
    lines = [record.getMessage() for record in caplog.records if "Refused" in record.getMessage()]
    assert len(lines) == 2
    assert lines[0].startswith("Refused a request of 127.0.0.1: 400, file 0 can't be scored: a photo is")
    assert "not an image" in lines[1] and "5 more" in lines[1]
    assert all(line.isprintable() and line.isascii() and len(line) < 350 for line in lines)
