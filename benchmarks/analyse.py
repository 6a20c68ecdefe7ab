"""What the scoring report costs beside preparing, and how long task=analyse takes; of photos cut from real ones.

A folder of photos is multiplied: every photo gives crops, mirrored every other time, saved as JPEG of 640 x 480. A
child process prepares them and writes the scoring report, another looks at all of them. The last line is JSON.

    python benchmarks/analyse.py PHOTOS [--count 5000] [--data FOLDER]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from apsi.photo.read import read_photo
from apsi.photo.resample import resample
from apsi.photo.write import encode_jpeg

_WIDTH, _HEIGHT = 640, 480


def multiply(photos: Path, folder: Path, count: int) -> None:
    """Writes `count` crops of photos, each another."""
    files = sorted(path for path in photos.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    folder.mkdir(parents=True)
    for i in range(count):
        photo = read_photo(files[i % len(files)])
        rng = np.random.default_rng(i)
        height, width = photo.shape[:2]
        share = rng.uniform(0.35, 0.6)
        h, w = int(share * height), int(share * width)
        top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
        crop = resample(photo[top : top + h, left : left + w], _WIDTH, _HEIGHT)
        turned = np.ascontiguousarray(crop[:, ::-1] if i % 2 else crop)
        (folder / f"{i:06d}.jpg").write_bytes(encode_jpeg(turned, 90))


def _child(kind: str, place: Path) -> None:
    """Prints the figures of this process as JSON."""
    from apsi.analyse.analysis import Files, analyse
    from apsi.analyse.embedding import Layout
    from apsi.analyse.files import as_numbers, write_files
    from apsi.analyse.material import Material
    from apsi.analyse.page import PAGE, write_page
    from apsi.analyse.quality import Limits
    from apsi.analyse.scoring import write_scoring
    from apsi.config.build import prepare
    from apsi.config.compose import load_config
    from apsi.config.instantiate import instantiate

    overrides = ["dataset=folder", f"dataset.path={place / 'photos'}", f"data_dir={place / 'data'}"]
    config = load_config([*overrides, "dataset.enlarge={train: 1, val: 1, test: 1}"])
    said: dict[str, object] = {}
    with _measured(said, "prepare"):
        prepared = prepare(config)
    engine = instantiate(config.preprocess).engine
    if kind == "prepare":
        with _measured(said, "report"):
            write_scoring(prepared.folder, place, engine, config.data_seed)
        print(json.dumps(said))
        return
    said.clear()  # it was there
    with _measured(said, "analyse"):
        listing = instantiate(config.dataset).listing()
        files = Files({file.name: file.path for file in listing.files}, config.dataset.max_pixels)
        material = Material.load(prepared.folder)
        found = analyse(
            material, Layout(), engine, files=files, limits=Limits(), clusters=None, map="pca", seed=config.data_seed
        )
        write_files(place, found)
        write_page(place / PAGE, found, seed=config.data_seed)
    numbers = as_numbers(found)
    said |= {"photos": numbers["photos"], "found": found.found, "clusters": numbers["clusters"]["sizes"]}
    print(json.dumps(said))


@contextmanager
def _measured(said: dict[str, object], what: str) -> Iterator[None]:
    """Seconds, seconds of processor time, and the peak of memory up to then."""
    began, worked = time.monotonic(), time.process_time()
    yield
    said[f"{what}_seconds"] = round(time.monotonic() - began, 1)
    said[f"{what}_cpu_seconds"] = round(time.process_time() - worked, 1)
    said[f"{what}_peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def main() -> None:
    """Prepares in one process, looks in another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, nargs="?")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--data", type=Path, help="a folder that is kept, and used again")
    parser.add_argument("--child", choices=["prepare", "analyse"])
    arguments = parser.parse_args()
    if arguments.child:
        _child(arguments.child, arguments.data)
        return
    if arguments.photos is None:
        print(json.dumps({"skipped": "name a folder of photos"}))
        return
    with tempfile.TemporaryDirectory() as temporary:
        place = arguments.data or Path(temporary)
        if not (place / "photos").exists():
            multiply(arguments.photos, place / "photos", arguments.count)
        figures: dict[str, object] = {}
        for kind in ("prepare", "analyse"):
            command = [sys.executable, __file__, str(arguments.photos), "--data", str(place), "--child", kind]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            figures |= json.loads(done.stdout.splitlines()[-1])
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
