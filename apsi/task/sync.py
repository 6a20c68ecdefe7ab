"""Sending to MLflow what it has not received yet."""

import logging
from pathlib import Path

from filelock import Timeout
from omegaconf import DictConfig

from apsi.console import track
from apsi.errors import ApsiError
from apsi.task import builds
from apsi.tracking.base import KILLED
from apsi.tracking.journal import files_to_record, journals_below
from apsi.tracking.mlflow_store import MlflowStore
from apsi.tracking.run_folder import RunFolder
from apsi.tracking.sender import send_now

log = logging.getLogger(__name__)


@builds("tracking")
def sync(config: DictConfig, folder: RunFolder) -> dict[str, int]:
    """Sends the journals below `output_dir`, each where its run was recorded; returns how many runs and entries.

    A run whose process was killed is ended as KILLED; one that is still running is skipped.

    Raises:
        ApsiError: some could not be sent; the others were.
    """
    waiting = [journal for journal in journals_below(Path(config.output_dir).expanduser()) if journal.waits()]
    sent = {"runs": 0, "entries": 0}
    problems = []
    for journal in track(waiting, "Sending to MLflow", len(waiting)):
        try:
            with journal.owner:
                header = journal.header
                journal.drop_cut_off_line()
                if "status" not in journal.last():
                    for entry in files_to_record(journal.run_folder):
                        journal.append(entry)
                    journal.append({"status": KILLED, "ms": int(journal.path.stat().st_mtime * 1000)})
                sent["entries"] += send_now(journal, MlflowStore(header.uri, journal.run_folder), header.run_id)
                sent["runs"] += 1
        except Timeout:
            log.info("%s is still running and sends its own", journal.run_folder)
        except ApsiError as error:
            problems.append(str(error))
    log.info("Sent %d entries of %d runs", sent["entries"], sent["runs"])
    if problems:
        raise ApsiError(f"{len(problems)} of {len(waiting)} runs could not be sent. The first: {problems[0]}")
    return sent
