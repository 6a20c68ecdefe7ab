"""Parts of JPEG files without compressing them anew: their blocks of coefficients are written as they were.

Blocks begin on a grid of 8 or 16 pixels (ITU-T T.81, A.2), so the part keeps its size, and with it its ratio, and moves
to the nearest place on the grid: by at most 15 pixels. What comes out is decoded and held against the photo.
"""

import logging
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from apsi.photo.box import as_stored
from apsi.photo.depth import DeepPhoto
from apsi.photo.file import read_file
from apsi.photo.full_size import TURNS, PhotoFile
from apsi.photo.jpeg import Baseline, baseline_of
from apsi.photo.metadata import metadata_of, stored_orientation
from apsi.photo.read import MAX_PIXELS, UnreadablePhotoError, decoding, max_file_bytes, opened

KEPT = "Cut without compressing it anew: its pixels are those of the original."
MOVED = (
    "Cut without compressing it anew: its pixels are those of the original. For that the part lies up to 15 pixels "
    "beside where it was asked for, where JPEG's blocks begin."
)
NOT_INSTALLED = (
    "Compressed anew with the photo's own quantisation tables, as the extra 'lossless' is not installed: pip install "
    "'apsi[lossless]'."
)
OTHER_KIND = (
    "Compressed anew with the photo's own quantisation tables, as a JPEG of its kind (progressive, gray, or of rare "
    "colours or subsampling) is not cut without."
)
TOO_SMALL = (
    "Compressed anew with the photo's own quantisation tables, as the photo is small: where JPEG's blocks begin is "
    "more than a hundredth of its side beside where the part was asked for."
)
TOO_LARGE = "Compressed anew with the photo's own quantisation tables, as it has more than 60 million pixels."
FAILED = "Compressed anew with the photo's own quantisation tables, as cutting it without did not work."
REMARKS = (KEPT, MOVED, NOT_INSTALLED, OTHER_KIND, TOO_SMALL, TOO_LARGE, FAILED)

_LARGEST = 60_000_000  # pixels: cutting them takes up to 21 bytes each, in the other process
_FARTHEST = 100  # times as long is a side as the part may move along it
_EDGE = 16  # pixels at the sides of a part that decoders mix with those beyond
_SECONDS, _PIXELS_A_SECOND = 60, 250_000  # that the program is given, on the slowest of machines
log = logging.getLogger(__name__)


class NotCutError(Exception):
    """The part can't be written without compressing it anew; the message is the remark that says why."""


def cut_jpeg(
    photo: PhotoFile, part: tuple[int, int, int, int], strip_gps: bool = False
) -> tuple[bytes, DeepPhoto, str]:
    """A part of a JPEG file with the coefficients that it had, turned by EXIF as the file was.

    Args:
        photo: as read; its file is read again.
        part: left, top, right and bottom in `photo.pixels`.
        strip_gps: leave out where it was taken.

    Returns:
        The file's bytes, its pixels upright, and a remark: `KEPT` or `MOVED`.

    Raises:
        NotCutError: it has to be compressed anew.
    """
    if find_spec("jpeglib") is None:
        raise NotCutError(NOT_INSTALLED)
    height, width = photo.pixels.shape[:2]
    if height * width > _LARGEST:
        raise NotCutError(TOO_LARGE)
    try:
        data = read_file(photo.path, max_file_bytes(MAX_PIXELS))
    except OSError as error:
        raise _failed(photo, error) from error
    source, turn = baseline_of(data), stored_orientation(data)
    if source is None:
        raise NotCutError(OTHER_KIND)
    if (source.width, source.height) != ((height, width) if turn >= 5 else (width, height)):
        raise _failed(photo, "the file is another now")
    left, top, right, bottom = map(int, as_stored(part, turn, width, height))
    size = right - left, bottom - top
    x, y = _on_grid(left, size[0], source.width, source.across), _on_grid(top, size[1], source.height, source.down)
    if abs(x - left) * _FARTHEST > source.width or abs(y - top) * _FARTHEST > source.height:
        raise NotCutError(TOO_SMALL)
    try:
        with decoding(height * width):
            made = baseline_of(_cut(source, x, y, *size))
            with opened(data, ("JPEG",)) as image:
                metadata = metadata_of(image, data).of_edited(*size, strip_gps, upright=False)
            if made is None or (made.width, made.height) != size:
                raise _failed(photo, "the part has another size")
            whole = made.data[:2] + metadata.jpeg_segments() + made.data[2:]
            with opened(whole, ("JPEG",)) as image:
                pixels = np.ascontiguousarray(TURNS.get(turn, lambda a: a)(np.asarray(image)))
    except (OSError, subprocess.SubprocessError, UnreadablePhotoError) as error:
        raise _failed(photo, error) from error
    back = {6: 8, 8: 6}.get(turn, turn)
    left, top, right, bottom = map(int, as_stored((x, y, x + size[0], y + size[1]), back, source.width, source.height))
    inside = np.s_[_EDGE:-_EDGE, _EDGE:-_EDGE]
    if stored_orientation(whole) != turn or pixels.shape != (bottom - top, right - left, 3):
        raise _failed(photo, "the part is turned otherwise")
    if not np.array_equal(pixels[inside], photo.pixels[top:bottom, left:right][inside]):
        raise _failed(photo, "the part has other pixels")
    return whole, pixels, KEPT if (left, top) == part[:2] else MOVED


def _failed(photo: PhotoFile, why: object) -> NotCutError:
    if isinstance(why, subprocess.CalledProcessError) and why.stderr:
        why = why.stderr.decode(errors="replace").strip().splitlines()[-1]
    log.warning("%s can't be cut without compressing it anew: %s", photo.path.name, why)
    return NotCutError(FAILED)


def _on_grid(start: int, size: int, side: int, step: int) -> int:
    """The nearest beginning of a block where the part still lies in the photo."""
    return min((start + step // 2) // step * step, (side - size) // step * step)


def _cut(source: Baseline, left: int, top: int, width: int, height: int) -> bytes:
    """The blocks of a part, cut in another process.

    Raises:
        OSError, SubprocessError: it did not end well, or in time.
    """
    with tempfile.TemporaryDirectory(prefix="apsi-") as name:
        folder = Path(name)
        (folder / "source.jpg").write_bytes(source.data)
        program = Path(__file__).with_name("lossless_worker.py")
        words = [folder / "source.jpg", folder / "part.jpg", left, top, width, height]
        subprocess.run(
            [sys.executable, "-P", str(program), *map(str, words)],  # -P: the modules beside it are not for import
            env=os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), name),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_SECONDS + source.width * source.height / _PIXELS_A_SECOND,
        )
        return read_file(folder / "part.jpg", 2 * len(source.data) + 64 * 1024)
