"""What every task does around its own work: record the run, end the record as the run ended, take the time."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from omegaconf import DictConfig, OmegaConf

from apsi.errors import ApsiError
from apsi.instantiate import instantiate
from apsi.preprocess.pipeline import Prepared
from apsi.run_folder import RunFolder
from apsi.search.trial import Pruned
from apsi.tracking.base import FAILED, FINISHED, KILLED, Tracker

log = logging.getLogger(__name__)

_TAG_LENGTH = 5000  # that MLflow takes


@contextmanager
def tracked(config: DictConfig, folder: RunFolder) -> Iterator[Tracker]:
    """The configured tracker with a run begun; it ends FAILED on an error, KILLED on Ctrl-C or when it is pruned."""
    tracker: Tracker = instantiate(config.tracking)
    tracker.start(folder.path, f"{folder.path.parent.name}/{folder.path.name}", *_described(config, folder))
    try:
        for name in ("config.yaml", "overrides.yaml", "run.json", "git.diff"):
            if (folder.path / name).exists():
                tracker.artifact(folder.path / name)
        yield tracker
    except BaseException as error:
        try:
            _finish(tracker, folder, KILLED if isinstance(error, KeyboardInterrupt | Pruned) else FAILED)
        except (ApsiError, OSError) as further:
            log.warning("%s", further)  # the first error is the one to report
        raise
    _finish(tracker, folder, FINISHED)


def _finish(tracker: Tracker, folder: RunFolder, status: str) -> None:
    try:
        if (folder.path / "run.log").exists():
            tracker.artifact(folder.path / "run.log")
    finally:
        tracker.finish(status)


def _described(config: DictConfig, folder: RunFolder) -> tuple[dict[str, str], dict[str, str]]:
    """Params: the flat configuration and the chosen options. Tags: code, versions, machine."""
    record = folder.record()
    git = record["git"]
    params = flat(config) | {f"choices.{group}": option for group, option in record["choices"].items()}
    tags = {
        "apsi.folder": str(folder.path.resolve()),
        "apsi.version": record["apsi"],
        "apsi.command": record["command"],
        "apsi.overrides": " ".join(OmegaConf.load(folder.path / "overrides.yaml")),
        "apsi.device": instantiate(config.device).open(),
        "apsi.git.dirty": str(git["dirty"]),
        "mlflow.source.git.commit": str(git["commit"]),
        **{f"apsi.{name}": record[name] for name in ("host", "python", "platform", "rerun_of") if name in record},
        **{f"apsi.library.{name}": str(version) for name, version in record["libraries"].items()},
    }
    if config.search.parent_run is not None:
        tags |= {"mlflow.parentRunId": config.search.parent_run, "apsi.trial": str(config.search.trial)}
    return params, {name: str(value)[:_TAG_LENGTH] for name, value in tags.items()}


def flat(config: DictConfig) -> dict[str, str]:
    """The configuration as one level of dotted keys."""

    def walk(value: Any, prefix: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                yield from walk(inner, f"{prefix}.{key}" if prefix else str(key))
        else:
            yield prefix, str(value)

    return dict(walk(OmegaConf.to_container(config, resolve=True), ""))


@contextmanager
def timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    """Puts the seconds that the block takes into `seconds[part]`."""
    began = time.monotonic()
    yield
    seconds[part] = round(time.monotonic() - began, 2)


def report_prepared(prepared: Prepared) -> dict[str, int]:
    """Says what was prepared and what was left out, and returns the numbers."""
    numbers = {"skipped_files": len(prepared.skipped)}
    for name in ("train", "val", "test"):
        split = prepared.load(name)
        numbers[f"{name}_episodes"], numbers[f"{name}_dropped"] = len(split.episodes), split.dropped
    sizes = ", ".join(f"{numbers[f'{name}_episodes']} {name}" for name in ("train", "val", "test"))
    dropped = sum(numbers[f"{name}_dropped"] for name in ("train", "val", "test"))
    log.info("Prepared %s episodes in %s", sizes, prepared.folder)
    if dropped:
        log.info("Dropped %d degraded photos that score no worse than their originals", dropped)
    if prepared.skipped:
        log.warning("Skipped %d files; reasons in %s", len(prepared.skipped), prepared.folder / "skipped.csv")
    return numbers
