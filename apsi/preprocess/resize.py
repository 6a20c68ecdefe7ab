"""Step: every usable photo, upright, in sRGB, at working size."""

import csv
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from apsi.dataset.base import Skipped, SourceFile
from apsi.dataset.choose import choose
from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.coco import ImageRecord
from apsi.photo.facts import NO_FACTS
from apsi.photo.file_index import content_hashes, forget
from apsi.photo.hash import value_hash
from apsi.photo.names import cut_name
from apsi.photo.read import UnreadablePhotoError, max_file_bytes
from apsi.photo.resample import MODES, fit
from apsi.photo.write import atomic, read_png, write_png
from apsi.preprocess.base import Context, Step, build_once, load_records, save_records
from apsi.preprocess.source import INDEX, ChangedFileError, read_source

log = logging.getLogger(__name__)

_ATTEMPTS = 3
"""How often reading is retried where a file changes meanwhile"""


@dataclass(frozen=True)
class Resize(Step):
    """Copies the photos at working size and lists what can't be used in `skipped.csv`."""

    size: int
    """length in pixels of the longer side, or of both (mode `square`)"""
    mode: str
    """`square` cuts the largest centred square; `longest_side` keeps the frame"""
    min_side: int
    """photos with a shorter side than this many pixels are skipped"""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ApsiError(f"preprocess.steps.resize.mode={self.mode} must be one of: {', '.join(MODES)}")
        if self.size < 16 or self.size % 2:
            # a shift by half undoes itself only where the side is even
            raise ApsiError(f"preprocess.steps.resize.size={self.size} must be an even number of pixels from 16 up")

    def run(self, context: Context) -> Context:
        for _ in range(_ATTEMPTS):
            try:
                return self._run(context)
            except ChangedFileError as changed:
                path = changed.path
                log.warning("%s changed while the photos were read; reading again what is not known", path)
                forget(path, context.data_dir / INDEX)
        raise ApsiError(f"{path} changes while it is read; run the same command again once it is whole")

    def _run(self, context: Context) -> Context:
        listing, max_pixels = choose(context.dataset, context.seed), context.dataset.max_pixels
        hash_all = partial(context.engine.map, description="Hashing photos")
        paths = [file.path for file in listing.files]
        hashes = content_hashes(paths, context.data_dir / INDEX, hash_all, max_file_bytes(max_pixels))
        context = context.then(self, [file.name for file in listing.files], hashes, listing.skipped, max_pixels)
        if any(file.facts != NO_FACTS for file in listing.files):  # else the key is that of an apsi that knew none
            context = context.then([file.facts for file in listing.files])
        folder = context.folder("resize")

        def build(target: Path) -> None:
            work = [
                (file, digest, target / "images" / _file_name(file))
                for file, digest in zip(listing.files, hashes, strict=True)
            ]
            done = context.engine.map(partial(self._copy, max_pixels=max_pixels), work, "Resizing photos")
            skipped = [outcome for outcome in done if isinstance(outcome, Skipped)]
            write_skipped(target / "skipped.csv", [*listing.skipped, *skipped])
            save_records(target, [outcome for outcome in done if isinstance(outcome, ImageRecord)])

        build_once(folder, build)
        records, skipped = load_records(folder), read_skipped(folder / "skipped.csv")
        if not records:
            reasons = "; ".join(f"{s.name}: {s.reason}" for s in skipped[:3]) or "there are no files in it"
            raise ApsiError(
                f"no usable photo in the data set '{context.dataset.title}': {len(skipped)} files skipped ({reasons}). "
                f"Every reason stands in {folder / 'skipped.csv'}"
            )
        images = tuple(folder / "images" / record.file_name for record in records)
        for remark in listing.remarks:
            log.info("%s", remark)
        return replace(context, records=records, images=images, skipped=skipped, left_out=listing.left_out)

    def _copy(self, work: tuple[SourceFile, str, Path], max_pixels: int) -> ImageRecord | Skipped:
        file, digest, target = work
        if target.exists():  # an earlier run was killed after writing it
            photo = read_png(target)
        else:
            try:
                photo = self._fitted(read_source(file.path, digest, max_pixels))
            except UnreadablePhotoError as error:
                return Skipped(file.name, str(error))
            except OSError as error:
                return Skipped(file.name, f"can't be opened: {error.strerror or error}")
            write_png(target, photo)
        height, width = photo.shape[:2]
        return ImageRecord(target.name, width, height, source=file.name, original=digest, facts=file.facts)

    def _fitted(self, photo: Photo) -> Photo:
        height, width = photo.shape[:2]
        if min(height, width) < self.min_side:
            raise UnreadablePhotoError(
                f"too small: {width} x {height}, the shorter side must have {self.min_side} pixels"
            )
        return fit(photo, self.size, self.mode)


def write_skipped(path: Path, skipped: Iterable[Skipped]) -> None:
    """Writes file names and reasons as CSV."""
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "reason"])
        writer.writerows((entry.name, entry.reason) for entry in skipped)


def read_skipped(path: Path) -> tuple[Skipped, ...]:
    """Reads what `write_skipped` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(Skipped(row["file"], row["reason"]) for row in csv.DictReader(file))


def _file_name(file: SourceFile) -> str:
    """A name that tells `a/x.jpg` from `b/x.jpg` and `x.png`."""
    printable = "".join(letter if letter.isprintable() else "_" for letter in file.path.stem)
    return f"{cut_name(printable, most_bytes=80)}-{value_hash(file.name)}.png"
