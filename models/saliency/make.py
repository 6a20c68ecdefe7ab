"""Fits the weights of `apsi/transform/saliency.py` to where people looked.

    python models/saliency/make.py --photos DIR --fixations FILE [--out apsi/transform/saliency.json]

FILE is JSON: name of the photo -> persons -> fixations -> x and y as shares of the sides (more numbers are ignored).
Photos whose name is held out (`apsi.transform.saliency.held_out`) are not opened. The most likely weights are found by
Newton's method, with a small ridge on the features; how likely they make fixations is also told for photos that they
were not fitted on, in five folds. The file holds the same numbers after each run on the same machine.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np

from apsi.evaluate.framing import read_fixations
from apsi.photo import Floats
from apsi.photo.read import read_photo
from apsi.transform.saliency import features, held_out, places

RIDGE = 0.01  # on the features divided by their standard deviation
FOLDS = 5
STEPS = 20


def main() -> None:
    """Fits, tells and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--fixations", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    fixations = read_fixations(str(options.fixations))
    names = sorted(name for name in fixations if not held_out(name))
    seen, inputs = [], []
    for name in names:
        found = features(read_photo(options.photos / name))
        h, w = found["corners"].shape
        parts = {**found, **places(h, w)}
        x, y = fixations[name].T
        counts = np.histogram2d(y, x, bins=(h, w), range=((0, 1), (0, 1)))[0].ravel()
        seen.append(counts / counts.sum())
        inputs.append(np.stack([part.ravel() for part in parts.values()], axis=1))
    ridges = np.array([RIDGE if part in found else 0.0 for part in parts])
    fold = np.array([hashlib.sha256(b"fold" + name.encode()).digest()[-1] % FOLDS for name in names])
    gains = []
    for left_out in range(FOLDS):
        weights = fit(*rows(inputs, seen, fold != left_out), ridges)
        gains += [gain(weights, *pair) for pair in zip(*rows(inputs, seen, fold == left_out), strict=True)]
    weights = fit(inputs, seen, ridges)
    print(f"{len(names)} photos; bits a fixation over chance, of photos left out: {np.mean(gains):.3f}")
    result = {
        "made_by": "models/saliency/make.py",
        "fitted_on": f"{len(names)} of {len(fixations)} photos, those not held out",
        "sha256_of_fixations": hashlib.sha256(options.fixations.read_bytes()).hexdigest(),
        "weights": {name: round(float(weight), 4) for name, weight in zip(parts, weights, strict=True)},
    }
    print(json.dumps(result, indent=1))
    if options.out is not None:
        options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def rows(inputs: list[Floats], seen: list[Floats], chosen: np.ndarray) -> tuple[list[Floats], list[Floats]]:
    """Those of the chosen photos."""
    return [inputs[i] for i in np.flatnonzero(chosen)], [seen[i] for i in np.flatnonzero(chosen)]


def fit(inputs: list[Floats], seen: list[Floats], ridges: Floats) -> Floats:
    """The weights that make what was seen most likely, a photo as much as another.

    Args:
        inputs: of each photo `(cells, n)`.
        seen: of each photo `(cells,)`, the share of fixations in each cell.
        ridges: `(n,)`.
    """
    scale = np.sqrt(np.mean([part.var(axis=0) for part in inputs], axis=0))
    weights = np.zeros(len(scale))
    for _ in range(STEPS):
        slope, curve = 2 * ridges * weights, np.diag(2 * ridges)
        for part, share in zip(inputs, seen, strict=True):
            scaled = part / scale
            looks = likely(scaled @ weights)
            centred = scaled - looks @ scaled
            slope = slope - share @ centred / len(inputs)
            curve = curve + centred.T @ (centred * looks[:, None]) / len(inputs)
        step = np.linalg.solve(curve, slope)
        weights = weights - step
        if np.abs(step).max() < 1e-9:
            break
    return weights / scale


def likely(logarithm: Floats) -> Floats:
    """Shares of all looks."""
    looks: Floats = np.exp(logarithm - logarithm.max())
    return looks / looks.sum()


def gain(weights: Floats, inputs: Floats, seen: Floats) -> float:
    """Mean bits that the map knows more of a fixation than that it is somewhere in the photo."""
    return float(seen @ np.log2(likely(inputs @ weights) * len(seen)))


if __name__ == "__main__":
    main()
