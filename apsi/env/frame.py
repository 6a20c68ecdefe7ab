"""What `render` shows: the photo as it is, and beneath it what was done and what the juror says."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from apsi.photo import Photo
from apsi.photo.resample import resample

SIDE, CAPTION = 384, 56
"""pixels: a square for the photo, whatever its shape, and the lines of text beneath it"""
_LETTERS, _GAP = 16, 6


def frame(photo: Photo, *lines: str) -> Photo:
    """The photo, as large as it fits, above two lines of text: always `(SIDE + CAPTION, SIDE, 3)`, as films need it."""
    h, w = photo.shape[:2]
    scale = SIDE / max(h, w)
    fitted = resample(photo, max(1, round(w * scale)), max(1, round(h * scale)))
    picture = Image.new("RGB", (SIDE, SIDE + CAPTION), "white")
    picture.paste(Image.fromarray(fitted), ((SIDE - fitted.shape[1]) // 2, (SIDE - fitted.shape[0]) // 2))
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=_LETTERS)
    for i, line in enumerate(lines):
        draw.text((_GAP, SIDE + _GAP + i * (_LETTERS + _GAP)), line, fill="black", font=font)
    return np.array(picture, dtype=np.uint8)
