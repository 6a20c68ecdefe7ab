"""Prepared sets and runs as files, made of nothing but figures or of small photos."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apsi.browse.index import Index
from apsi.browse.indexing import Indexing
from apsi.browse.sources import Places
from apsi.config.trust import signed
from apsi.photo.coco import ImageRecord, write_coco
from apsi.photo.hash import file_hash
from apsi.photo.write import write_png
from apsi.transform.recipe import Recipe
from tests.conftest import Redness, natural_photo

LABELS = ("swap_rg", "swap_rb", "invert_r", "invert_g", "exposure(+0.250)", "exposure(-0.300)", "contrast(+0.200)")
SET = "beach-0123456789ab"
JUROR = "redness"


def record(number: int, **values: Any) -> ImageRecord:
    """A degraded photo, with what is given instead of what it would have."""
    known: dict[str, Any] = {
        "file_name": f"{number:06}-d00.png",
        "width": 64,
        "height": 48,
        "source": f"photos/IMG_{number:06}.jpg",
        "original": f"{number:064x}",
        "original_file_name": f"{number:06}.png",
        "split": "train",
    }
    return ImageRecord(**known | values)


def random_records(rng: np.random.Generator, count: int) -> list[ImageRecord]:
    """Photos with figures that are often the same or missing, and names that several have."""
    made = []
    for number in range(count):
        score, initial = (None if rng.random() < 0.2 else round(float(rng.uniform(0, 10)), 1) for _ in range(2))
        steps = tuple(rng.choice(LABELS, int(rng.integers(0, 4))).tolist())
        size = int(rng.choice([32, 48, 64]))
        name = f"d{rng.integers(5)}/Äpfel {rng.integers(max(2, count // 2))}.jpg"
        made.append(record(number, source=name, width=size, score=score, initial_score=initial, transformations=steps))
    return made


def write_set(
    data_dir: Path,
    splits: Mapping[str, Sequence[ImageRecord]],
    name: str = SET,
    *,
    dropped: Sequence[ImageRecord] = (),
    skipped: Sequence[tuple[str, str]] = (),
    juror: str = JUROR,
) -> Path:
    """A prepared set without its pictures."""
    folder = data_dir / "prepared" / name
    for split, records in splits.items():
        write_coco(folder / split / "annotations.json", records, {"juror": juror, "dropped": len(dropped)})
    write_coco(folder / "dropped.json", dropped, {"juror": juror})
    with (folder / "skipped.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "reason"), *skipped])
    return folder


def write_pictures(
    data_dir: Path, count: int, name: str = SET, splits: Sequence[str] = ("train", "test")
) -> list[ImageRecord]:
    """A prepared set with pictures, dealt to the splits one by one; one of its photos was dropped, a file skipped."""
    folder = data_dir / "prepared" / name
    records: list[ImageRecord] = []
    for number in range(count):
        photo, split = natural_photo(number, 40, 56), splits[number % len(splits)]
        steps = (LABELS[number % 4],)
        degraded = Recipe.of(steps)(photo)
        one = record(number, width=56, height=40, split=split, transformations=steps)
        write_png(folder / split / "originals" / str(one.original_file_name), photo)
        write_png(folder / split / "images" / one.file_name, degraded)
        score, initial = Redness().score([degraded, photo]).tolist()
        digest = file_hash(folder / split / "originals" / str(one.original_file_name))
        values = {"score": score, "initial_score": initial, "original": digest, "split": split}
        records.append(record(number, width=56, height=40, transformations=steps, **values))
    lost = record(0, file_name="000000-d07.png", width=56, height=40, split=splits[0], transformations=("invert_b",))
    by_split = {split: [one for one in records if one.split == split] for split in splits}
    skipped = [("broken.jpg", "corrupt or truncated: <b>no</b>")]
    write_set(data_dir, by_split, name, dropped=[lost], skipped=skipped)
    return records


def write_run(
    output_dir: Path,
    name: str,
    recipes: Mapping[str, Mapping[str, tuple[str, float]]],
    *,
    dataset: str = SET,
    split: str = "test",
    juror: str = JUROR,
    config: str | None = None,
) -> Path:
    """A run: by policy and image the recipe and the score at the end."""
    folder = output_dir / name
    folder.mkdir(parents=True)
    with (folder / "results.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        columns = ("policy", "photo", "image", "degradation", "actions", "recipe", "start_score", "target_score")
        rows.writerow([*columns, "final_score", "success", "steps", "original", "before clipped", "after clipped"])
        for policy, episodes in recipes.items():
            for image, (recipe, final) in episodes.items():
                scores = (4.0, 5.0, final, int(final >= 5), len(recipe.split()))
                rows.writerow([policy, image, image, "", "", recipe, *scores, "", 0.1, 0.2])
    summary = {"dataset": dataset, "split": split, "juror": juror, "policies": {policy: {} for policy in recipes}}
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "run.json").write_text(json.dumps({"status": "finished"}))
    if config is not None:
        (folder / "config.yaml").write_text(signed(config))
    return folder


def indexed(root: Path) -> Indexing:
    """The index of `root/data` and `root/out`, up to date."""
    places = Places(root / "data", root / "out")
    indexing = Indexing(places, Index(root / "cache" / "index.sqlite"))
    indexing.begin()
    indexing.wait()
    assert not indexing.progress.failed, indexing.progress.failed
    return indexing
