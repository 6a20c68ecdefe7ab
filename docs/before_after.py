"""The README's picture out of a run of the demo.

    python run.py experiment=demo && python docs/before_after.py outputs/latest

Above, the first test episode of each photo as the agent got it; below, as the agent left it, a success or not.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from apsi.photo import Photo
from apsi.photo.read import read_photo
from apsi.transform.recipe import Recipe

_GAP = 8
"""pixels"""


def first_episodes(run: Path) -> dict[str, dict[str, str]]:
    """The agent's first line in `results.csv` for each photo of the data set."""
    first: dict[str, dict[str, str]] = {}
    with (run / "results.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["policy"] == "agent":
                first.setdefault(row["photo"], row)
    return first


def before_and_after(row: dict[str, str], data_dir: Path) -> Photo:
    """One above the other."""
    before = read_photo(next(data_dir.rglob(f"images/{row['image']}")))
    gap = np.full((_GAP, before.shape[1], 3), 255, np.uint8)
    return np.concatenate([before, gap, Recipe.of(row["actions"].split())(before)])


def main(run: Path, data_dir: Path = Path("data")) -> None:
    """Writes `docs/before_after.png`; prints which photos it shows."""
    rows = first_episodes(run)
    columns = [before_and_after(row, data_dir) for row in rows.values()]
    gap = np.full((columns[0].shape[0], _GAP, 3), 255, np.uint8)
    Image.fromarray(np.concatenate([part for column in columns for part in (column, gap)][:-1], axis=1)).save(
        Path(__file__).with_name("before_after.png"), optimize=True
    )
    for photo, row in rows.items():
        print(photo, "success" if row["success"] == "1" else "no success", row["actions"])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
