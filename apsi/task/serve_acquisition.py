"""The acquisition service."""

import logging
from pathlib import Path
from typing import Annotated

from filelock import FileLock, Timeout
from omegaconf import DictConfig
from pydantic import Field, PositiveInt

from apsi.acquire.base import Acquire
from apsi.errors import ApsiError
from apsi.task.rehearse import require_writable
from apsi.tracking.run_folder import RunFolder

log = logging.getLogger(__name__)


def serve_acquisition(
    config: DictConfig,
    folder: RunFolder,
    *,
    host: str,
    port: Annotated[int, Field(ge=0, lt=65536)],
    root: str,
    database: str,
    max_running: PositiveInt,
    max_queue: PositiveInt,
    allowed_hosts: list[str],
    types: dict[str, Acquire],
    copies: Acquire,
) -> dict[str, int]:
    """Gets photos for other machines until Ctrl-C or SIGTERM; returns how many jobs are in each state.

    On an address that other machines can reach, clients need the token that the environment variable
    `APSI_ACQUISITION_TOKEN` holds.
    """
    try:
        from apsi.access_token import ACQUISITION_VARIABLE, require_token, token_from_environment
        from apsi.acquire.direct import require_httpx
        from apsi.monitoring.metrics import METRICS
        from apsi.serve.acquisition.app import Service, make_app
        from apsi.serve.acquisition.jobs import Jobs
        from apsi.serve.acquisition.runner import Runner
        from apsi.web.door import Door
        from apsi.web.listening import listen, run
    except ImportError as error:
        raise ApsiError(
            f"task=serve_acquisition needs more packages ({error.name}): pip install 'apsi[acquire]'"
        ) from error

    require_httpx()
    token = token_from_environment(ACQUISITION_VARIABLE)
    place, table = Path(root).expanduser(), Path(database).expanduser()
    require_writable("task.root", root)
    with listen(host, port) as listener:
        address, real_port = listener.getsockname()[:2]
        require_token(address, token, ACQUISITION_VARIABLE)
        place.mkdir(parents=True, exist_ok=True)
        try:
            only = FileLock(table.with_name(f".{table.name}.lock"))
            table.parent.mkdir(parents=True, exist_ok=True)
            only.acquire(timeout=0)
        except Timeout as error:
            raise ApsiError(f"another service works on task.database={table}; choose another one for this") from error
        jobs = Jobs(table)
        runner = Runner(jobs, place, types, copies, max_running)
        app = make_app(
            Service(jobs, runner, place, max_queue, tuple(types)),
            Door(host, real_port, token, tuple(allowed_hosts)),
            METRICS,
        )
        log.info("Acquisition service on http://%s:%d, for %s; Ctrl-C stops it", address, real_port, place)
        try:
            run(app, listener, patience=10)
            counts = jobs.count()
        finally:
            jobs.close()
            only.release()
        log.info("Stopped")
        return counts
