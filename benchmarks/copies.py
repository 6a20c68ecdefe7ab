"""How much faster the hashes by which copies are found come all at once than one by one, as ImageHash makes them.

Both are made of the same photos in turns and must be equal; the shortest of the rounds counts, in CPU time of this
process. The last line is JSON.

    python benchmarks/copies.py [--photos 100] [--side 128] [--rounds 5]
"""

import argparse
import json
import time
from collections.abc import Callable

import cv2
import imagehash
import numpy as np
from PIL import Image

from apsi.photo import Photo
from apsi.photo.alike import _CROPS, _crop, looks


def one_by_one(photo: Photo) -> list[int]:
    """The same hashes, each by ImageHash."""
    gray = Image.fromarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY))
    return [int(str(imagehash.phash(_crop(gray, *crop))), 16) for crop in _CROPS]


def milliseconds(work: Callable[[Photo], object], photos: list[Photo]) -> float:
    """CPU time for a photo."""
    began = time.process_time()
    for photo in photos:
        work(photo)
    return 1000 * (time.process_time() - began) / len(photos)


def main() -> None:
    """Measures both in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    size = (arguments.side, arguments.side, 3)
    photos = [cv2.GaussianBlur(rng.integers(0, 256, size, dtype=np.uint8), (0, 0), 2) for _ in range(arguments.photos)]
    if any(looks(photo).tolist() != one_by_one(photo) for photo in photos):
        raise SystemExit("the hashes differ")
    rounds = [(milliseconds(looks, photos), milliseconds(one_by_one, photos)) for _ in range(arguments.rounds)]
    at_once, singly = map(min, zip(*rounds, strict=True))
    print(f"all at once: {at_once:.2f} ms a photo; one by one: {singly:.2f} ms")
    figures = {"all_at_once_ms": at_once, "one_by_one_ms": singly, "ratio": singly / at_once}
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
