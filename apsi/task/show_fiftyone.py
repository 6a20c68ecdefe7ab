"""FiftyOne's app on a data set."""

import logging
import socket
from functools import partialmethod
from pathlib import Path
from typing import Annotated

from omegaconf import DictConfig
from pydantic import Field

from apsi.dataset.fiftyone_database import LOOPBACK, load_dataset, open_fiftyone
from apsi.errors import ApsiError
from apsi.task.export_fiftyone import DATABASE
from apsi.tracking.run_folder import RunFolder

log = logging.getLogger(__name__)

_PATIENCE = 300
"""Seconds until the app has to listen"""


def show_fiftyone(
    config: DictConfig, folder: RunFolder, *, name: str, port: Annotated[int, Field(gt=0, lt=65536)]
) -> dict[str, str]:
    """Opens the app until Ctrl-C or SIGTERM, for this machine only: it asks for no password.

    Raises:
        ApsiError: FiftyOne can't be used, there is no such data set, or the port is taken.
    """
    folder.note(housekeeping=True)  # `latest` keeps pointing to the latest result
    fiftyone = open_fiftyone(Path(config.data_dir) / DATABASE)
    dataset = load_dataset(fiftyone, name)
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError as error:
        raise ApsiError(f"task.port={port}: can't listen there ({error.strerror}); choose another") from error
    from fiftyone.core.service import ServerService, ServiceListenTimeout

    waiting = ServerService._wait_for_child_port  # noqa: SLF001 - a minute, which a busy machine does not do with
    ServerService._wait_for_child_port = partialmethod(waiting, timeout=_PATIENCE)  # noqa: SLF001
    try:
        session = fiftyone.launch_app(dataset, port=port, address=LOOPBACK, remote=True, auto=False)
    except ServiceListenTimeout as error:
        raise ApsiError(f"FiftyOne's app did not begin to listen within {_PATIENCE} seconds: {error}") from error
    log.info("FiftyOne shows %s at http://%s:%d; Ctrl-C stops it", name, LOOPBACK, port)
    try:
        session.wait(-1)
    except KeyboardInterrupt:
        log.info("Stopped")
    finally:
        fiftyone.close_app()
    return {"name": name}
