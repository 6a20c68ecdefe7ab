"""Step: more training photos by seeded random crops and flips."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.coco import ImageRecord
from apsi.photo.file_index import forget
from apsi.photo.hash import seed_for
from apsi.photo.read import UnreadablePhotoError
from apsi.photo.resample import resample
from apsi.photo.write import write_png
from apsi.preprocess.base import SPLITS, Context, Step, build_once, load_records, save_records
from apsi.preprocess.source import INDEX, ChangedFileError, read_source


@dataclass(frozen=True)
class Enlarge(Step):
    """Adds versions of each photo, cut anew from the full-resolution file; they stay in the split of their original."""

    min_scale: float
    """shortest side of a crop, as a share of the photo's"""

    def __post_init__(self) -> None:
        if not 0 < self.min_scale <= 1:
            raise ApsiError(f"preprocess.steps.enlarge.min_scale={self.min_scale} must be above 0 and at most 1")

    def run(self, context: Context) -> Context:
        versions = context.dataset.enlarge
        if set(versions) != set(SPLITS) or min(versions.values()) < 1:
            raise ApsiError(f"dataset.enlarge={versions} must give a number from 1 up for each of train, val and test")
        wanted = [record for record in context.records if versions[record.split] > 1]
        if context.whole_photos or not wanted:
            return context
        context = context.then(self, versions)
        files = {file.name: file.path for file in context.dataset.listing().files}
        folder = context.folder("enlarge")

        def build(target: Path) -> None:
            work = [(record, files.get(record.source), versions[record.split]) for record in wanted]
            max_pixels = context.dataset.max_pixels
            cut = partial(self._versions, images=target / "images", seed=context.seed, max_pixels=max_pixels)
            try:
                added = context.engine.map(cut, work, "Cutting more photos")
            except ChangedFileError as changed:
                forget(changed.path, context.data_dir / INDEX)
                raise ApsiError(
                    f"{changed.path} changed while it was prepared; run the same command again"
                ) from changed
            save_records(target, (record for records in added for record in records))

        build_once(folder, build)
        records = load_records(folder)
        images = tuple(folder / "images" / record.file_name for record in records)
        return replace(context, records=context.records + records, images=context.images + images)

    def _versions(
        self, work: tuple[ImageRecord, Path | None, int], images: Path, seed: int, max_pixels: int
    ) -> list[ImageRecord]:
        record, file, count = work
        if file is None:
            raise ApsiError(f"{record.source} is gone since it was read; run the same command again")
        try:
            photo = read_source(file, record.original, max_pixels)
        except (OSError, UnreadablePhotoError) as error:  # it was read before
            raise ChangedFileError(str(file)) from error
        records = []
        for version in range(1, count):
            rng = np.random.default_rng(seed_for(seed, record.original, version))
            name = f"{Path(record.file_name).stem}-{version:03d}.png"
            write_png(images / name, self._crop(photo, record.width, record.height, rng))
            records.append(replace(record, file_name=name, version=version))
        return records

    def _crop(self, photo: Photo, width: int, height: int, rng: np.random.Generator) -> Photo:
        """A random part of the photo in the shape of its whole version, mirrored every other time."""
        h, w = photo.shape[:2]
        largest = min(w / width, h / height)
        scale = largest * rng.uniform(self.min_scale, 1)
        crop_w, crop_h = max(1, int(scale * width)), max(1, int(scale * height))
        left, top = int(rng.integers(w - crop_w + 1)), int(rng.integers(h - crop_h + 1))
        crop = photo[top : top + crop_h, left : left + crop_w]
        return resample(crop[:, ::-1] if rng.random() < 0.5 else crop, width, height)
