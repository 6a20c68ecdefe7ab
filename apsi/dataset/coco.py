"""Photos of an annotated set: a COCO file and the folder of its images."""

import json
import os
import posixpath
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import PositiveInt

from apsi.dataset.base import Dataset, Listing, Skipped, SourceFile
from apsi.dataset.folder import printable, unusable_name
from apsi.dataset.sidecar import require_web_address
from apsi.errors import ApsiError
from apsi.photo.coco import SUPERCATEGORY
from apsi.photo.facts import PhotoFacts
from apsi.photo.file import read_file
from apsi.photo.formats import why_unread
from apsi.photo.read import MAX_PIXELS

_MAX_BYTES = 8 * 1024**3
_MAX_TEXT = 2000
_LOOKED_FOR = 200
"""Files of which one must be there"""
_why_unread = cache(why_unread)
_ADDRESSES = ("source_url", "coco_url", "flickr_url", "url")
Entries = list[dict[str, Any]]


class Coco(Dataset):
    """The images that a COCO file lists, with licences, authors, tags and scores that stand in it.

    A score belongs to whom it is from: it is kept in `known_scores`, under `score_source`, and is no score of this
    run's juror unless `use_scores` says so.
    """

    def __init__(
        self,
        annotations: str,
        root: str | None,
        enlarge: dict[str, int],
        *,
        score_key: str = "score",
        score_source: str | None = None,
        use_scores: bool = False,
        max_pixels: PositiveInt = MAX_PIXELS,
    ) -> None:
        """Takes the paths; reads nothing yet.

        Args:
            annotations: the JSON file.
            root: the folder that its file names begin at; None: the file's own, or `images` in it.
            enlarge: for each split, how many versions of each photo to make, the photo itself included.
            score_key: key of an image that holds a score of the whole photo.
            score_source: whose scores these are, such as the fingerprint of a juror; None: the `juror` that the file's
                `info` names, as in files of apsi, else the name of the file.
            use_scores: whether they are taken for the juror's own, which must have the fingerprint `score_source`.
            max_pixels: files with more, by what their header says, are skipped before they are decoded.

        Raises:
            ApsiError: scores are to be used and nothing says whose they are.
        """
        self.annotations = Path(annotations).expanduser()
        self.root = None if root is None else Path(root).expanduser()
        self.enlarge, self.max_pixels = enlarge, max_pixels
        self._score_key, self._source = score_key, score_source
        if use_scores and not score_source:
            raise ApsiError(
                "dataset.use_scores=true needs dataset.score_source: the fingerprint of the juror whose scores they are"
            )
        self.score_source = score_source or "" if use_scores else ""
        self.sidecar_folder = self.root or self.annotations.parent

    @property
    def name(self) -> str:
        stem = self.annotations.stem
        return stem if stem != "annotations" else Path(os.path.realpath(self.annotations)).parent.name or stem

    def listing(self) -> Listing:
        content = self._content()
        root = self._root(content["images"])
        licences = {entry.get("id"): self._licence(entry) for entry in content["licenses"]}
        tags = _tags_by_image(content)
        source = self._source or str(content["info"].get("juror") or self.annotations.name)
        files, skipped, seen = [], list[Skipped](), set[str]()
        real_root = os.path.realpath(root)
        inside = cache(lambda folder: _is_inside(os.path.realpath(root / folder), real_root))
        for number, image in enumerate(content["images"]):
            given = image.get("file_name")
            if not isinstance(given, str) or not given:
                raise ApsiError(f"{self.annotations}: image {number} has no file_name, but {given!r}")
            name = given.replace("\\", "/")
            if reason := _unusable(name):
                skipped.append(Skipped(printable(given), reason))
                continue
            name = posixpath.normpath(name)
            path = root / name
            if name in seen:
                skipped.append(Skipped(name, "listed before in the same file; the first entry counts"))
            elif not inside(posixpath.dirname(name)):
                skipped.append(Skipped(name, f"leads out of dataset.root={root}"))
            else:
                facts = self._facts(image, number, licences, tags.get(image.get("id"), ()), source)
                files.append(SourceFile(name, path, facts))
            seen.add(name)
        some = files[:_LOOKED_FOR]
        if some and not any(os.path.lexists(file.path) for file in some):
            raise ApsiError(
                f"none of the first {len(some)} images of {self.annotations} is in {root}, such as {some[0].name}: "
                "name the folder that its file names begin at, dataset.root=FOLDER"
            )
        return Listing(tuple(files), tuple(skipped))

    def _content(self) -> dict[str, Any]:
        try:
            content = json.loads(read_file(self.annotations, _MAX_BYTES))
        except FileNotFoundError as error:
            raise ApsiError(f"dataset.annotations={self.annotations} does not exist; give a COCO file") from error
        except OSError as error:
            raise ApsiError(
                f"dataset.annotations={self.annotations} can't be read: {error.strerror or error}"
            ) from error
        except (ValueError, RecursionError) as error:
            raise ApsiError(f"{self.annotations} is not JSON, or was cut off: {error}") from error
        if not isinstance(content, dict) or not isinstance(content.get("images"), list):
            raise ApsiError(f"{self.annotations} is no COCO file: it has no list 'images'")
        parts: dict[str, Any] = {"images": content["images"], "info": content.get("info") or {}}
        if not isinstance(parts["info"], dict):
            raise ApsiError(f"{self.annotations}: 'info' is no object")
        for key in ("licenses", "categories", "annotations"):
            parts[key] = content.get(key) or []
            if not isinstance(parts[key], list):
                raise ApsiError(f"{self.annotations}: '{key}' is no list")
        for key in ("images", "licenses", "categories", "annotations"):
            wrong = next((i for i, entry in enumerate(parts[key]) if not isinstance(entry, dict)), None)
            if wrong is not None:
                raise ApsiError(f"{self.annotations}: '{key}' holds something else than objects, at {wrong}")
            for i, entry in enumerate(parts[key]):
                if isinstance(entry.get("id"), list | dict) or isinstance(entry.get("image_id"), list | dict):
                    raise ApsiError(f"{self.annotations}: '{key}' {i} has an id that is no number or text")
        return parts

    def _root(self, images: Entries) -> Path:
        if self.root is not None:
            if not self.root.is_dir():
                raise ApsiError(f"dataset.root={self.root} is no folder; give the one that the images are in")
            return self.root
        beside = self.annotations.parent
        names = [image.get("file_name") for image in images[:_LOOKED_FOR]]
        usual = [name for name in names if isinstance(name, str) and not _unusable(name)]
        there = any((beside / name).is_file() for name in usual)
        return beside / "images" if not there and (beside / "images").is_dir() else beside

    def _licence(self, entry: Mapping[str, Any]) -> tuple[str, str]:
        name = self._text(entry, "name", "a licence") or self._text(entry, "url", "a licence")
        return name, self._address(entry, "url", "a licence")

    def _facts(
        self,
        image: Mapping[str, Any],
        number: int,
        licences: Mapping[Any, tuple[str, str]],
        tags: tuple[str, ...],
        source: str,
    ) -> PhotoFacts:
        place = f"image {number} ({printable(image['file_name'])})"
        licence = ("", "")
        if image.get("license") is not None:
            if isinstance(image["license"], list | dict) or image["license"] not in licences:
                raise ApsiError(
                    f"{self.annotations}: {place} has the licence {image['license']!r}, which 'licenses' does not have"
                )
            licence = licences[image["license"]]
        address = next((found for key in _ADDRESSES if (found := self._address(image, key, place))), "")
        own_tags = image.get("tags") or []
        if not isinstance(own_tags, list) or not all(isinstance(tag, str) for tag in own_tags):
            raise ApsiError(f"{self.annotations}: {place} has tags={own_tags!r}, which is no list of texts")
        tags = tuple(dict.fromkeys(text for tag in (*own_tags, *tags) if (text := _one_line(tag))))
        return PhotoFacts(
            *licence, self._text(image, "author", place), address, tags, self._scores(image, place, source)
        )

    def _scores(self, image: Mapping[str, Any], place: str, source: str) -> tuple[tuple[str, float], ...]:
        known = image.get("known_scores") or {}
        if not isinstance(known, dict):
            raise ApsiError(f"{self.annotations}: {place} has known_scores={known!r}, which is no object")
        found = {_one_line(whose): score for whose, score in known.items()}
        if image.get(self._score_key) is not None:
            found[source] = image[self._score_key]
        if image.get("initial_score") is not None:
            found[f"{source}, before it was degraded"] = image["initial_score"]
        for whose, score in found.items():
            if not isinstance(score, int | float) or isinstance(score, bool) or not abs(score) <= sys.float_info.max:
                raise ApsiError(f"{self.annotations}: {place} has the score {score!r} of {whose!r}, which is no number")
        return tuple((whose, float(score)) for whose, score in found.items())

    def _text(self, entry: Mapping[str, Any], key: str, place: str) -> str:
        value = entry.get(key)
        if value is not None and not isinstance(value, str | int | float):
            raise ApsiError(f"{self.annotations}: {place} has {key}={value!r}, which is no text")
        return _one_line("" if value is None else str(value))

    def _address(self, entry: Mapping[str, Any], key: str, place: str) -> str:
        text = self._text(entry, key, place)
        require_web_address(text, f"{self.annotations}: {place}: {key}")
        return text


def _one_line(text: str) -> str:
    if text.isprintable():
        return " ".join(text.split())[:_MAX_TEXT]
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:_MAX_TEXT]


def _unusable(name: str) -> str:
    """Why a file name of an annotation file is not followed; empty where it is."""
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or ":" in parts[0]:
        return "leads out of the folder of the images"
    return unusable_name(name) or _why_unread(posixpath.splitext(name)[1])


def _is_inside(folder: str, root: str) -> bool:
    return folder == root or folder.startswith(root.rstrip(os.sep) + os.sep)


def _tags_by_image(content: Mapping[str, Entries]) -> dict[Any, tuple[str, ...]]:
    """The names of what is annotated on each image."""
    names = {
        category.get("id"): str(category.get("name"))
        for category in content["categories"]
        if category.get("supercategory") != SUPERCATEGORY and category.get("name")
    }
    found: dict[Any, dict[str, None]] = {}
    for annotation in content["annotations"]:
        name = names.get(_hashable(annotation.get("category_id")))
        if name is not None:
            found.setdefault(annotation.get("image_id"), {})[name] = None
    return {image: tuple(tags) for image, tags in found.items()}


def _hashable(value: Any) -> Any:
    return None if isinstance(value, list | dict) else value
