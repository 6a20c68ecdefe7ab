"""What is done with a photo: reading, deciding, previews that follow the hand, scores, and files at full size."""

import re
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

from apsi.advise.advice import Advice, advise, advise_anew, crop_of, preview, write_edited
from apsi.advise.editor import Editor
from apsi.advise.framing import Framer
from apsi.errors import ApsiError
from apsi.export.base import Export, export_all, file_in
from apsi.juror.base import Juror
from apsi.photo import Photo
from apsi.photo.depth import to_8_bits
from apsi.photo.formats import read_any
from apsi.photo.full_size import PhotoFile, read_photo_file
from apsi.photo.metadata import Metadata, stored_orientation
from apsi.photo.read import UnreadablePhotoError, pixels_of
from apsi.photo.resample import fit
from apsi.photo.save import suffix_for
from apsi.photo.write import write_text
from apsi.studio.limits import too_many_pixels
from apsi.studio.photo import LARGE, PREVIEW, Opened, Prepared, Source, split
from apsi.transform.adjust import Adjust
from apsi.transform.base import Transform
from apsi.transform.crop import Crop
from apsi.transform.recipe import Recipe
from apsi.web.shell import Refusal

_Read = TypeVar("_Read")
THUMBNAIL = 200
_REMEMBERED = 4  # photos whose edits are kept step by step
_STRENGTH = re.compile(r"[+-]?[01](\.\d{1,3})?")
_TIME = (1980, 1, 1, 0, 0, 0)  # of files in archives: the same files make the same archive


@dataclass(frozen=True)
class Editing:
    """An editor, asked by one at a time, and what its decisions are written as."""

    editor: Editor
    second: Juror | None
    exports: Mapping[str, Export]
    max_pixels: int
    framer: Framer | None = None
    """who looks for crops; None: nobody"""
    _deciding: Any = field(default_factory=threading.Lock)
    _keeping: Any = field(default_factory=threading.Lock)
    _steps: OrderedDict[str, list[tuple[str, Photo]]] = field(default_factory=OrderedDict)
    """by photo: the label of the latest crop (empty: none) and of each edit after it, and the photo after each"""

    def require_small_enough(self, path: Path) -> None:
        """Looks at a file's header, so that nothing large is unpacked; what is not understood is told by who reads it.

        Raises:
            Refusal: 413, it has more pixels than a photo may have.
        """
        try:
            pixels = pixels_of(path.read_bytes())
        except UnreadablePhotoError:
            return
        if pixels > self.max_pixels:
            raise too_many_pixels(self.max_pixels)

    def open(self, source: Source, tell: Callable[[str], None]) -> Opened:
        """Reads a photo and decides on it.

        Args:
            source: its file.
            tell: is told the stages `read` and `decided`.

        Raises:
            Refusal: it is too large.
            UnreadablePhotoError, ApsiError: it can't be read, or needs what is not installed.
        """
        photo = self._read(source.path)
        tell("read")
        with self._deciding:
            advice, recipe = advise(photo, self.editor, self.second, framer=self.framer)
        tell("decided")
        whole = to_8_bits(photo.pixels)
        pixels = fit(whole, LARGE, "longest_side") if max(whole.shape[:2]) > LARGE else whole.copy()
        large = replace(photo, pixels=pixels, metadata=Metadata(icc_profile=photo.metadata.icc_profile))
        small = photo.small_copy(*self.editor.size)
        return Opened(large, small, photo.format, replace(advice, photo=source.name), recipe)

    def preview(self, key: str, opened: Opened, recipe: Recipe, size: int = PREVIEW) -> bytes:
        """A JPEG file of what a photo looks like with a recipe; only what follows the first changed step is computed.

        Args:
            key: of the photo.
            opened: the photo.
            recipe: any.
            size: pixels of its longer side, at most.
        """
        with self._keeping:
            known = self._steps.get(key, [])
        crop, edits = split(recipe)
        labels = ["" if crop is None else crop.label, *edits.labels]
        done = [kept for kept, _ in takewhile(lambda pair: pair[0][0] == pair[1], zip(known, labels, strict=False))]
        if not done:
            done.append((labels[0], opened.shown(crop)))
        for transform in edits.transforms[len(done) - 1 :]:
            done.append((transform.label, transform(done[-1][1])))
        with self._keeping:
            self._steps[key] = done
            self._steps.move_to_end(key)
            while len(self._steps) > _REMEMBERED:
                self._steps.popitem(last=False)
        return preview(opened.large, done[-1][1], size)

    def before(self, opened: Opened, crop: Crop | None) -> bytes:
        """The same of the photo as it was, or of a part of it."""
        return preview(opened.large, opened.shown(crop), PREVIEW)

    def said(self, opened: Opened, recipe: Recipe) -> Advice:
        """What the editor's juror says of a photo with a recipe that was changed by hand."""
        if recipe == opened.recipe:
            return opened.advice
        with self._deciding:
            return advise_anew(opened.advice, recipe, opened.large, opened.small, self.editor)

    def write_photo(
        self, source: Source, recipe: Recipe, folder: Path, *, strip_gps: bool, going_on: Callable[[int, int], None]
    ) -> Prepared:
        """The edited photo at full size, as `task=advise` writes it.

        Args:
            source: the photo's file.
            recipe: the edits.
            folder: where the result goes; nothing else is in it.
            strip_gps: leave out where it was taken.
            going_on: is called after each step; what it raises ends the work.
        """
        photo = self._read(source.path)
        target = folder / f"edited{suffix_for(photo)}"
        _, remarks = write_edited(photo, recipe, target, strip_gps=strip_gps, progress=going_on)
        as_known = replace(photo, path=Path(source.name))
        return Prepared(target, f"{source.stem}-edited{suffix_for(as_known)}", remarks)

    def write_recipe(self, source: Source, recipe: Recipe, folder: Path) -> Prepared:
        """The recipe as JSON, for `task=apply` and `task=export`."""
        target = folder / "recipe.json"
        write_text(target, recipe.to_json())
        return Prepared(target, f"{source.stem}-recipe.json")

    def write_exports(self, source: Source, recipe: Recipe, folder: Path) -> Prepared:
        """The configured exports: one file as it is, several as an archive that depends on their bytes only.

        Raises:
            Refusal: 422, nothing of the recipe can be exported.
        """
        photo, turned = self._bounded(read_any, source.path), stored_orientation(source.path.read_bytes(), source.path)
        results = export_all(self.exports, recipe, photo, folder, source.stem, orientation=turned).values()
        files = list(dict.fromkeys(file for result in results for file in result.paths))
        left_out = {one.label: one.reason for result in results for one in result.left_out}
        said = [f"{label}: {reason}." for label, reason in left_out.items()]
        said += dict.fromkeys(note for result in results for note in result.notes)
        if not files:
            raise Refusal(422, "None of these steps can be written for another program. {why}", why=" ".join(said))
        if len(files) == 1:
            return Prepared(files[0], files[0].name, tuple(said))
        archive = file_in(folder, f"{source.stem}-exports", "zip")
        write_archive(archive, files)
        for file in files:
            file.unlink()
        return Prepared(archive, archive.name, tuple(said))

    def forget(self, key: str) -> None:
        """A photo is gone."""
        with self._keeping:
            self._steps.pop(key, None)

    def _read(self, path: Path) -> PhotoFile:
        return self._bounded(read_photo_file, path)

    def _bounded(self, read: Callable[[Path, int], _Read], path: Path) -> _Read:
        try:
            return read(path, self.max_pixels)
        except UnreadablePhotoError as error:
            if str(error).startswith("too large"):
                raise too_many_pixels(self.max_pixels) from error
            raise


def cropped(label: str) -> Crop:
    """The crop that was made by hand.

    Raises:
        Refusal: 422, the label is none of a crop.
    """
    try:
        return crop_of(label)
    except ApsiError as error:
        raise Refusal(422, "The crop is not understood: {reason}.", reason=str(error)) from error


def chosen(recipe: Recipe, choices: Sequence[str]) -> Recipe:
    """A recipe with steps left out, or of other strengths.

    Args:
        recipe: as the editor decided.
        choices: for each of its steps `on`, `off`, or a strength such as `+0.350`.

    Raises:
        Refusal: 422, it is none of these, or a step that has no strength gets one.
    """
    if len(choices) != len(recipe):
        raise Refusal(422, "The steps of this photo are {n}, the request names {m}.", n=len(recipe), m=len(choices))
    found = (_changed(transform, choice) for transform, choice in zip(recipe, choices, strict=True))
    return Recipe(tuple(transform for transform in found if transform is not None))


def strength_of(transform: Transform) -> float | None:
    """The strength of a step, in [-1, 1]; None where it has none."""
    return transform.strength if isinstance(transform, Adjust) else None


def _changed(transform: Transform, choice: str) -> Transform | None:
    if choice in ("on", "off"):
        return transform if choice == "on" else None
    if not isinstance(transform, Adjust) or not _STRENGTH.fullmatch(choice) or abs(float(choice)) > 1:
        raise Refusal(422, "'{choice}' is no choice for the step {label}.", choice=choice[:40], label=transform.label)
    changed = replace(transform, strength=float(choice))
    return changed if changed.strength else None


def write_archive(archive: Path, files: Sequence[Path]) -> None:
    """A ZIP file that is the same whenever and wherever the files are."""
    with zipfile.ZipFile(archive, "w") as zipped:
        for file in sorted(files, key=lambda file: file.name):
            entry = zipfile.ZipInfo(file.name, _TIME)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
            zipped.writestr(entry, file.read_bytes(), compresslevel=6)


def unreadable(error: Exception, source: Source) -> str | None:
    """What apsi says of a file that it can't read, with the name that people know; None: it is another error."""
    if isinstance(error, UnreadablePhotoError | ApsiError):
        return str(error).replace(str(source.path), source.name)
    return None
