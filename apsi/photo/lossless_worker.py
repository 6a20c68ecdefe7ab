"""Cuts the blocks of a JPEG file: a program of its own, as a decoder in C may end with what it is given.

`python lossless_worker.py SOURCE TARGET LEFT TOP WIDTH HEIGHT`, in pixels, where left and top begin blocks of every
component; `apsi.photo.lossless` has looked at the headers before.
"""

import sys

import jpeglib
import numpy as np

_LIBRARY = "turbo210"  # the newest of those in the package that decoders of today are made of


def cut(source: str, target: str, *, left: int, top: int, width: int, height: int) -> None:
    """Writes the blocks of a part, coefficient by coefficient as they were."""
    jpeglib.version.set(_LIBRARY)
    image = jpeglib.read_dct(source)
    factors = np.asarray(image.samp_factor)  # of each component, down and across
    most_down, most_across = factors.max(axis=0).tolist()
    parts = []
    for blocks, (down, across) in zip((image.Y, image.Cb, image.Cr), factors.tolist(), strict=True):
        row, column = top * down // (8 * most_down), left * across // (8 * most_across)
        rows, columns = -(-height * down // (8 * most_down)), -(-width * across // (8 * most_across))
        parts.append(np.ascontiguousarray(blocks[row : row + rows, column : column + columns]))
    made = jpeglib.from_dct(*parts, qt=image.qt, quant_tbl_no=image.quant_tbl_no)
    del image
    made.width, made.height, made.samp_factor = width, height, factors
    made.write_dct(target, flags=["+OPTIMIZE_CODING"])


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[3:7]]
    cut(*sys.argv[1:3], left=numbers[0], top=numbers[1], width=numbers[2], height=numbers[3])
