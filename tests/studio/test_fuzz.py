"""A thousand damaged, odd and hostile files, uploaded: an answer or one clear sentence each, and nothing is left."""

import logging
import os

import psutil
import pytest

from tests.advise.hostile import hostile_files
from tests.studio.conftest import Served, send, settle


def upload_all(count: int, served: Served) -> tuple[int, int]:
    """Sends so many files; how many were edited, and how many were answered with a sentence."""
    edited = refused = 0
    for name, data in hostile_files(count):
        with served.client() as client:
            answer = send(client, data, name)
            assert answer.status_code in (201, 400, 413, 415, 422), (name, answer.status_code, answer.text)
            if answer.status_code == 201:
                found = settle(client, answer)
                said = "" if found["stage"] == "edited" else str(found["said"])
                client.delete(f"/advice/photos/{answer.json()['id']}")
            else:
                said = str(answer.json()["detail"])
                assert said, name
            edited, refused = edited + (not said), refused + bool(said)
            assert "Traceback" not in said and "\n" not in said and len(said) < 400, (name, said)
    return edited, refused


@pytest.mark.parametrize("count", [20, pytest.param(1000, marks=pytest.mark.slow)])
def test_hostile_uploads_are_answered_and_leave_nothing(
    count: int, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    before = psutil.Process(os.getpid()).memory_info().rss  # of all that this process has run
    with caplog.at_level(logging.ERROR):
        edited, refused = upload_all(count, served)
    assert edited + refused == count and refused > 10
    assert not [record for record in caplog.records if not record.name.startswith("PIL")]
    assert [path.name for path in served.folder.iterdir()] == ["owner.json"]
    assert psutil.Process(os.getpid()).memory_info().rss < before + 1e9
