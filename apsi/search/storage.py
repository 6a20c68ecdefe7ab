"""The storage of a search's trials: a file, or a database that several machines share."""

import logging
import socket
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from apsi.errors import ApsiError
from apsi.process import identity, is_alive

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.storages import RDBStorage
    from optuna.trial import Trial, TrialState

log = logging.getLogger(__name__)

HEARTBEAT, SILENCE = 20, 120
"""seconds between heartbeats of a running trial; after this long without one it is considered dead"""
RETRIES = 3
"""how often a trial is retried after its process has died"""
_LOCK = 0x61707369  # advisory lock of a PostgreSQL database, held while trials are assigned


def storage_url(text: str | None, output_dir: Path) -> str:
    """The storage as SQLAlchemy's URL; a sqlite file in `output_dir` where none is named.

    Raises:
        ApsiError: it is no URL of a sqlite file or a PostgreSQL database, or holds a password.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    if text is None:
        output_dir.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{output_dir.resolve() / 'search.db'}"
    place = "hydra.sweeper.storage"
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise ApsiError(f"{place} is no URL; write postgresql://USER@HOST:PORT/DATABASE or sqlite:////PATH") from error
    if url.password is not None or "password" in url.query:
        raise ApsiError(
            f"{place}={url.set(password='***', query={})}: a password would be written into the record of every run. "
            "Leave it out and put it into ~/.pgpass or the environment variable PGPASSWORD"
        )
    kind = url.get_backend_name()
    if kind == "sqlite" and url.database and url.database != ":memory:":
        path = Path(url.database).expanduser().resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{path}"
    if kind == "postgresql":
        return str(url.set(drivername="postgresql+psycopg"))
    raise ApsiError(f"{place}={text} must be a sqlite file or a PostgreSQL database, that other processes reach too")


def open_storage(url: str, *, make: bool = False) -> "RDBStorage":
    """Opens the storage, and makes its tables where `make` says so."""
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback

    warnings.filterwarnings("ignore", category=ExperimentalWarning)  # the versions that are known to work are pinned
    return RDBStorage(
        url,
        engine_kwargs={"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {"pool_pre_ping": True},
        heartbeat_interval=HEARTBEAT,
        grace_period=SILENCE,
        heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=RETRIES),
        skip_table_creation=not make,
    )


@contextmanager
def reachable(url: str) -> Iterator[None]:
    """Turns errors of the storage, and a missing package for it, into an error that says what to do."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    place = f"hydra.sweeper.storage={url}"
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        raise ApsiError(f"{place} needs more packages (psycopg): pip install 'apsi[postgresql]'") from error
    except (SQLAlchemyError, StorageInternalError) as error:
        first = str(error.__cause__ or error).strip().splitlines()[0]
        raise ApsiError(
            f"{place} can't be used: {first}. Trials that were done are kept; run the same again"
        ) from error


@contextmanager
def alone(url: str) -> Iterator[None]:
    """Makes all other sweeps on this storage wait, on other machines too; released if the process dies."""
    from sqlalchemy import NullPool, create_engine, make_url, text

    where = make_url(url)
    if where.get_backend_name() == "sqlite":
        with FileLock(f"{where.database}.lock"):
            yield
        return
    with create_engine(where, poolclass=NullPool).begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        yield


def started(study: "Study") -> int:
    """Number of trials that were started; a retried trial counts once, and not while it waits."""
    from optuna.storages import RetryHeartbeatStaleTrialCallback
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    repeated = {number for trial in trials for number in RetryHeartbeatStaleTrialCallback.retry_history(trial)}
    return sum(trial.state != TrialState.WAITING and trial.number not in repeated for trial in trials)


def claim(
    study: "Study", storage: "RDBStorage", space: "dict[str, BaseDistribution]", total: int, at_most: int
) -> "list[Trial]":
    """Starts as many trials as are left to do, retries first; call it within `alone`."""
    close_dead(study, storage)
    count = max(0, min(at_most, total - started(study)))
    trials = []
    for _ in range(count):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # heartbeats are sent by `heartbeats`
            trial = study.ask()
        trial.set_user_attr("process", [socket.gethostname(), *identity()])
        trial.set_user_attr("error", None)
        trials.append(trial)
        for name, distribution in space.items():
            _suggest(trial, name, distribution)
    return trials


def _suggest(trial: "Trial", name: str, within: "BaseDistribution") -> None:
    # after the trial was marked with this process; `study.ask(fixed_distributions)` would sample before that
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match within:
        case CategoricalDistribution():
            trial.suggest_categorical(name, within.choices)
        case IntDistribution():
            trial.suggest_int(name, within.low, within.high, step=within.step, log=within.log)
        case FloatDistribution():
            trial.suggest_float(name, within.low, within.high, step=within.step, log=within.log)


def close_dead(study: "Study", storage: "RDBStorage") -> None:
    """Closes trials whose sweep died: at once on this machine, after `SILENCE` on others; they will be retried."""
    import optuna

    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        host, *process = trial.user_attrs.get("process", [None])
        if host == socket.gethostname() and not is_alive(*process):
            close(study, storage, trial.number, "the process that ran it died")
    optuna.storages.fail_stale_trials(study)


def close(study: "Study", storage: "RDBStorage", number: int, error: str) -> None:
    """Ends a running trial as FAIL and queues a retry, unless it was retried `RETRIES` times."""
    from optuna.storages import RetryHeartbeatStaleTrialCallback
    from optuna.trial import TrialState

    trial = study.get_trials(deepcopy=False)[number]
    if trial.state != TrialState.RUNNING:
        return  # another machine considered it dead and has queued a retry
    fail(study, storage, number, error)
    RetryHeartbeatStaleTrialCallback(max_retry=RETRIES)(study, study.get_trials()[number])
    log.info("Trial %d is closed: %s", number, error)


def fail(study: "Study", storage: "RDBStorage", number: int, error: str) -> None:
    """Ends a running trial as FAIL, with the reason."""
    from optuna.trial import TrialState

    storage.set_trial_user_attr(_id(study, storage, number), "error", error)
    tell(study, number, TrialState.FAIL)


def tell(study: "Study", number: int, state: "TrialState", values: Sequence[float] | None = None) -> None:
    """Ends a running trial; one that another machine has closed stays as it is."""
    try:
        study.tell(number, values, state, skip_if_finished=True)
    except RuntimeError as error:
        if "Study.stop" not in str(error):  # which the grid sampler calls when all is tried; the trial is recorded
            raise


@contextmanager
def heartbeats(study: "Study", storage: "RDBStorage", trials: "Sequence[Trial]") -> Iterator[None]:
    """Sends heartbeats for these trials during the block, so that other machines see them alive."""
    from optuna.exceptions import StorageInternalError

    ids, stop = [_id(study, storage, trial.number) for trial in trials], threading.Event()

    def beat() -> None:
        while True:
            for trial_id in ids:
                try:
                    storage.record_heartbeat(trial_id)
                except StorageInternalError as error:
                    log.warning("The storage does not answer: %s", error)
            if stop.wait(HEARTBEAT):
                return

    thread = threading.Thread(target=beat, name="heartbeats", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _id(study: "Study", storage: "RDBStorage", number: int) -> int:
    """The id of a trial in the storage."""
    return storage.get_trial_id_from_study_id_trial_number(storage.get_study_id_from_name(study.study_name), number)
