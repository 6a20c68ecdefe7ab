"""How exact look-up tables are, and how long they take.

Random recipes of one to four colour steps of `transform=sensible`, each for one of the sample photos; every table is a
lattice, also where a table a channel would be exact. Differences are of 255 levels, on that photo (512 pixels) and on
random colours; the last line is JSON.

    python benchmarks/export.py [--recipes 40]
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.export.base import Export
from apsi.export.colours import ColourEdit
from apsi.export.cube import Cube
from apsi.export.hald import Hald
from apsi.export.lut import apply_lut, exactness, lattice, per_channel
from apsi.export.steps import steps_of
from apsi.photo.read import read_photo
from apsi.photo.resample import fit
from apsi.transform.recipe import Recipe

POINTS = {"cube": 52, "cube, points=86": 86, "hald": 64}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", type=int, default=40, help="of each length")
    options = parser.parse_args()
    config = load_config(["transform=sensible"])
    photos = [fit(read_photo(file.path), 512, "longest_side") for file in instantiate(config.dataset).listing().files]
    labels = list(config.transform.labels)
    colours = [label for label in labels if next(steps_of(Recipe.of([label]), photos[0])).reason is None]
    rng = np.random.default_rng(0)
    found: dict[str, object] = {"steps": colours}
    for n in range(1, 5):
        differences: dict[str, list[tuple[int, float]]] = {name: [] for name in POINTS}
        exact = 0
        for i in range(options.recipes):
            photo, recipe = photos[i % len(photos)], Recipe.of(rng.choice(colours, n, replace=False).tolist())
            edit = ColourEdit.of_steps(list(steps_of(recipe, photo)))
            exact += per_channel(edit) is not None
            for name, points in POINTS.items():
                lut = lattice(edit, points)
                off = np.abs(apply_lut(lut, photo).astype(int) - recipe(photo))
                differences[name].append((max(int(off.max()), exactness(lut, edit).largest), float(off.mean())))
        found[f"{n} steps"] = {"exact as a table a channel": exact / options.recipes} | {
            name: {
                "largest": max(largest for largest, _ in values),
                "within 2": sum(largest <= 2 for largest, _ in values) / len(values),
                "mean on photos": round(statistics.mean(mean for _, mean in values), 2),
            }
            for name, values in differences.items()
        }
    exports: dict[str, Export] = {"cube": Cube(52, always_3d=False), "hald": Hald(8)}
    recipe = Recipe.of(["saturation_up_weak", "contrast_up_weak", "warmth", "vibrance"])
    with tempfile.TemporaryDirectory() as folder:
        for name, export in exports.items():
            start = time.perf_counter()
            export.write(recipe, photos[0], Path(folder), "it")
            found[f"seconds of {name}"] = round(time.perf_counter() - start, 2)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
