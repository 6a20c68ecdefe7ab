"""What task=advise does to photos that need nothing, and to photos flawed at full size, through the command line.

Each photo is given one or two of the flaws of `experiment=repair` at full size and written as PNG; `task=advise` then
runs on the folder of flawed photos and on the photos as they are. Measured at full size: the share of the distance to
the original (mean CIEDE2000) that is recovered, the share of photos that come nearer, the share of photos as they are
that it leaves alone, and the distance that it adds to them. Intervals are by photo. The last line is JSON.

    python benchmarks/advise.py --photos PHOTOS [--count 100] [--seed 0] [settings of apsi, after --]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.evaluate.truth import NOTICED
from apsi.interval import Sample, mean_interval, rate_interval
from apsi.photo.difference import colour_difference
from apsi.photo.read import read_photo
from apsi.photo.write import write_png

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="folder of good photos that the agent was not trained on")
    parser.add_argument("--count", type=int, default=100, help="photos, evenly out of all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("more", nargs="*", help="settings of apsi, after --")
    options = parser.parse_args()
    if options.photos is None:
        print(json.dumps({"skipped": "name a folder of photos with --photos"}))
        return
    files = sorted(path for path in options.photos.rglob("*") if path.is_file())
    files = [files[i] for i in np.unique(np.linspace(0, len(files) - 1, options.count).round().astype(int))]
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(files, Path(folder), options.seed, options.more)))


def measure(files: list[Path], folder: Path, seed: int, more: list[str]) -> dict[str, Any]:
    """The figures."""
    degradation = instantiate(load_config(["experiment=repair"]).degradation)
    for i, file in enumerate(tqdm(files, "Flawing photos")):
        original = read_photo(file)
        write_png(folder / "original" / f"{i:04}.png", original)
        write_png(folder / "flawed" / f"{i:04}.png", degradation.sample(np.random.default_rng([seed, i]))(original))
    found: dict[str, Any] = {"photos": len(files), "seed": seed, "settings": more}
    for kind in ("flawed", "original"):
        began = time.monotonic()
        advice = advise(folder / kind, folder / f"{kind}_out", more)
        found[f"seconds_{kind}"] = round(time.monotonic() - began, 1)
        distances = []
        for i, one in enumerate(advice):
            original, given = (read_photo(folder / name / f"{i:04}.png") for name in ("original", kind))
            result = read_photo(folder / f"{kind}_out" / one["edited"]) if one["edited"] else given
            distances.append([colour_difference(given, original), colour_difference(result, original)])
        before, after = np.array(distances).T
        names = [str(i) for i in range(len(files))]
        left = Sample.of([[float(one["leave_it"]) for one in advice]], [names])
        found[f"left_alone_{kind}"] = [round(left.mean, 3), rounded(rate_interval(left))]
        found[f"steps_{kind}"] = round(float(np.mean([len(one["recipe"]) for one in advice if one["recipe"]])), 2)
        if kind == "original":
            harm = Sample.of([after], [names])
            found["harm"] = [round(harm.mean, 3), rounded(mean_interval(harm))]
        else:
            seen = before > NOTICED
            shown = [name for name, is_seen in zip(names, seen, strict=True) if is_seen]
            whole = Sample.of([after[seen]], [shown])
            share = Sample(whole.sums, Sample.of([before[seen]], [shown]).sums)
            remaining = mean_interval(share)
            nearer = Sample.of([(after < before - NOTICED)[seen].astype(float)], [shown])
            found["before"], found["after"] = (round(float(values.mean()), 2) for values in (before, after))
            found["recovered"] = [
                round(1 - share.mean, 3),
                remaining and rounded((1 - remaining[1], 1 - remaining[0])),
            ]
            found["nearer"] = [round(nearer.mean, 3), rounded(rate_interval(nearer))]
    return found


def advise(photos: Path, out: Path, more: list[str]) -> list[dict[str, Any]]:
    """What the command line says of each photo of a folder."""
    command = [sys.executable, str(ROOT / "run.py"), "task=advise", f"photo={photos}", f"out={out}", "explain=false"]
    subprocess.run([*command, f"output_dir={out}-runs", *more], check=True, stdout=subprocess.DEVNULL)
    result: list[dict[str, Any]] = json.loads((out / "advice.json").read_text())["photos"]
    return result


def rounded(interval: tuple[float, float] | None) -> list[float] | None:
    """An interval in three decimals."""
    return interval and [round(end, 3) for end in interval]


if __name__ == "__main__":
    main()
