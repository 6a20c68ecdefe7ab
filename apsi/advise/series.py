"""One photo or a thousand: several at a time, each result kept as soon as it is there, so that a run can go on."""

import json
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from glob import escape
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from apsi.advise.advice import Advice, advise, crop_pictures, preview, told, write_edited
from apsi.advise.editor import Editor
from apsi.advise.framing import Framer
from apsi.advise.journal import JOURNAL, LIST, PAGE, read_journal
from apsi.advise.page import Pictures, Shot, write_page
from apsi.advise.photos import Item
from apsi.advise.words import Words
from apsi.algo.divergence import DivergedError
from apsi.errors import ApsiError
from apsi.juror.base import Juror
from apsi.photo.depth import DeepPhoto
from apsi.photo.file import read_file
from apsi.photo.full_size import PhotoFile, read_photo_file
from apsi.photo.read import UnreadablePhotoError, max_file_bytes, pixels_of
from apsi.photo.save import suffix_for
from apsi.photo.write import write_text
from apsi.transform.recipe import Recipe
from apsi.web.page import data_uri

_AT_A_TIME = 60_000_000  # pixels that are worked on at a time; a larger photo is worked on alone
_LOCK = ".advice.lock"
_RESULT = re.compile(r"-edited\.|-recipe\.json|-advice\.html")
_THUMBNAIL = 240  # pixels
_NO_MEMORY = "there is not enough memory for it"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """A file that could not be edited."""

    photo: str
    error: str


@dataclass(frozen=True)
class Job:
    """What is done to each photo, and where the results go."""

    out: Path
    words: Words
    key: str
    """of all that decides on the results; those of another are not taken for done"""
    editor: Editor | None = None
    second: Juror | None = None
    framer: Framer | None = None
    """who looks for crops; None: nobody"""
    recipe: Recipe | None = None
    """given instead of an editor"""
    explain: bool = True
    strip_gps: bool = False
    workers: int | None = None
    deciding: Any = field(default_factory=threading.Lock)
    """held while networks are asked, by one at a time"""


@dataclass(frozen=True)
class Done:
    """A series at its end."""

    shots: list[Shot]
    failures: list[Failure]
    kept: int
    """of these photos, those that an earlier run had done"""


def run_series(items: Sequence[Item], job: Job, tell: Callable[[], None] = lambda: None) -> Done:
    """Works on photos, several at a time, and writes each one's results as soon as they are there.

    A photo whose results stand in the journal of `job.out`, unchanged since and from the same settings, is left out.

    Args:
        items: what to work on.
        job: what to do.
        tell: is called after each photo.

    Raises:
        ApsiError: a file that is no result of apsi, or one of another photo, stands where a result would; nothing is
            done then.
        OSError: a result can't be written, such as on a full disk; what is done so far is kept.
    """
    job.out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(job.out / _LOCK, blocking=False):
            return _run(items, job, tell)
    except Timeout as error:
        raise ApsiError(
            f"another run is writing into {job.out}: wait for its end, or choose another, out=DIR"
        ) from error


def _run(items: Sequence[Item], job: Job, tell: Callable[[], None]) -> Done:
    journal, owners = read_journal(job.out / JOURNAL)
    _require_free(items, job.out, owners)
    _sweep(items, job.out)
    single = len(items) == 1
    known = {
        item: Shot(Advice.from_dict(entry["advice"]), str(entry["thumbnail"]))
        for item in items
        if (entry := journal.get(_name_of(item.path))) and _is_valid(entry, item, job, single)
    }
    found: dict[Item, Shot | Failure] = dict(known)
    for _ in known:
        tell()
    gate, wanted = _Gate(_AT_A_TIME), [item for item in items if item not in known]
    workers = min(job.workers or os.cpu_count() or 1, max(1, len(wanted)))
    inputs = [item.path for item in items]
    with ThreadPoolExecutor(workers, "photo") as pool, (job.out / JOURNAL).open("a", encoding="utf-8") as lines:
        # results of these names are apsi's, of these files; a line that was cut off ends here
        lines.write("\n" + json.dumps({"names": {item.name: _name_of(item.path) for item in items}}) + "\n")
        lines.flush()
        rest = iter(wanted)
        running: dict[Future[Shot | Failure], Item] = {}
        try:
            while True:
                for item in islice(rest, workers - len(running)):
                    running[pool.submit(_one, item, job, gate, inputs, single)] = item
                if not running:
                    break
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    item = running.pop(future)
                    found[item] = result = future.result()
                    if isinstance(result, Shot):
                        lines.write(json.dumps(_entry(item, job, result)) + "\n")
                        lines.flush()
                    tell()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    results = [found[item] for item in items]
    return Done(
        [result for result in results if isinstance(result, Shot)],
        [result for result in results if isinstance(result, Failure)],
        len(known),
    )


def _one(item: Item, job: Job, gate: "_Gate", inputs: Sequence[Path], single: bool) -> Shot | Failure:
    with gate.room_for(_pixels(item.path)):
        try:
            photo = read_photo_file(item.path)
        except (UnreadablePhotoError, ApsiError) as error:
            return Failure(str(item.path), str(error))
        except MemoryError:
            return Failure(str(item.path), _NO_MEMORY)
        except OSError as error:
            return Failure(str(item.path), error.strerror or str(error))
        try:
            return _results(item, photo, job, inputs, single)
        except DivergedError:
            raise
        except ApsiError as error:
            return Failure(str(item.path), str(error))
        except MemoryError:
            return Failure(str(item.path), _NO_MEMORY)


def _results(item: Item, photo: PhotoFile, job: Job, inputs: Sequence[Path], single: bool) -> Shot:
    if job.recipe is not None:
        advice, recipe = told(photo, job.recipe), job.recipe
    else:
        assert job.editor is not None
        with job.deciding:
            advice, recipe = advise(photo, job.editor, job.second, job.explain, job.framer)
    pixels, thumbnail = photo.pixels, ""
    if recipe.transforms:
        target = job.out / f"{item.name}-edited{suffix_for(photo)}"
        pixels, remarks = write_edited(photo, recipe, target, strip_gps=job.strip_gps, inputs=inputs)
        recipe_file = job.out / f"{item.name}-recipe.json"
        write_text(recipe_file, recipe.to_json())
        advice = replace(
            advice,
            edited=_relative(target, job.out),
            recipe_file=_relative(recipe_file, job.out),
            remarks=[*advice.remarks, *remarks],
        )
    else:
        _remove_results(item, job.out)
    if job.explain:
        page = job.out / (PAGE if single else f"{item.name}-{PAGE}")
        advice = replace(advice, page=_relative(page, job.out))
        overview = "" if single else f"{'../' * item.name.count('/')}{PAGE}"
        write_page(page, advice, _pictures(photo, recipe, pixels, advice), job.words, overview)
        thumbnail = "" if single else data_uri(preview(photo, pixels, _THUMBNAIL), "image/jpeg")
    return Shot(advice, thumbnail)


def _pictures(photo: PhotoFile, recipe: Recipe, pixels: DeepPhoto, advice: Advice) -> Pictures:
    """What the page shows of a photo and of its edited pixels."""
    before, after = preview(photo, photo.pixels), preview(photo, pixels) if recipe.transforms else None
    same_frame = not any(transform.reframes for transform in recipe)
    if advice.crop is None:
        return Pictures(before, after, same_frame)
    shown = pixels if same_frame else photo.pixels
    framed, cropped = crop_pictures(photo, shown, advice.crop)
    return Pictures(before, after, same_frame, framed, None if advice.is_cut else cropped)


def _remove_results(item: Item, out: Path) -> None:
    """Takes away what an earlier run with other settings left of this photo, which needs nothing by these."""
    target = out / item.name
    for file in target.parent.glob(f"{escape(target.name)}-*"):
        if _RESULT.match(file.name.removeprefix(target.name)):
            file.unlink()


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _pixels(path: Path) -> int:
    """Of a file, by its header; as many as are worked on at a time where that does not say, as of camera raw."""
    try:
        return pixels_of(read_file(path, max_file_bytes(_AT_A_TIME * 4)))
    except (UnreadablePhotoError, OSError, MemoryError):
        return _AT_A_TIME  # whoever reads it says what is wrong


class _Gate:
    """Lets work on so many pixels in at a time."""

    def __init__(self, capacity: int) -> None:
        self._capacity = self._left = capacity
        self._changed = threading.Condition()

    @contextmanager
    def room_for(self, pixels: int) -> Iterator[None]:
        taken = min(max(1, pixels), self._capacity)
        with self._changed:
            self._changed.wait_for(lambda: self._left >= taken)
            self._left -= taken
        try:
            yield
        finally:
            with self._changed:
                self._left += taken
                self._changed.notify_all()


def _name_of(path: Path) -> str:
    return str(path.resolve())


def _entry(item: Item, job: Job, shot: Shot) -> dict[str, Any]:
    """A line of the journal."""
    return {
        "file": _name_of(item.path),
        "name": item.name,
        "state": _state(item.path),
        "key": job.key,
        "advice": shot.advice.as_dict(),
        "thumbnail": shot.thumbnail,
    }


def _state(path: Path) -> list[int]:
    try:
        found = path.stat()
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns]


def _is_valid(entry: dict[str, Any], item: Item, job: Job, single: bool) -> bool:
    advice = entry["advice"]
    files = [advice[name] for name in ("edited", "recipe_file", "page") if advice.get(name)]
    return (
        (entry["key"], entry["name"], entry["state"]) == (job.key, item.name, _state(item.path))
        and (bool(advice.get("page")) or not job.explain)
        and (single or advice.get("page") != PAGE)  # which will be the page on all of them
        and all((job.out / file).exists() for file in files)
    )


def _require_free(items: Sequence[Item], out: Path, owners: dict[str, str | None]) -> None:
    """Refuses to write over what apsi did not write, and over the results of another photo."""
    for file in (out / PAGE, out / LIST):
        if not owners and file.exists():
            raise _not_ours(file)
    there = {folder: [file.name for file in folder.iterdir()] for folder in _folders(items, out) if folder.is_dir()}
    for item in items:
        target, owner = out / item.name, owners.get(item.name)
        for file in (target.parent / name for name in there.get(target.parent, ())):
            ending = file.name.removeprefix(target.name)
            if ending == file.name or not _RESULT.match(ending):
                continue
            if item.name not in owners:
                raise _not_ours(file)
            if owner not in (None, _name_of(item.path)):
                raise ApsiError(
                    f"{file} is there already, of another photo, {owner}, and {item.path} would replace it: choose "
                    "another folder, out=DIR"
                )


def _not_ours(file: Path) -> ApsiError:
    return ApsiError(f"{file} is there already and was not written by a run into this folder: choose another, out=DIR")


def _sweep(items: Sequence[Item], out: Path) -> None:
    """Removes what writes of these results left that were killed."""
    for folder in _folders(items, out):
        for file in folder.glob(".*.tmp"):
            if _RESULT.search(file.name):
                file.unlink(missing_ok=True)


def _folders(items: Sequence[Item], out: Path) -> set[Path]:
    return {(out / item.name).parent for item in items}
