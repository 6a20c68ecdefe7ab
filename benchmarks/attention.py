"""Which share of what people looked at is kept by crops that follow a map of where they probably look.

The crop is the box of 65 % and of 50 % of the photo that has the most of the map (`apsi.transform.best_box`), in the
photo's own shape and in any shape from 1:2 to 2:1. Photos are those of the folder that the weights of
`apsi.transform.saliency` were not fitted on (`held_out`), the fixations those of all persons; intervals are by photo.
`crop_thirds` has 64 % of the photo. The second table says how alike maps are after an edit: what two maps share (1 for
the same map), and the intersection over union of the boxes of 65 %. The last line is JSON.

    python benchmarks/attention.py --photos PHOTOS --fixations FILE [--fitted]

FILE is JSON: name of the photo -> persons -> fixations -> x and y as shares of the sides.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from apsi.crops.metrics import overlap
from apsi.evaluate.framing import Fixations, kept, read_fixations
from apsi.interval import Sample, difference_interval, interval_text, mean_interval
from apsi.photo import Floats, Photo
from apsi.photo.box import ORIGINAL, Box, Ratio
from apsi.photo.faces import find_faces, has_detector
from apsi.photo.read import read_photo
from apsi.transform.best_box import best_box
from apsi.transform.catalogue import by_label
from apsi.transform.crop import CropThirds
from apsi.transform.saliency import centre_bias, held_out, saliency, spectral_residual

AREAS = 0.65, 0.5
SHAPES: dict[str, Ratio | None] = {"own": ORIGINAL, "any": None}
DRAWS = 50  # random boxes a photo
COMPARED = "centre", "residual x centre", "saliency"
EDITS = (
    *("exposure_up", "exposure_down", "contrast_up", "contrast_down", "saturation_up", "saturation_down", "warmth"),
    *("white_balance", "gray_luma", "sharpen_4", "blur_gauss_5", "clahe"),
)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="folder")
    parser.add_argument("--fixations", type=Path, help="JSON file")
    parser.add_argument("--fitted", action="store_true", help="measure on the photos that the weights were fitted on")
    options = parser.parse_args()
    if options.photos is None or options.fixations is None:
        print(json.dumps({"skipped": "name a folder of photos with --photos and a file with --fixations"}))
        return
    seen = read_fixations(str(options.fixations))
    names = sorted(name for name in seen if held_out(name) != options.fitted)
    photos = {name: read_photo(options.photos / name) for name in names}
    figures: dict[str, object] = {"photos": len(names), "fitted": options.fitted, "faces": has_detector()}
    for area in AREAS:
        for shape in SHAPES:
            figures[f"{area:.2f} {shape}"] = table(area, shape, photos, seen)
    thirds = [kept(seen[name], CropThirds().part_of(photos[name])) for name in names]
    figures["crop_thirds"] = figure(thirds, names)
    print(f"crop_thirds {text(thirds, names)}")
    figures["edits"] = edits(list(photos.values()))
    print(json.dumps(figures))


def table(area: float, shape: str, photos: dict[str, Photo], seen: Fixations) -> dict[str, object]:
    """Shares kept by the crops of each map, printed too."""
    ratio, names = SHAPES[shape], list(photos)
    shares = {
        label: [kept(seen[name], best_box(look(photos[name]), area, ratio)) for name in names]
        for label, look in maps().items()
    }
    rng = np.random.default_rng(0)
    shares["random"] = [
        float(np.mean([kept(seen[name], anywhere(area, ratio is None, rng)) for _ in range(DRAWS)])) for name in names
    ]
    shares["oracle"] = [kept(seen[name], best_box(where(seen[name], photos[name]), area, ratio)) for name in names]
    print(f"{area:.0%} of the photo, {shape} shape, {len(names)} photos")
    rows = {}
    for label, values in shares.items():
        rows[label] = figure(values, names)
        print(f"  {label:20} {text(values, names)}")
    for label in ("saliency", "with faces"):
        for other in COMPARED:
            if label in shares and label != other:
                first, second = sample(shares[other], names), sample(shares[label], names)
                low_high = difference_interval(first, second, rates=False)
                rows[f"{label} - {other}"] = [second.mean - first.mean, *(low_high or ())]
                print(f"  {label} - {other}: {second.mean - first.mean:+.4f} ({interval_text(low_high, '+.4f')})")
    return rows


def maps() -> dict[str, Callable[[Photo], Floats]]:
    """Of where people look, by name."""
    known: dict[str, Callable[[Photo], Floats]] = {
        "centre": lambda photo: centre_bias(*saliency(photo).shape),
        "residual": spectral_residual,
        "residual x centre": residual_by_centre,
        "saliency": saliency,
    }
    if has_detector():
        known["with faces"] = lambda photo: saliency(photo, find_faces(photo))
    return known


def residual_by_centre(photo: Photo) -> Floats:
    """What stands out by its spectrum, weighed by how near to the centre it is."""
    residual = spectral_residual(photo)
    return residual * centre_bias(*residual.shape)


def where(points: Floats, photo: Photo) -> Floats:
    """The fixations themselves, in cells of 4 x 4 pixels."""
    bins = (max(1, photo.shape[0] // 4), max(1, photo.shape[1] // 4))
    counts: Floats = np.histogram2d(points[:, 1], points[:, 0], bins=bins, range=((0, 1), (0, 1)))[0]
    return counts


def anywhere(area: float, of_any_shape: bool, rng: np.random.Generator) -> Box:
    """A random box, its width drawn on a logarithmic scale."""
    width = area ** rng.uniform(0, 1) if of_any_shape else np.sqrt(area)
    height = area / width
    x, y = rng.uniform(0, 1, 2) * (1 - width, 1 - height)
    return Box(x, y, x + width, y + height)


def sample(values: list[float], names: list[str]) -> Sample:
    """One figure a photo."""
    return Sample.of([values], [names])


def figure(values: list[float], names: list[str]) -> list[float]:
    """Mean, and the ends of its interval."""
    return [float(np.mean(values)), *(mean_interval(sample(values, names)) or ())]


def text(values: list[float], names: list[str]) -> str:
    """The same to read."""
    return f"{np.mean(values):.4f} ({interval_text(mean_interval(sample(values, names)), '.4f')})"


def edits(photos: list[Photo]) -> dict[str, dict[str, list[float]]]:
    """How alike maps, and boxes of 65 %, are before and after each edit; printed too."""
    alike: dict[str, dict[str, list[float]]] = {}
    for name, look in (("saliency", saliency), ("residual x centre", residual_by_centre)):
        print(f"after an edit, {name}: maps share; boxes share")
        before = [look(photo) / look(photo).sum() for photo in photos]
        boxes = [best_box(looks, AREAS[0]) for looks in before]
        alike[name] = {}
        for label in EDITS:
            after = [look(by_label(label)(photo)) for photo in photos]
            common = np.mean([np.minimum(a, b / b.sum()).sum() for a, b in zip(before, after, strict=True)])
            union = [
                overlap(box.array[None], best_box(looks, AREAS[0]).array[None])
                for box, looks in zip(boxes, after, strict=True)
            ]
            alike[name][label] = [float(common), float(np.mean(union))]
            print(f"  {label:20} {common:.3f} {np.mean(union):.3f}")
    return alike


if __name__ == "__main__":
    main()
