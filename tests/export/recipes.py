"""Photos, colours and recipes that exports are tried on."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from skimage.data import coffee

from apsi.export.colours import ColourEdit
from apsi.photo import Photo
from apsi.transform.adjust import Adjust
from apsi.transform.base import Transform
from apsi.transform.catalogue import by_label, catalogue

PHOTO: Photo = np.ascontiguousarray(coffee()[::4, ::4])
COLOURS: Photo = np.random.default_rng(1).integers(0, 256, (128, 128, 3), dtype=np.uint8)

PER_CHANNEL = ("exposure", "contrast", "gamma", "temperature", "tint")
FOR_A_PHOTO = ("white_balance", "auto_contrast", "gamma_auto")
SPATIAL = [
    label for label in catalogue() if label.startswith(("blur_", "sharpen_", "crop_", "flip_", "shift_", "level_"))
]
SPATIAL += ["unsharp", "clarity", "clahe"]

per_channel_steps = st.one_of(
    st.builds(Adjust, st.sampled_from(PER_CHANNEL), st.floats(-1, 1)),
    st.sampled_from([by_label(label) for label in (*FOR_A_PHOTO, "invert_r", "brightness_up", "warmth")]),
)
colour_steps = st.one_of(
    per_channel_steps,
    st.builds(Adjust, st.sampled_from(("saturation", "vibrance")), st.floats(-1, 1)),
    st.sampled_from([by_label(label) for label in ("swap_rb", "gray_luma", "gray_mean")]),
)
spatial_steps = st.sampled_from([by_label(label) for label in SPATIAL])


def edit(*labels: str) -> ColourEdit:
    """These steps, which are all functions of colours."""
    return ColourEdit(tuple(by_label(label) for label in labels))


@dataclass(frozen=True)
class Brightest(Transform):
    """Divides by the photo's highest value, which it does not let be fixed."""

    label = "brightest"
    advice = "Let the lights shine."

    def __call__(self, photo: Photo) -> Photo:
        return (photo.astype(np.uint32) * 255 // max(int(photo.max()), 1)).astype(np.uint8)
