"""How far two photos are apart."""

import numpy as np

from apsi.photo import Bools, Photo
from apsi.photo.resample import resample


def mean_difference(photo: Photo, original: Photo) -> float:
    """Mean absolute difference in [0, 1]; the original is resized where the sizes differ."""
    return float(np.abs(photo.astype(np.int16) - _alike(original, photo)).mean() / 255)


def colour_difference(photo: Photo, original: Photo) -> float:
    """Mean CIEDE2000 of two photos of one size; about 1 is just noticeable (Sharma, Wu, Dalal 2005)."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    one, other = (rgb2lab(pixels.astype(np.float32) / 255) for pixels in (photo, original))
    return float(deltaE_ciede2000(one, other).mean())


def clipped(photo: Photo) -> Bools:
    """Which pixels have a channel at 0 or 255, `(H, W)`."""
    pixels: Bools = ((photo == 0) | (photo == 255)).any(axis=2)
    return pixels


def newly_clipped(photo: Photo, original: Photo) -> float:
    """Share of the pixels that are clipped and were not; the original is resized where the sizes differ."""
    return float((clipped(photo) & ~clipped(_alike(original, photo))).mean())


def _alike(original: Photo, photo: Photo) -> Photo:
    return resample(original, photo.shape[1], photo.shape[0])
