"""Writing files whole or not at all."""

import io
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from apsi.photo import Photo, require_photo


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` and renames it to `path` when the block ends well.

    A failed or killed write leaves the old file, if any, as it was. Who may read the new one is as for the old one, and
    where there is none as for any new file of this process (its umask).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}.tmp")
    temporary.touch(exist_ok=False)
    try:
        with suppress(FileNotFoundError):
            temporary.chmod(path.stat().st_mode & 0o777 | 0o600)  # its owner has to write it
        yield temporary
        temporary.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk does not say where it is full
        raise
    finally:
        temporary.unlink(missing_ok=True)


def link_or_copy(source: Path, target: Path) -> None:
    """Lets `target` be the same file as `source` where the file system can, else a copy of it; whole or not at all.

    Meant for files that are only ever replaced as a whole: what is written into one of the two shows in both.
    """
    if target.exists() and target.samefile(source):
        return
    with atomic(target) as temporary:
        temporary.unlink()
        try:
            os.link(source.resolve(), temporary)
        except OSError:  # another file system, or one without links
            shutil.copyfile(source, temporary)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def encode_png(photo: Photo, compression: int = 1) -> bytes:
    """PNG bytes of an RGB photo; lossless at every compression level (0 to 9)."""
    bgr = np.ascontiguousarray(require_photo(photo)[..., ::-1])
    _, data = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, compression])
    return data.tobytes()


def encode_jpeg(photo: Photo, quality: int = 85) -> bytes:
    """JPEG bytes of an RGB photo."""
    buffer = io.BytesIO()
    Image.fromarray(require_photo(photo)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def write_png(path: Path, photo: Photo) -> None:
    """Writes a photo losslessly and atomically; the name may hold any characters."""
    with atomic(path) as temporary:
        temporary.write_bytes(encode_png(photo))


def read_png(path: Path) -> Photo:
    """Reads back what `write_png` wrote, bit for bit."""
    data = np.fromfile(path, np.uint8)
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if bgr is None:
        raise OSError(f"{path} is not a whole PNG file; delete its folder and prepare the data again")
    return np.ascontiguousarray(bgr[..., ::-1])
