"""Where people probably look in a photo."""

import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

import cv2
import numpy as np

from apsi.photo import Floats, Photo
from apsi.photo.resample import resample
from apsi.transform.detail import REFERENCE_SIDE

_SIDE = 64  # longer side, in cells, of what is returned; photos are looked at at twice that
_BLUR = 2.5  # of those cells, of the spectral residual
_CENTRE = 0.2  # standard deviation of the bias to the centre, in sides of the photo
_FACES, _OF_FACE = 0.15, 0.7  # of all looks that faces add, where there are any; width of what they are added to


def saliency(photo: Photo, faces: Floats | None = None) -> Floats:
    """How much each part of a photo attracts the eye, `(h, w)` with a longer side of at most 64, 1 in all.

    A log-linear model: the logarithm is a weighted sum of `features` and of powers of the place in the photo. Its
    weights, in `saliency.json`, are the most likely ones for the fixations of OSIE (Xu et al., "Predicting human gaze
    beyond pixels", Journal of Vision 2014) on the photos that are not `held_out`; MODEL_CARD.md says
    how good they are.

    Args:
        photo: `(H, W, 3)` `uint8` RGB.
        faces: `(n, 4)`: x1, y1, x2, y2 as shares of the sides, as `apsi.photo.faces.find_faces` gives them.
    """
    found = features(photo)
    weights = _weights()
    logarithm = sum(weights[name] * feature for name, feature in {**found, **places(*found["corners"].shape)}.items())
    looks: Floats = np.exp(logarithm - np.max(logarithm))
    looks /= looks.sum()
    if faces is None or not len(faces):
        return looks
    at_faces = np.mean([_at_face(face, *looks.shape) for face in faces], axis=0)
    return np.asarray((1 - _FACES) * looks + _FACES * at_faces)


def features(photo: Photo) -> dict[str, Floats]:
    """What attracts the eye or not, each `(h, w)`: logarithms of amounts, as shares of their means over the photo.

    - `corners`: lightness changes in all directions, as in details, letters and eyes, and not along one edge only (the
      smaller eigenvalue of the structure tensor; Shi and Tomasi, "Good features to track", CVPR 1994).
    - `unlike_border`: how far the colour is from those along the border (Mahalanobis distance).
    - `contrast`, `redder`: the colour beside its surroundings, four times as wide, in all channels of CIELAB and in a*
      alone (as in Itti, Koch, Niebur, "A model of saliency-based visual attention for rapid scene analysis", 1998).
    - `sharp`: fine detail as a share of all.
    - `clutter`: how much the lightness varies around; people look less where it does.
    """
    lab = cv2.cvtColor(_working_size(photo).astype(np.float32) / 255, cv2.COLOR_RGB2LAB) / 100
    light, red, _ = channels = [np.ascontiguousarray(channel) for channel in np.moveaxis(lab, 2, 0)]
    height, width = light.shape
    h, w = max(1, round(height / 2)), max(1, round(width / 2))
    across, down = (
        cv2.Sobel(light, cv2.CV_32F, *order, scale=0.25, borderType=cv2.BORDER_REFLECT) for order in ((1, 0), (0, 1))
    )
    xx, yy, xy = _blur(across**2, 2), _blur(down**2, 2), _blur(across * down, 2)
    corners = np.sqrt(np.maximum(0, (xx + yy) / 2 - np.sqrt((xx - yy) ** 2 / 4 + xy**2)))
    fine = np.abs(cv2.Laplacian(light, cv2.CV_32F, borderType=cv2.BORDER_REFLECT))
    steps = np.hypot(across, down)
    off = [_blur(channel, 4) - _blur(channel, 16) for channel in channels]
    small = cv2.resize(lab, (w, h), interpolation=cv2.INTER_AREA).reshape(h, w, 3)
    small_light = np.ascontiguousarray(small[..., 0])
    varies = np.sqrt(np.maximum(0, _blur(small_light**2, 3) - _blur(small_light, 3) ** 2))
    return {
        "corners": _blur(_logarithm(_shrink_to(corners, h, w), 0.001), 2).astype(np.float64),
        "unlike_border": _blur(_logarithm(_unlike_border(small), 0.1), 2).astype(np.float64),
        "contrast": _logarithm(_shrink_to(np.sqrt(sum(each**2 for each in off)), h, w), 0.005),
        "redder": _logarithm(_shrink_to(np.maximum(0, _blur(red, 2) - _blur(red, 8)), h, w), 0.003),
        "sharp": _logarithm(_shrink_to(_blur(fine, 4) / (_blur(steps, 4) + 0.01), h, w), 0.05),
        "clutter": _logarithm(varies, 0.01),
    }


def places(h: int, w: int) -> dict[str, Floats]:
    """Powers of the place in the photo, -1 to 1 from side to side, each `(h, w)`: people look near the centre."""
    y, x = ((2 * np.arange(n) + 1) / n - 1 for n in (h, w))
    x, y = np.broadcast_to(x, (h, w)), np.broadcast_to(y[:, None], (h, w))
    return {"x^2": x**2, "y": y, "y^2": y**2, "x^4": x**4, "y^4": y**4}


def held_out(name: str) -> bool:
    """Whether a photo of OSIE is none of those that the weights were fitted on, and may be used to measure with.

    Args:
        name: of the file, such as `1001.jpg`; those whose SHA-256 is an even number are held out, 118 of the first 250.
    """
    return hashlib.sha256(name.encode()).digest()[-1] % 2 == 0


def spectral_residual(photo: Photo) -> Floats:
    """What stands out by its spectrum alone, without a bias to the centre, for comparison; shaped like `saliency`.

    Hou and Zhang, "Saliency detection: a spectral residual approach", CVPR 2007.
    """
    # by way of the size at which agents see photos: the residual magnifies what another way of shrinking leaves
    small = _scaled(photo, min(1.0, REFERENCE_SIDE / min(photo.shape[:2])))
    small = _scaled(small, min(1.0, _SIDE / max(small.shape[:2])))
    spectrum = np.fft.fft2(cv2.cvtColor(np.ascontiguousarray(small), cv2.COLOR_RGB2GRAY).astype(np.float64))
    logarithm = np.log(np.abs(spectrum) + 1e-6)
    residual = logarithm - cv2.blur(logarithm, (3, 3), borderType=cv2.BORDER_REPLICATE)
    stands_out = _blur(np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2, _BLUR)
    looks: Floats = stands_out / stands_out.sum()
    return looks


def centre_bias(h: int, w: int) -> Floats:
    """A Gaussian around the centre, `(h, w)`, 1 in all: what is known of a photo that was not looked at."""
    down, across = ((np.arange(n) + 0.5) / n - 0.5 for n in (h, w))
    bias: Floats = np.exp(-(down[:, None] ** 2 + across**2) / (2 * _CENTRE**2))
    bias /= bias.sum()
    return bias


@cache
def _weights() -> dict[str, float]:
    """Of the features and the powers of the place."""
    weights: dict[str, float] = json.loads(files("apsi.transform").joinpath("saliency.json").read_text())["weights"]
    return weights


def _working_size(photo: Photo) -> Photo:
    """By way of the size at which agents see photos, so that a photo and its enlargement look alike."""
    small = _scaled(photo, min(1.0, REFERENCE_SIDE / min(photo.shape[:2])))
    return np.ascontiguousarray(_scaled(small, 2 * _SIDE / max(small.shape[:2])))


def _scaled(photo: Photo, scale: float) -> Photo:
    height, width = photo.shape[:2]
    return resample(photo, max(1, round(width * scale)), max(1, round(height * scale)))


def _blur(values: Any, sigma: float) -> Any:
    return cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


def _shrink_to(values: Any, h: int, w: int) -> Any:
    return cv2.resize(values, (w, h), interpolation=cv2.INTER_AREA)


def _logarithm(amounts: Any, little: float) -> Any:
    """Flat where there is `little` everywhere, and the same whatever the contrast of the photo."""
    return np.log(amounts / (amounts.mean() + little) + 0.1)


def _unlike_border(lab: Any) -> Any:
    h, w = lab.shape[:2]
    rim = max(1, min(h, w) // 12)
    inside = np.zeros((h, w), bool)
    inside[rim:-rim, rim:-rim] = True
    border = lab[~inside].astype(np.float64)
    spread = np.cov(border.T, bias=True) + 1e-3 * np.eye(3)
    off = lab.reshape(-1, 3) - border.mean(axis=0)
    return np.sqrt(np.einsum("ij,jk,ik->i", off, np.linalg.inv(spread), off)).reshape(h, w)


def _at_face(face: Floats, h: int, w: int) -> Floats:
    """An ellipse within the face, `(h, w)`, 1 in all; of a face smaller than a cell, that cell."""
    x1, y1, x2, y2 = face
    across, down = (
        ((np.arange(n) + 0.5) / n - (low + high) / 2) / max(_OF_FACE * (high - low) / 2, 0.75 / n)
        for n, low, high in ((w, x1, x2), (h, y1, y2))
    )
    looks: Floats = (down[:, None] ** 2 + across**2 <= 1).astype(np.float64)
    looks /= looks.sum()
    return looks
