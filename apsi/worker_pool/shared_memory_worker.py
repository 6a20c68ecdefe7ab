"""The worker's side of `shared_memory`."""

import contextlib
import os
import pickle
import threading
import traceback
from multiprocessing import connection, parent_process
from multiprocessing.shared_memory import SharedMemory

import numpy as np

from apsi.errors import ApsiError
from apsi.juror.base import Juror
from apsi.photo import Photo

Row = tuple[int, int, int]
"""Where a photo begins in the slab, its height, its width"""


def view(slab: SharedMemory, row: Row) -> Photo:
    """A photo in the slab, not copied."""
    start, height, width = row
    return np.ndarray((height, width, 3), np.uint8, slab.buf, start)


def work(pipe: connection.Connection, pickled: bytes) -> None:
    """Loads the juror, then scores the photos that the pipe names until it is closed."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    slab: SharedMemory | None = None
    try:
        juror: Juror = pickle.loads(pickled)  # from our own parent
        juror.warm_up()
        pipe.send_bytes(b"r")
        while True:
            data = pipe.recv_bytes()
            name = data[:64].decode().rstrip()
            if slab is None or slab.name != name:
                if slab is not None:
                    slab.close()
                slab = SharedMemory(name)
            rows = np.frombuffer(data[64:], np.int64).reshape(-1, 3).tolist()
            photos = [view(slab, (start, height, width)) for start, height, width in rows]
            for photo in photos:
                photo.flags.writeable = False
            scores = juror.score(photos)
            del photos, photo
            pipe.send_bytes(b"s" + np.ascontiguousarray(scores, np.float64).tobytes())
    except (EOFError, BrokenPipeError):
        pass
    except Exception as error:
        said = str(error) if isinstance(error, ApsiError) else traceback.format_exc()
        with contextlib.suppress(OSError):
            pipe.send_bytes((b"a" if isinstance(error, ApsiError) else b"e") + said.encode())


def _die_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
