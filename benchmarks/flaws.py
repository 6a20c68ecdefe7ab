"""How well a fitted juror tells flaws on photos of another collection, and what greedy edits by its scores do.

Fits the juror on the photos of one folder at the working size of `conf/preprocess/default.yaml` and measures on those
of another: the share of pairs in which a photo scores above a version of it with one to three photographic flaws
(`conf/degradation/photographic.yaml`; a tie counts as lost), by flaw and by strength; what greedy gains on photos as
they are and on flawed ones (`transform=sensible`, as many edits as `env=optimise` allows); harm, the mean CIEDE2000
that it adds to photos as they are, with their clipped values; and the distance of flawed ones to the true photos.
Intervals are by photo. The last line is JSON.

    python benchmarks/flaws.py --fit PHOTOS --test OTHER_PHOTOS [--juror flaws] [--pairs 5] [--each 80] [--greedy 100]
"""

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.degradation.photographic import FLAWS, Photographic
from apsi.evaluate.truth import compare
from apsi.interval import Sample, mean_interval, rate_interval
from apsi.juror.base import FittedJuror, Juror
from apsi.photo import Photo
from apsi.photo.read import read_photo
from apsi.photo.resample import fit
from apsi.transform.base import Transform

STRENGTHS = (0.2, 0.4, 0.6, 0.8, 1.0)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fit", type=Path, help="folder of the photos that the juror is fitted on")
    parser.add_argument("--test", type=Path, help="folder of the photos to measure on")
    parser.add_argument("--juror", default="flaws", help="option of juror=, one that is fitted")
    parser.add_argument(
        "--override", action="append", default=[], help="of the configuration, such as juror.flawless=0.5"
    )
    parser.add_argument("--pairs", type=int, default=5, help="flawed versions of a photo")
    parser.add_argument("--each", type=int, default=80, help="photos that get each flaw at each strength")
    parser.add_argument("--greedy", type=int, default=100, help="photos that greedy edits, evenly out of all")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.fit is None or options.test is None:
        print(json.dumps({"skipped": "name two folders of photos with --fit and --test"}))
        return

    config = load_config([f"juror={options.juror}", "env=optimise", "transform=sensible", *options.override])
    juror = instantiate(config.juror)
    assert isinstance(juror, FittedJuror)
    began = time.process_time()
    juror.fit(read(options.fit, config))
    seconds = time.process_time() - began
    photos = read(options.test, config)
    flaws: Photographic = instantiate(load_config(["degradation=photographic"]).degradation)
    figures = {
        "juror": juror.fingerprint,
        "fitted_on": len(list(options.fit.iterdir())),
        "tested_on": len(photos),
        "fit_cpu_seconds": round(seconds, 1),
        "pairs": pairs(juror, flaws, photos, options.pairs, options.seed),
        "by_flaw": by_flaw(juror, photos[:: max(1, len(photos) // options.each)][: options.each], options.seed),
    }
    every = max(1, len(photos) // options.greedy)
    edits = instantiate(config.transform, stop=True).transforms
    rng = np.random.default_rng([options.seed, 1])
    pictures = [(photo, flaws.sample(rng)(photo)) for photo in photos[::every][: options.greedy]]
    figures |= greedy(juror, pictures, edits, config.env.max_steps)
    print(json.dumps(figures, indent=1))
    print(json.dumps(figures))


def read(folder: Path, config: DictConfig) -> list[Photo]:
    """The photos of a folder at working size."""
    size = config.preprocess.steps.resize
    return [fit(read_photo(path), size.size, size.mode) for path in sorted(folder.iterdir()) if path.suffix == ".jpg"]


def summary(values: Sequence[float], photos: Sequence[int], rate: bool = False) -> dict[str, Any]:
    """Mean and 95 % interval by photo."""
    sample = Sample.of([values], [[str(photo) for photo in photos]])
    interval = (rate_interval if rate else mean_interval)(sample)
    return {"mean": round(sample.mean, 3), "ci95": interval and [round(end, 3) for end in interval]}


def pairs(juror: Juror, flaws: Photographic, photos: Sequence[Photo], count: int, seed: int) -> dict[str, Any]:
    """How often a photo scores above its flawed versions."""
    rng = np.random.default_rng(seed)
    own = juror.score(photos)
    wins: dict[str, list[float]] = defaultdict(list)
    of: dict[str, list[int]] = defaultdict(list)
    flawed_scores = []
    for i, photo in enumerate(photos):
        recipes = flaws.sample_many(rng, count)
        scores = juror.score([recipe(photo) for recipe in recipes])
        flawed_scores += scores.tolist()
        for recipe, score in zip(recipes, scores, strict=True):
            for key in ("all", f"{len(recipe.transforms)} flaws"):
                wins[key].append(float(own[i] > score))
                of[key].append(i)
    found = {key: summary(wins[key], of[key], rate=True) for key in sorted(wins)}
    return found | {
        "good_scores": np.percentile(own, [10, 50, 90]).round(2).tolist(),
        "flawed_scores": np.percentile(flawed_scores, [10, 50, 90]).round(2).tolist(),
    }


def by_flaw(juror: Juror, photos: Sequence[Photo], seed: int) -> dict[str, list[float]]:
    """Share of photos above their versions with one flaw, at each of `STRENGTHS`."""
    own = juror.score(photos)
    found = {}
    for name, flaw in FLAWS.items():
        versions = ([flaw(s, np.random.default_rng([seed, i]))(p) for i, p in enumerate(photos)] for s in STRENGTHS)
        found[name] = [round(float((own > juror.score(list(each))).mean()), 3) for each in versions]
    return found


def greedy(
    juror: Juror, pictures: Sequence[tuple[Photo, Photo]], edits: Sequence[Transform], most: int
) -> dict[str, Any]:
    """What greedy gains on photos as they are and with flaws, and how far from the true photos it leaves them."""
    gains: dict[str, list[float]] = {"good": [], "flawed": []}
    distances: list[tuple[float, float]] = []
    harm, clipped, chosen = [], [], Counter[str]()
    for photo, flawed in pictures:
        for kind, start in (("good", photo), ("flawed", flawed)):
            end, gain, labels = improve(juror, start, edits, most)
            gains[kind].append(gain)
            if kind == "good":
                harm.append(compare(end, photo)[0])
                clipped.append([clipped_share(start), clipped_share(end)])
                chosen.update(labels)
            else:
                distances.append((compare(start, photo)[0], compare(end, photo)[0]))
    before, after = np.transpose(distances)
    whole = range(len(pictures))
    clips = np.mean(clipped, axis=0)
    return {
        "greedy_photos": len(pictures),
        "gain_good": summary(gains["good"], whole),
        "gain_flawed": summary(gains["flawed"], whole),
        "gain_ratio": round(float(np.mean(gains["good"]) / np.mean(gains["flawed"])), 3),
        "harm": summary(harm, whole),
        "good_edited": summary([float(gain > 0) for gain in gains["good"]], whole, rate=True),
        "clipped_before_after": clips.round(5).tolist(),
        "flawed_distance_before_after": [round(float(before.mean()), 2), round(float(after.mean()), 2)],
        "flawed_nearer": summary((after < before).astype(float), whole, rate=True),
        "flawed_farther": summary((after > before).astype(float), whole, rate=True),
        "edits_of_good": dict(chosen.most_common()),
    }


def improve(juror: Juror, photo: Photo, edits: Sequence[Transform], most: int) -> tuple[Photo, float, list[str]]:
    """As `policy=greedy`: the best edit again and again, until none scores higher; photo, gain and labels."""
    start = score = float(juror.score([photo])[0])
    labels: list[str] = []
    while len(labels) < most:
        outcomes = [edit(photo) for edit in edits]
        scores = juror.score(outcomes)
        best = int(np.argmax(scores))
        if scores[best] <= score:
            break
        photo, score = outcomes[best], float(scores[best])
        labels.append(edits[best].label)
    return photo, score - start, labels


def clipped_share(photo: Photo) -> float:
    """Share of values at either end of the scale."""
    return float(((photo == 0) | (photo == 255)).mean())


if __name__ == "__main__":
    main()
