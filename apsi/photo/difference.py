"""How far two photos are apart."""

import numpy as np

from apsi.photo import Photo
from apsi.photo.resample import resample


def mean_difference(photo: Photo, original: Photo) -> float:
    """Mean absolute difference in [0, 1]; the original is resized where the sizes differ."""
    if photo.shape != original.shape:
        original = resample(original, photo.shape[1], photo.shape[0])
    return float(np.abs(photo.astype(np.int16) - original).mean() / 255)
