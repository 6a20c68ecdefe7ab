"""What editing a photo at full resolution costs, beside reading and writing it.

Two child processes read a made photo and write it again, one of them with five edits between. Seconds are by the clock
and, as the machine may have other work, of the processor in all threads; they leave out what is imported first, peak
resident memory does not. The last line is JSON.

    python benchmarks/full_size.py [--megapixels 24] [--suffix .jpg] [--bits 8]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RECIPE = ["exposure(+0.350)", "contrast(+0.200)", "saturation(+0.200)", "white_balance", "clarity"]


def make_photo(path: Path, megapixels: float, bits: int) -> None:
    """Writes smooth colours with a sensor's noise, 3 : 2."""
    import cv2
    import numpy as np

    from apsi.photo.full_size import PhotoFile
    from apsi.photo.metadata import Metadata
    from apsi.photo.save import save_edited

    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    rng = np.random.default_rng(0)
    coarse = rng.integers(30, 226, (12, 18, 3)).astype(np.uint8)
    photo = cv2.resize(coarse, (round(1.5 * height), height), interpolation=cv2.INTER_CUBIC)
    noise = rng.integers(-4, 5, (height // 8 + 1, *photo.shape[1:]))
    for top in range(0, height, len(noise)):
        rows = photo[top : top + len(noise)]
        rows[:] = np.clip(rows + noise[: len(rows)], 0, 255)
    pixels = photo if bits == 8 else photo.astype(np.uint16) * 257
    kind = {".jpg": "JPEG", ".png": "PNG", ".tif": "TIFF"}[path.suffix]
    save_edited(PhotoFile(Path("made"), kind, pixels, Metadata(), {}), pixels, path)


def peak_mb() -> int:
    """Of this process alone; what `getrusage` says begins with its parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return round(int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024)


def edit_and_measure(path: Path, labels: list[str]) -> None:
    """Prints the figures of this process as JSON."""
    from apsi.photo.full_size import read_photo_file
    from apsi.photo.save import save_edited
    from apsi.transform.full_size import apply
    from apsi.transform.recipe import Recipe

    recipe = Recipe.of(labels)
    imported = peak_mb()
    began, busy = time.monotonic(), time.process_time()
    photo = read_photo_file(path)
    read = time.monotonic()
    edited = apply(recipe, photo.pixels)
    done = time.monotonic()
    save_edited(photo, edited, path.with_name(f"edited{path.suffix}"))
    print(
        json.dumps(
            {
                "seconds": round(time.monotonic() - began, 2),
                "seconds_editing": round(done - read, 2),
                "cpu_seconds": round(time.process_time() - busy, 2),
                "peak_rss_mb": peak_mb(),
                "imports_mb": imported,
            }
        )
    )


def main() -> None:
    """Measures each process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--suffix", choices=[".jpg", ".png", ".tif"], default=".jpg")
    parser.add_argument("--bits", type=int, choices=[8, 16], default=8)
    parser.add_argument("--child", nargs="+")
    arguments = parser.parse_args()
    if arguments.child:
        edit_and_measure(Path(arguments.child[0]), arguments.child[1:])
        return
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"photo{arguments.suffix}"
        make_photo(path, arguments.megapixels, arguments.bits)
        for name, labels in (("copy", []), ("edit", RECIPE)):
            command = [sys.executable, __file__, "--child", str(path), *labels]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            figures[name] = json.loads(done.stdout.splitlines()[-1])
            print(name, figures[name], flush=True)
    copied, changed = figures["copy"], figures["edit"]
    measured = {"megapixels": arguments.megapixels, "suffix": arguments.suffix, "bits": arguments.bits, **figures}
    compared = ("seconds", "cpu_seconds", "peak_rss_mb")
    ratios = {f"{name}_ratio": round(changed[name] / copied[name], 2) for name in compared}
    print(json.dumps(measured | ratios))


if __name__ == "__main__":
    main()
