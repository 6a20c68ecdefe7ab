"""Step: degraded versions of every photo, laid out as train, val and test."""

import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from apsi import __version__
from apsi.degradation.base import Degradation
from apsi.errors import ApsiError
from apsi.juror.base import FittedJuror
from apsi.juror.parameters import save_parameters
from apsi.photo import Photo
from apsi.photo.coco import ImageRecord, write_coco
from apsi.photo.hash import seed_for
from apsi.photo.write import link_or_copy, read_png, write_png
from apsi.preprocess.base import PREPARED_FOLDER, SPLITS, Context, Step, batches, build_once
from apsi.preprocess.copies import COPIES, write_copies
from apsi.preprocess.resize import write_skipped

DROPPED = "dropped.json"
"""COCO file of the degraded photos that were dropped, with their scores: of a set, all splits together"""
_ORIGINALS_AT_ONCE = 16


@dataclass(frozen=True)
class Degrade(Step):
    """Degrades every photo up to `per_photo` times in different ways.

    Those that score no worse are dropped and counted, unless the context keeps all.
    """

    per_photo: dict[str, int]
    """for each split, degraded versions of one photo"""

    def __post_init__(self) -> None:
        if set(self.per_photo) != set(SPLITS) or min(self.per_photo.values()) < 1:
            raise ApsiError(f"degrade.per_photo={self.per_photo} must give a number from 1 up for train, val and test")

    def run(self, context: Context) -> Context:
        context = context.then(self, context.degradation, context.seed)
        if context.keep_all:  # else the key is that of an apsi that always dropped some
            context = context.then("keep_all")
        if context.dataset.info:  # likewise
            context = context.then(dict(context.dataset.info))
        name = re.sub(r"[^\w-]+", "_", context.dataset.title)[:40]
        folder = context.data_dir / PREPARED_FOLDER / f"{name}-{context.key}"
        build_once(folder, lambda target: self._build(target, context))
        return replace(context, prepared=folder)

    def _build(self, target: Path, context: Context) -> None:
        if isinstance(context.juror, FittedJuror):
            save_parameters(target / "juror.npz", context.juror)
        write_skipped(target / "skipped.csv", context.skipped)
        write_copies(target / COPIES, context.copies)
        kept: dict[str, list[ImageRecord]] = {split: [] for split in SPLITS}
        dropped: dict[str, list[ImageRecord]] = {split: [] for split in SPLITS}
        work = list(zip(context.records, context.images, strict=True))
        degrade = partial(self._degrade, target=target, degradation=context.degradation, seed=context.seed)
        with (
            context.open_pool(context.juror) as pool,
            context.engine.stream(degrade, work, "Degrading photos") as degraded,
        ):
            for batch in batches(degraded, _ORIGINALS_AT_ONCE):
                made = [version for versions in batch for version in versions]
                scores = pool.score_framed([context.first_view(photo) for _, photo in made])
                for (record, _), score in zip(made, scores.tolist(), strict=True):
                    assert record.initial_score is not None
                    no_worse = score >= record.initial_score - pool.tolerance
                    if record.transformations and no_worse and not context.keep_all:
                        dropped[record.split].append(replace(record, score=score))
                        _image(target, record).unlink()
                    else:
                        kept[record.split].append(replace(record, score=score))
        splits = {(record.original, record.split) for record in context.records}
        is_shared = len(splits) > len({record.original for record in context.records})
        said = {"juror": context.juror.fingerprint, **context.dataset.info}
        write_coco(target / DROPPED, [record for records in dropped.values() for record in records], said)
        for split, records in kept.items():
            info = {
                "description": f"{split} split of {context.dataset.title}, degraded by {context.degradation!r}",
                "juror": context.juror.fingerprint,
                "seed": context.seed,
                "dropped": len(dropped[split]),
                "version": __version__,
                **({"shared": True} if is_shared else {}),
                **context.dataset.info,
            }
            (target / split / "images").mkdir(parents=True, exist_ok=True)
            write_coco(target / split / "annotations.json", records, info)

    def _degrade(
        self, work: tuple[ImageRecord, Path], target: Path, degradation: Degradation, seed: int
    ) -> list[tuple[ImageRecord, Photo]]:
        """Writes a photo and every degraded version of it, which are not scored yet."""
        original, path = work
        photo = read_png(path)
        link_or_copy(path, target / original.split / "originals" / original.file_name)
        rng = np.random.default_rng(seed_for(seed, "degrade", original.file_name))
        made = []
        for i, recipe in enumerate(degradation.sample_many(rng, self.per_photo[original.split])):
            record = replace(
                original,
                file_name=f"{Path(original.file_name).stem}-d{i:02d}.png",
                original_file_name=original.file_name,
                score=None,
                initial_score=original.score,
                transformations=tuple(recipe.labels),
            )
            made.append((record, recipe(photo)))
            write_png(_image(target, record), made[-1][1])
        return made


def _image(target: Path, record: ImageRecord) -> Path:
    return target / record.split / "images" / record.file_name
