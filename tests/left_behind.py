"""Runs and data as apsi leaves them, made in no time."""

import json
import os
import socket
import time
from pathlib import Path

from apsi.process import identity
from apsi.tracking.run_folder import RUNNING


def make_run(
    path: Path,
    *,
    status: str = "finished",
    days: float = 0,
    config: dict[str, object] | None = None,
    success: float | None = None,
    **record: object,
) -> Path:
    """The folder of a run that ended so many days ago.

    Args:
        path: `<output_dir>/<task>/<name>`.
        status: in its record.
        days: since its end.
        config: what it was run with.
        success: of its agent, where it was evaluated.
        record: more that its record holds.
    """
    (path / "checkpoints").mkdir(parents=True)
    (path / "checkpoints" / "best.zip").write_bytes(b"x" * 10_000)
    (path / ".lock").touch()
    (path / "config.yaml").write_text(json.dumps(config or {}))
    (path / "overrides.yaml").write_text("[]")
    if success is not None:
        figures = {"agent": {"success_rate": success, "mean_gain": 0.0}}
        (path / "summary.json").write_text(json.dumps({"policies": figures}))
    content = {"status": status, "host": socket.gethostname(), "process": identity()}
    if status != RUNNING:
        content["ended"] = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - days * 86400))
    (path / "run.json").write_text(json.dumps(content | record))
    return path


def make_data(path: Path, *, days: float = 0) -> Path:
    """A prepared data set that was used last so many days ago, `<data_dir>/prepared/<name>-<hash>`."""
    for split in ("train", "val", "test"):
        (path / split / "images").mkdir(parents=True)
        (path / split / "annotations.json").write_text("{}")
    os.utime(path, (time.time() - days * 86400,) * 2)
    return path
