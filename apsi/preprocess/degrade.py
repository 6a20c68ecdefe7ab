"""Step: degraded versions of every photo, laid out as train, val and test."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from apsi import __version__
from apsi.console import track
from apsi.errors import ApsiError
from apsi.juror.base import FittedJuror
from apsi.juror.parameters import save_parameters
from apsi.photo import Photo
from apsi.photo.coco import ImageRecord, write_coco
from apsi.photo.hash import seed_for
from apsi.photo.write import read_png, write_png
from apsi.preprocess.base import SPLITS, Context, Step, batches, build_once
from apsi.preprocess.resize import write_skipped

_ORIGINALS_AT_ONCE = 16


@dataclass(frozen=True)
class Degrade(Step):
    """Degrades every photo up to `per_photo` times in different ways; what scores no worse is dropped and counted."""

    per_photo: dict[str, int]
    """for each split, degraded versions of one photo"""

    def __post_init__(self) -> None:
        if set(self.per_photo) != set(SPLITS) or min(self.per_photo.values()) < 1:
            raise ApsiError(f"degrade.per_photo={self.per_photo} must give a number from 1 up for train, val and test")

    def run(self, context: Context) -> Context:
        context = context.then(self, context.degradation, context.seed)
        name = re.sub(r"[^\w-]+", "_", context.dataset.name)[:40]
        folder = context.data_dir / "prepared" / f"{name}-{context.key}"
        build_once(folder, lambda target: self._build(target, context))
        return replace(context, prepared=folder)

    def _build(self, target: Path, context: Context) -> None:
        if isinstance(context.juror, FittedJuror):
            save_parameters(target / "juror.npz", context.juror)
        write_skipped(target / "skipped.csv", context.skipped)
        kept: dict[str, list[ImageRecord]] = {split: [] for split in SPLITS}
        dropped = dict.fromkeys(SPLITS, 0)
        chunks = list(batches(list(zip(context.records, context.images, strict=True)), _ORIGINALS_AT_ONCE))
        with context.open_pool(context.juror) as pool, ThreadPoolExecutor(os.cpu_count()) as threads:
            for chunk in track(chunks, "Degrading photos", len(chunks)):
                photos = list(threads.map(lambda work: read_png(work[1]), chunk))
                made = [
                    d for (r, _), photo in zip(chunk, photos, strict=True) for d in self._degrade(r, photo, context)
                ]
                scores = pool.score([photo for _, photo in made])
                worse = []
                for (record, photo), score in zip(made, scores.tolist(), strict=True):
                    assert record.initial_score is not None
                    if record.transformations and score >= record.initial_score:
                        dropped[record.split] += 1
                    else:
                        kept[record.split].append(replace(record, score=score))
                        worse.append((target / record.split / "images" / record.file_name, photo))
                originals = [
                    (target / r.split / "originals" / r.file_name, p) for (r, _), p in zip(chunk, photos, strict=True)
                ]
                list(threads.map(lambda work: write_png(*work), [*worse, *originals]))
        for split, records in kept.items():
            info = {
                "description": f"{split} split of {context.dataset.name}, degraded by {context.degradation!r}",
                "juror": context.juror.fingerprint,
                "seed": context.seed,
                "dropped": dropped[split],
                "version": __version__,
            }
            (target / split / "images").mkdir(parents=True, exist_ok=True)
            write_coco(target / split / "annotations.json", records, info)

    def _degrade(self, record: ImageRecord, photo: Photo, context: Context) -> list[tuple[ImageRecord, Photo]]:
        """Every degraded version of a photo, not scored yet."""
        rng = np.random.default_rng(seed_for(context.seed, "degrade", record.file_name))
        recipes = context.degradation.sample_many(rng, self.per_photo[record.split])
        return [
            (
                replace(
                    record,
                    file_name=f"{Path(record.file_name).stem}-d{i:02d}.png",
                    original_file_name=record.file_name,
                    score=None,
                    initial_score=record.score,
                    transformations=tuple(recipe.labels),
                ),
                recipe(photo),
            )
            for i, recipe in enumerate(recipes)
        ]
