"""SQLite without waiting for the disk: only a power cut would tell the difference, and MLflow's tables take seconds."""

import sqlite3

from sqlalchemy import event
from sqlalchemy.engine import Engine


def wait_for_no_disk() -> None:
    """From now on, for every database that this process opens through SQLAlchemy, as MLflow and Optuna do."""

    @event.listens_for(Engine, "connect")
    def connected(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=OFF")
