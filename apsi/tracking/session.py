"""What every task does around its own work: record the run, end the record as the run ended, take the time."""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from omegaconf import DictConfig

from apsi.config.trackers import open_tracker
from apsi.dataset.choose import reasons
from apsi.errors import ApsiError, Pruned
from apsi.monitoring.metrics import METRICS
from apsi.photo.write import write_text
from apsi.preprocess.base import SPLITS
from apsi.preprocess.copies import COPIES
from apsi.preprocess.statistics import score_statistics
from apsi.preprocess.steps import Prepared
from apsi.tracking import run_folder
from apsi.tracking.base import FAILED, FINISHED, KILLED, Tracker
from apsi.tracking.description import params_and_tags, run_name
from apsi.tracking.run_folder import RunFolder

log = logging.getLogger(__name__)

TIMINGS, SCORES = "timings.json", "scores.json"
"""In the run's folder: seconds by step of preparing, and how the scores are distributed"""

_ENDED = {FINISHED: run_folder.FINISHED, FAILED: run_folder.FAILED, KILLED: run_folder.INTERRUPTED}


@contextmanager
def tracked(config: DictConfig, folder: RunFolder, section: str = "") -> Iterator[Tracker]:
    """The configured tracker with a run begun; it ends FAILED on an error, KILLED on Ctrl-C or when it is pruned.

    A run that ends with an error for the user before it recorded a data set or a figure, such as a folder without
    photos, is no run and leaves no record.

    Args:
        config: a whole configuration.
        folder: of the run; all files in it are recorded at the end.
        section: what the run is kept apart with, such as `evaluations`; empty for trainings.
    """
    tracker: Tracker = open_tracker(config)
    section = "searches" if config.search.trial is not None else section
    choices = folder.record()["choices"]
    tracker.start(folder.path, run_name(config, choices), *params_and_tags(config, folder), section=section)
    try:
        tracker.files()
        yield tracker
    except BaseException as error:
        status = KILLED if isinstance(error, KeyboardInterrupt | Pruned) else FAILED
        try:
            if not (isinstance(error, ApsiError) and tracker.discard()):
                _finish(tracker, folder, status)
        except (ApsiError, OSError) as further:
            log.warning("%s", further)  # the first error is the one to report
        raise
    _finish(tracker, folder, FINISHED)


def _finish(tracker: Tracker, folder: RunFolder, status: str) -> None:
    folder.finish(_ENDED[status])  # before its record is sent
    try:
        tracker.files()
    finally:
        tracker.finish(status)


@contextmanager
def timed(seconds: dict[str, float], part: str, tracker: Tracker | None = None) -> Iterator[None]:
    """Puts the seconds that the block takes into `seconds[part]`, and where there is a tracker into its record."""
    began = time.monotonic()
    with METRICS.phase(part):
        yield
    seconds[part] = round(time.monotonic() - began, 2)
    if tracker is not None:
        tracker.metrics({f"seconds/{part}": seconds[part]}, 0)


def record_prepared(numbers: Mapping[str, int], folder: RunFolder, tracker: Tracker) -> None:
    """Records what `report_prepared` returned, and what it wrote into the run's folder."""
    found = {f"data/{name}": float(value) for name, value in numbers.items()}
    timings = json.loads((folder.path / TIMINGS).read_text(encoding="utf-8"))
    found |= {f"seconds/prepare_{step}": value for step, value in timings.items()}
    for split, kinds in json.loads((folder.path / SCORES).read_text(encoding="utf-8")).items():
        for kind, statistics in kinds.items():
            found |= {f"scores/{split}_{kind}_{name}": value for name, value in statistics.items()}
    tracker.metrics(found, 0)


def report_prepared(prepared: Prepared, folder: RunFolder) -> dict[str, int]:
    """Says what was prepared and what was left out, notes where it lies, and returns the numbers.

    How long each step took and how the scores are distributed stand in `timings.json` and `scores.json` then.
    """
    known = folder.record().get("prepared", [])
    folder.note(prepared=[*known, str(prepared.folder.resolve())])  # which task=clean leaves as long as the run stays
    numbers = {"skipped_files": len(prepared.skipped), "near_duplicates": len(prepared.copies)}
    numbers["left_out_photos"] = sum(prepared.left_out.values())
    splits = {name: prepared.load(name) for name in SPLITS}
    for name, split in splits.items():
        numbers[f"{name}_episodes"], numbers[f"{name}_dropped"] = len(split.episodes), split.dropped
    sizes = ", ".join(f"{numbers[f'{name}_episodes']} {name}" for name in SPLITS)
    dropped = sum(numbers[f"{name}_dropped"] for name in SPLITS)
    log.info("Prepared %s episodes in %s", sizes, prepared.folder)
    if dropped:
        log.info("Dropped %d degraded photos that score no worse than their originals", dropped)
    if prepared.copies:
        listed = prepared.folder / COPIES
        log.info("%d photos are copies of others and stay in their split; listed in %s", len(prepared.copies), listed)
    if prepared.left_out:
        log.info("Not taken of the data set: %s", reasons(prepared.left_out))
    if prepared.skipped:
        log.warning("Skipped %d files; reasons in %s", len(prepared.skipped), prepared.folder / "skipped.csv")
    write_text(folder.path / SCORES, json.dumps(score_statistics(splits), indent=1))
    _add_timings(folder, prepared.seconds)
    return numbers


def _add_timings(folder: RunFolder, seconds: Mapping[str, float]) -> None:
    """Adds seconds to what `timings.json` holds of earlier attempts at the run, or of its other folds."""
    path = folder.path / TIMINGS
    known: dict[str, float] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    total = {step: round(known.get(step, 0.0) + seconds.get(step, 0.0), 3) for step in {**known, **seconds}}
    write_text(path, json.dumps(total, indent=1))
