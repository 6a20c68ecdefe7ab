"""Whether preparing holds more in memory the more photos there are.

For each size a child process prepares that many made photos of noise, from resizing to degrading, with the juror
fitted on them; its peak resident memory counts, and the seconds of each step. The last line is JSON.

    python benchmarks/preprocess_memory.py [--sizes 500 5000] [--side 64] [--engine local]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from apsi.photo.write import write_png


def make_photos(folder: Path, count: int, side: int) -> None:
    """Writes photos of smooth noise, each another."""
    import cv2

    for i in range(count):
        noise = np.random.default_rng(i).integers(0, 256, (side, side, 3), dtype=np.uint8)
        write_png(folder / f"{i:06d}.png", cv2.GaussianBlur(noise, (0, 0), 2))


def prepare_and_measure(photos: Path, data: Path, side: int, engine: str) -> None:
    """Prints the figures of this process as JSON."""
    from apsi.config.build import prepare
    from apsi.config.compose import load_config

    config = load_config(
        [
            *("dataset=folder", f"dataset.path={photos}", f"data_dir={data}", "score_cache=0"),
            *(f"preprocess.steps.resize.size={side}", f"preprocess/engine={engine}"),
            *(
                "dataset.enlarge={train: 1, val: 1, test: 1}",
                "preprocess.steps.degrade.per_photo={train: 1, val: 1, test: 1}",
            ),
        ]
    )
    began = time.monotonic()
    prepared = prepare(config)
    print(
        json.dumps(
            {
                "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
                "seconds": round(time.monotonic() - began, 1),
                "steps": prepared.seconds,
                "episodes": len(prepared.load("all").episodes),
            }
        )
    )


def main() -> None:
    """Measures every size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 5000])
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--child", type=Path)
    arguments = parser.parse_args()
    if arguments.child:
        prepare_and_measure(arguments.child / "photos", arguments.child / "data", arguments.side, arguments.engine)
        return
    figures = {}
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            make_photos(Path(folder) / "photos", size, arguments.side)
            command = [sys.executable, __file__, "--child", folder, "--side", str(arguments.side)]
            done = subprocess.run(
                [*command, "--engine", arguments.engine], check=True, stdout=subprocess.PIPE, text=True
            )
        figures[f"{size} photos"] = json.loads(done.stdout.splitlines()[-1])
        print(size, figures[f"{size} photos"], flush=True)
    peaks = [figure["peak_rss_mb"] for figure in figures.values()]
    print(json.dumps({"engine": arguments.engine, "sizes": figures, "growth": round(peaks[-1] / peaks[0], 3)}))


if __name__ == "__main__":
    main()
