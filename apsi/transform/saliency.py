"""Where people probably look in a photo."""

import cv2
import numpy as np

from apsi.photo import Floats, Photo
from apsi.photo.resample import resample
from apsi.transform.detail import REFERENCE_SIDE

_SIDE = 64  # longer side, in pixels, on which photos are looked at
_BLUR = 2.5  # of those pixels
_CENTRE = 0.2  # standard deviation of the bias to the centre, in sides of the photo


def saliency(photo: Photo) -> Floats:
    """How much each part of a photo attracts the eye, `(h, w)` with a longer side of at most 64, 1 in all.

    The spectral residual (Hou and Zhang, "Saliency detection: a spectral residual approach", CVPR 2007), weighed by
    how near to the centre a part is, which says as much about where people look as the residual does.
    """
    # by way of the size at which agents see photos: the residual magnifies what another way of shrinking leaves
    small = _shrink(photo, REFERENCE_SIDE / min(photo.shape[:2]))
    small = _shrink(small, _SIDE / max(small.shape[:2]))
    spectrum = np.fft.fft2(cv2.cvtColor(np.ascontiguousarray(small), cv2.COLOR_RGB2GRAY).astype(np.float64))
    logarithm = np.log(np.abs(spectrum) + 1e-6)
    residual = logarithm - cv2.blur(logarithm, (3, 3), borderType=cv2.BORDER_REPLICATE)
    stands_out = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    stands_out = cv2.GaussianBlur(stands_out, (0, 0), _BLUR, borderType=cv2.BORDER_REFLECT)
    h, w = stands_out.shape
    down, across = ((np.arange(n) + 0.5) / n - 0.5 for n in (h, w))
    stands_out = stands_out * np.exp(-(down[:, None] ** 2 + across**2) / (2 * _CENTRE**2))
    looks: Floats = stands_out / stands_out.sum()
    return looks


def _shrink(photo: Photo, scale: float) -> Photo:
    height, width = photo.shape[:2]
    scale = min(1.0, scale)
    return resample(photo, max(1, round(width * scale)), max(1, round(height * scale)))
