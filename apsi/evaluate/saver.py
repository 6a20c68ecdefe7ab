"""Pictures written in the background."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import BoundedSemaphore
from types import TracebackType
from typing import Self

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.write import write_png

log = logging.getLogger(__name__)


class ImageSaver:
    """Writes pictures in a background thread, in order; a context manager that waits for all of them at its end.

    Everything passed to `save` is written, also when the block ends with an error or Ctrl-C.

    Args:
        max_waiting: length of the queue; when it is full, `save` waits.
    """

    def __init__(self, max_waiting: int = 8) -> None:
        self._room = BoundedSemaphore(max_waiting)
        self._thread = ThreadPoolExecutor(1, "pictures")  # Python waits for it before it exits
        self._closed = False
        self._error: tuple[Path, Exception] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except Exception as further:
            if error is None:
                raise
            if further is not error:
                log.warning("%s", further)  # the first error is the one to report

    def save(self, path: Path, picture: Photo) -> None:
        """Accepts a picture to be written to `path` as PNG; it must not be changed afterwards.

        Raises:
            ApsiError: an earlier picture could not be written, or the saver is closed.
        """
        self._raise()
        if self._closed:
            raise ApsiError(f"{path} can't be saved: the saver is closed")
        self._room.acquire()
        self._thread.submit(self._write, path, picture)

    def close(self) -> None:
        """Waits until everything is written; may be called twice.

        Raises:
            ApsiError: a picture could not be written.
        """
        self._closed = True
        self._thread.shutdown()
        self._raise()

    def _write(self, path: Path, picture: Photo) -> None:
        try:
            write_png(path, picture)
        except Exception as error:  # of any kind: raised at the next `save`, or at the end
            self._error = self._error or (path, error)  # the others are still tried
        finally:
            self._room.release()

    def _raise(self) -> None:
        if self._error is None:
            return
        path, error = self._error
        if not isinstance(error, OSError):
            raise error
        raise ApsiError(
            f"the picture {path} can't be written: {error.strerror or error}. Make room, or set output_dir to another "
            "disk, then run again; train.images=0 and evaluate.images=0 leave pictures out"
        ) from error
