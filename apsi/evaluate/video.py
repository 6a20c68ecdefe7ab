"""A video of pictures, as MP4 (H.264) that browsers play."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from apsi.photo.write import atomic, read_png

_RATE = 10
"""Frames per second; most repeat the one before, as some players fail at very low frame rates"""


def write_video(path: Path, pictures: Sequence[Path], seconds: float = 0.5) -> None:
    """Shows PNG files one after another; smaller ones are at the top left of a white frame.

    Args:
        path: the MP4 file, written whole or not at all.
        pictures: one or more.
        seconds: how long each is shown; the last one five times as long.
    """
    import av  # brings its own encoder

    sizes = [_size(picture) for picture in pictures]
    width, height = (-(-max(side) // 2) * 2 for side in zip(*sizes, strict=True))  # H.264 wants even sides
    times = max(1, round(seconds * _RATE))
    with atomic(path) as temporary, av.open(str(temporary), "w", format="mp4") as video:
        stream = video.add_stream("libx264", rate=_RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for i, picture in enumerate(pictures):
            photo = read_png(picture)
            image = np.full((height, width, 3), 255, np.uint8)
            image[: photo.shape[0], : photo.shape[1]] = photo
            for _ in range(times * (5 if i == len(pictures) - 1 else 1)):
                video.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        video.mux(stream.encode())


def _size(picture: Path) -> tuple[int, int]:
    with Image.open(picture) as image:
        return image.size
