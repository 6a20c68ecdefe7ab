"""What is known of photos from a file beside them: a CSV or JSON file with a row a photo."""

import csv
import io
import json
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from apsi.dataset.base import Dataset, Listing
from apsi.errors import ApsiError
from apsi.photo.facts import PhotoFacts
from apsi.photo.file import read_file

SIDECARS = ("photos.csv", "photos.json")
"""Names under which such a file is found by itself"""
COLUMNS = {
    "file": ("file", "file_name", "filename", "photo"),
    "licence": ("licence", "license"),
    "licence_url": ("licence_url", "license_url"),
    "author": ("author",),
    "source_url": ("source_url", "url"),
    "tags": ("tags",),
}
"""What a row holds, and the names that its columns may have"""
_MAX_BYTES = 256 * 1024**2
_USUAL_ADDRESS = re.compile(r"https?://[\w.-]+(/|$)")
_MAX_TEXT, _MAX_TAGS = 2000, 200
log = logging.getLogger(__name__)


class _NoSidecarError(Exception):
    """A file of the usual name that is about something else."""


def with_sidecar(dataset: Dataset) -> Listing:
    """The listing of a data set, with what the file beside the photos says of them.

    Raises:
        ApsiError: the data set can't be listed, or the file can't be used.
    """
    listing = dataset.listing()
    path = _path_of(dataset)
    if path is None:
        return listing
    try:
        rows = read_sidecar(path)
    except _NoSidecarError as error:
        if dataset.selection.sidecar is not None:
            raise ApsiError(f"dataset.sidecar={path}: {error}") from error
        log.warning("%s is not taken for what is known of the photos: %s", path, error)
        return listing
    names = {file.name for file in listing.files}
    skipped = {entry.name for entry in listing.skipped}
    without_photo = [name for name in rows if name not in names and name not in skipped]
    without_row = len(names - rows.keys())
    remark = f"{path} has rows for {len(names) - without_row} of {len(names)} photos"
    if without_photo:
        remark += f"; {len(without_photo)} rows are of no photo here, the first: {without_photo[0]!r}"
    if names and without_row == len(names):
        raise ApsiError(
            f"{path} names none of the {len(names)} photos: its column 'file' holds paths below the folder of the data "
            f"set, such as {next(iter(sorted(names)))!r}; it has {next(iter(rows), 'no rows')!r}"
        )
    files = tuple(
        replace(file, facts=file.facts.with_more(rows[file.name])) if file.name in rows else file
        for file in listing.files
    )
    return replace(listing, files=files, remarks=(*listing.remarks, remark))


def read_sidecar(path: Path) -> dict[str, PhotoFacts]:
    """What a file says of photos, by their names.

    Raises:
        ApsiError: it can't be read, or a row of it can't be used; the message names the row.
    """
    try:
        data = read_file(path, _MAX_BYTES)
    except OSError as error:
        raise ApsiError(f"dataset.sidecar={path} can't be read: {error.strerror or error}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ApsiError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    rows = _json_rows(path, text) if path.suffix.lower() == ".json" else _csv_rows(path, text)
    found: dict[str, PhotoFacts] = {}
    for place, row in rows:
        name = _name(row.get("file"), place)
        if name in found:
            raise ApsiError(f"{place}: {name!r} has a row already; leave one of them out")
        found[name] = _facts(row, place)
    return found


def _path_of(dataset: Dataset) -> Path | None:
    if dataset.selection.sidecar is not None:
        return Path(dataset.selection.sidecar).expanduser()
    if dataset.sidecar_folder is None:
        return None
    found = [dataset.sidecar_folder / name for name in SIDECARS if (dataset.sidecar_folder / name).is_file()]
    if len(found) > 1:
        raise ApsiError(f"{found[0]} and {found[1]} are both there; say which: dataset.sidecar={found[0]}")
    return found[0] if found else None


def _csv_rows(path: Path, text: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        names = _columns(path, next(reader, []))
        rows = []
        for cells in reader:
            place = f"{path}, line {reader.line_num}"
            if len(cells) > len(names):
                raise ApsiError(
                    f"{place}: it has {len(cells)} values for {len(names)} columns; quote what holds a comma"
                )
            if any(cells):
                rows.append((place, {name: cell for name, cell in zip(names, cells, strict=False) if name and cell}))
        return rows
    except csv.Error as error:
        raise ApsiError(f"{path} is no CSV file that can be read: {error}") from error


def _json_rows(path: Path, text: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ApsiError(f"{path} is not valid JSON: {error}") from error
    if isinstance(content, dict):
        if not all(isinstance(value, dict) for value in content.values()):
            raise _NoSidecarError("it is no list of objects, and no object of objects by file")
        content = [{"file": name} | value for name, value in content.items()]
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise _NoSidecarError("it is no list of objects, and no object of objects by file")
    names = {name for row in content for name in row}
    known = dict(zip(names, _columns(path, list(names)), strict=True)) if content else {}
    return [
        (f"{path}, entry {i}", {known[name]: value for name, value in row.items() if known[name] and value is not None})
        for i, row in enumerate(content, start=1)
    ]


def _columns(path: Path, names: list[str]) -> list[str]:
    """What each column holds; empty for one that is not known."""
    known = {name: column for column, spelled in COLUMNS.items() for name in spelled}
    found = [known.get(str(name).strip().casefold(), "") for name in names]
    if "file" not in found:
        raise _NoSidecarError(f"it has no column 'file', but {', '.join(map(repr, names[:8])) or 'nothing'}")
    twice = next((column for column in COLUMNS if found.count(column) > 1), None)
    if twice is not None:
        raise ApsiError(f"{path} has several columns for '{twice}'; leave one of them out")
    unknown = sorted(str(name) for name, column in zip(names, found, strict=True) if not column)
    if unknown:
        log.info("%s: not kept of it: %s", path, ", ".join(map(repr, unknown[:8])))
    return found


def _name(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ApsiError(f"{place}: it names no file")
    return PurePosixPath(value.strip().replace("\\", "/")).as_posix()


def _facts(row: Mapping[str, Any], place: str) -> PhotoFacts:
    texts = {name: _text(row.get(name, ""), name, place) for name in ("licence", "licence_url", "author", "source_url")}
    for name in ("licence_url", "source_url"):
        require_web_address(texts[name], f"{place}: {name}")
    if texts["licence_url"] and not texts["licence"]:
        texts["licence"] = texts["licence_url"]
    tags = _tags(row.get("tags", ""), place)
    return PhotoFacts(texts["licence"], texts["licence_url"], texts["author"], texts["source_url"], tags)


def _text(value: Any, name: str, place: str) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ApsiError(f"{place}: {name}={value!r} is no text")
    text = str(value).strip()
    if len(text) > _MAX_TEXT or not text.isprintable():
        raise ApsiError(f"{place}: {name} has more than {_MAX_TEXT} letters, or some that can't be printed")
    return text


def _tags(value: Any, place: str) -> tuple[str, ...]:
    """Of a list, or of a text in which a semicolon or a comma stands between them."""
    if isinstance(value, str):
        value = value.split(";" if ";" in value else ",")
    if not isinstance(value, list):
        raise ApsiError(f"{place}: tags={value!r} is neither a list nor a text")
    tags = tuple(dict.fromkeys(tag for tag in (_text(tag, "tags", place) for tag in value) if tag))
    if len(tags) > _MAX_TAGS:
        raise ApsiError(f"{place}: it has {len(tags)} tags, at most {_MAX_TAGS} are kept")
    return tags


def require_web_address(text: str, place: str) -> None:
    """Refuses an address of another kind than http and https, which a page would make a link of.

    Raises:
        ApsiError: with the place.
    """
    if not text or _USUAL_ADDRESS.match(text):
        return
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ApsiError(f"{place}={text!r} is no web address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ApsiError(f"{place}={text!r} is no web address: it must begin with https:// or http://")
