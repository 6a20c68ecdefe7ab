"""Weights & Biases: into files of the run's folder, without a network and without asking anybody."""

import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from apsi.errors import ApsiError
from apsi.tracking import wandb as module
from apsi.tracking.wandb import WandbTracker

pytest.importorskip("wandb")


@pytest.mark.parametrize(
    ("mode", "said"), [("online", "WANDB_API_KEY"), ("shared", "offline, online, disabled"), ("on", "WANDB_MODE=on")]
)
def test_what_could_not_record_is_told_before_anything_begins(
    mode: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(ApsiError, match=said):
        WandbTracker("apsi", None, None)


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ApsiError, match=r"apsi\[wandb\]"):
        WandbTracker("apsi", None, None)


def records(data: bytes) -> Iterator[bytes]:
    """The records of a file: in blocks of 32 KiB, in pieces with checksum, length and kind; the file has a header."""
    place, pieces = 7, b""
    while place + 7 <= len(data):
        if (left := 32768 - place % 32768) < 7:
            place += left
            continue
        length, kind = struct.unpack("<HB", data[place + 4 : place + 7])
        pieces += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            yield pieces
            pieces = b""


RECORDS = """
import socket, sys
from pathlib import Path
connect = socket.socket.connect
def refuse(self, address):
    if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
        print("asked", address); sys.stdout.flush()
    return connect(self, address)
socket.socket.connect = refuse
from apsi.photo.write import write_png
from apsi.tracking.wandb import WandbTracker
from tests.conftest import natural_photo
run = Path(sys.argv[1])
tracker = WandbTracker("apsi", None, 0.2)
tracker.start(run, "ppo seed 3", {"seed": "3"}, {"apsi.version": "1", "mlflow.note.content": "what it was"})
tracker.metrics({"eval/success_rate": 0.25}, 256)
write_png(run / "images" / "training" / "step_00000512.png", natural_photo(1))
tracker.metrics({"eval/success_rate": 0.5}, 512)
tracker.metrics({"seconds/train": 3.0}, 0)
tracker.finish("FINISHED")
print("records", tracker.folder)
"""


@pytest.mark.slow
def test_offline_it_records_into_the_runs_folder_and_asks_no_host(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RECORDS, str(tmp_path)]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": "."}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    assert "asked" not in done.stdout
    (file,) = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    assert {path.name for path in tmp_path.iterdir()} >= {"wandb", "images"}
    from wandb.proto import wandb_internal_pb2

    found: dict[str, list[str]] = {}
    for data in records(file.read_bytes()):
        record = wandb_internal_pb2.Record.FromString(data)
        for item in record.history.item:
            found.setdefault(item.key or "/".join(item.nested_key), []).append(item.value_json)
    assert found["eval/success_rate"] == ["0.25", "0.5"]
    assert found["timesteps"][:1] == ["256"]
    assert any("512" in value for value in found["timesteps"])
    assert "training" in "".join(found)
    assert found["system/process_memory_usage_megabytes"]
