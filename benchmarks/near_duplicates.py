"""Which copies of photos are found and which are missed, and how many different photos are taken for copies.

Photos are looked at as `preprocess.steps.split.near_duplicates` does, at the default working size. Of every fourth one
copies are made at full size: saved again as JPEG, resized, cropped. All pairs of different photos are tried as well.
Seconds are those of the processor. The last line is JSON.

    python benchmarks/near_duplicates.py --photos PHOTOS [--every 4]
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from apsi.config.compose import load_config
from apsi.photo import Photo, alike
from apsi.photo.read import read_photo
from apsi.photo.resample import fit, resample

SHARES = (0.02, 0.05, 0.1, 0.15, 0.2)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="folder of different photos")
    parser.add_argument("--every", type=int, default=4, help="of so many photos one is copied")
    options = parser.parse_args()
    if options.photos is None:
        print(json.dumps({"skipped": "name a folder of photos with --photos"}))
        return
    size = load_config([]).preprocess.steps.resize
    photos = [read_photo(path) for path in sorted(options.photos.iterdir()) if path.suffix.lower() in (".jpg", ".png")]
    small = [fit(photo, size.size, size.mode) for photo in photos]
    began = time.process_time()
    looks = np.array([alike.looks(photo) for photo in small])
    looked = time.process_time() - began
    outlines = [alike.outline(photo) for photo in small]
    alike_by_mistake = sum(alike.is_copy(outlines[i], outlines[j]) for i, j in alike.candidates(looks))
    missed = {
        kind: sum(
            not is_found(looks[i], outlines[i], fit(copy(photos[i]), size.size, size.mode))
            for i in range(0, len(photos), options.every)
        )
        for kind, copy in COPIES.items()
    }
    figures = {
        "photos": len(photos),
        "pairs": len(photos) * (len(photos) - 1) // 2,
        "taken_for_copies": alike_by_mistake,
        "copies": len(range(0, len(photos), options.every)),
        "missed": missed,
        "cpu_milliseconds_a_photo": round(1000 * looked / len(photos), 2),
    }
    print(json.dumps(figures, indent=1))
    print(json.dumps(figures))


def is_found(looks: alike.Looks, outline: alike.Outline, copy: Photo) -> bool:
    """Whether a copy is taken for one."""
    both = np.array([looks, alike.looks(copy)])
    return bool(list(alike.candidates(both))) and alike.is_copy(outline, alike.outline(copy))


def saved_again(photo: Photo) -> Photo:
    """As JPEG of quality 30."""
    data = cv2.imencode(".jpg", photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1], np.uint8)


def resized(by: float) -> Callable[[Photo], Photo]:
    """To a share of its sides."""
    return lambda photo: resample(photo, round(by * photo.shape[1]), round(by * photo.shape[0]))


def cropped(share: float, both: bool = False) -> Callable[[Photo], Photo]:
    """Without a share of the height at the bottom or, where it is of both sides, of the width at the right too."""

    def crop(photo: Photo) -> Photo:
        height, width = photo.shape[:2]
        kept = photo[: height - round(share * height)]
        return np.ascontiguousarray(kept[:, : width - round(share * width)] if both else kept)

    return crop


COPIES: dict[str, Callable[[Photo], Photo]] = {
    "saved again at JPEG quality 30": saved_again,
    "halved": resized(0.5),
    "a quarter as wide": resized(0.25),
    "doubled": resized(2),
    "without 10% at the bottom": cropped(0.1),
    **{f"without {share:.0%} at the bottom and at the right": cropped(share, both=True) for share in SHARES},
}
"""By what is said of them"""


if __name__ == "__main__":
    main()
