"""Ray Data, on this machine or on a cluster."""

import logging
import os
import pickle
import socket
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import PositiveInt

from apsi.errors import ApsiError
from apsi.preprocess.engine.base import Engine, R, T
from apsi.ray_connection import connect
from apsi.worker_pool.base import DEATHS, THREADS


class RayData(Engine):
    """Tasks of Ray Data; photos of a task whose worker died are done again.

    On a cluster, all nodes see the photos and `data_dir` under the same paths.

    Args:
        address: of a cluster; None: a Ray of its own on this machine that ends with the preparation.
        workers: tasks at a time; None: as many as Ray has cores.
        chunk_size: photos that a task takes at a time.
        memory_mb: megabytes of results that may wait to be taken.
    """

    def __init__(
        self, *, address: str | None, workers: PositiveInt | None, chunk_size: PositiveInt, memory_mb: PositiveInt
    ) -> None:
        self._address, self._workers, self._chunk_size, self._memory_mb = address, workers, chunk_size, memory_mb
        self._own: Any = None  # the Ray that was started here and is to be ended here

    def close(self) -> None:
        if self._own is not None:
            self._own.shutdown()
            self._own = None

    def _results(self, function: Callable[[T], R], items: Sequence[T]) -> Generator[R]:
        if not items:
            return
        ray, is_own = connect("preprocess.engine", self._address)
        if is_own:
            self._own = ray
        data = _ray_data(self._memory_mb)
        chunks = [
            {"items": pickle.dumps(items[start : start + self._chunk_size])}
            for start in range(0, len(items), self._chunk_size)
        ]
        workers = self._workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        with warnings.catch_warnings():
            # Ray Data starts tasks again without end unless told otherwise, and has no other way yet to be told
            warnings.filterwarnings("ignore", message="`ray_remote_args` is deprecated")
            done = data.from_items(chunks, override_num_blocks=len(chunks)).map(
                _Work(function, Path.cwd()),
                compute=data.TaskPoolStrategy(size=min(workers, len(chunks))),
                num_cpus=0,  # a worker pool on the same Ray may hold all cores while its photos are read
                runtime_env={"env_vars": dict.fromkeys(THREADS, "1")},
                max_retries=DEATHS - 1,
            )
        rows = iter(done.iter_rows())
        try:
            for row in rows:
                yield from _opened(pickle.loads(row["results"]))  # from our own workers
        except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
            raise ApsiError(
                f"{DEATHS} Ray workers died over the same {self._chunk_size} photos ({error}); preprocess/engine=local "
                "shows what is wrong with them, a smaller preprocess.engine.chunk_size takes less memory"
            ) from error
        finally:
            del rows  # ends the work


class _Work:
    """The worker's side: errors of the function are returned, so that an exception always means a lost worker."""

    def __init__(self, function: Callable[[Any], Any], folder: Path) -> None:
        self._function, self._folder = function, folder

    def __call__(self, row: dict[str, Any]) -> dict[str, bytes]:
        done: list[Any] = []
        error: Exception | None = None
        try:
            self._enter_folder()
            for item in pickle.loads(row["items"]):  # from our own driver
                done.append(self._function(item))
        except Exception as raised:
            error = _picklable(raised)
        return {"results": pickle.dumps((done, error))}

    def _enter_folder(self) -> None:
        """Paths mean here what they mean to who asks."""
        try:
            os.chdir(self._folder)
        except OSError as error:
            raise ApsiError(
                f"a Ray worker on {socket.gethostname()} does not see {self._folder} ({error.strerror}); all nodes "
                "must share the file system; or choose preprocess/engine=local"
            ) from error


def _opened(answer: tuple[list[Any], Exception | None]) -> Iterator[Any]:
    done, error = answer
    yield from done
    if error is not None:
        raise error


def _picklable(error: Exception) -> Exception:
    """The error itself, or its traceback where it can't be pickled."""
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    except Exception:  # whatever its constructor makes of its arguments
        pass
    return RuntimeError("".join(traceback.format_exception(error)))


def _ray_data(memory_mb: int) -> Any:
    """Ray Data that keeps the order, pauses at so many megabytes of results and prints nothing."""
    from ray import data

    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = True
    context.execution_options.resource_limits = data.ExecutionResources.for_limits(
        object_store_memory=memory_mb * 1_000_000
    )
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.CRITICAL)
    return data
