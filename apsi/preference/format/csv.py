"""A table of answers."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from apsi import __version__
from apsi.errors import ApsiError, did_you_mean
from apsi.photo.write import atomic
from apsi.preference.answer import Answer
from apsi.preference.folder import Comparison
from apsi.preference.format.base import Exported, Format, Imported, Outgoing, answer_id, answer_to, names_note
from apsi.preference.format.files import at, read_text, require_few, short, time_of
from apsi.preference.format.names import Names
from apsi.preference.format.target import free
from apsi.preference.pair import Pair, Version
from apsi.spreadsheet import guarded, unguarded

COLUMNS = (
    *("image", "left", "right", "answer", "annotator", "milliseconds", "time", "reason", "is_repeat", "split"),
    *("source", "photo", "right_image", "right_photo", "id", "apsi"),
)
_NEEDED = ("image", "left", "right", "answer", "annotator")


@dataclass(frozen=True)
class Csv(Format):
    """A row for each answer that holds: `image,left,right,answer,annotator` and further columns, in any order.

    `left` and `right` are the labels of what was done to the photo, with `|` between them and nothing for a photo as it
    is. Of two photos, `right_image` and `right_photo` are those of the right one. What begins like a formula has an
    apostrophe before it, so that spreadsheets show it and do not run it; reading takes it away.
    """

    kind = "csv"

    def read(self, path: Path, names: Names) -> Imported:
        rows = list(_rows(path))
        for place, row in rows:
            with at(f"{path}, {place}"):
                for image in (row["image"], row.get("right_image") or row["image"]):
                    names.found(image)
        names.look_at(row["image"] for _, row in rows if not row.get("photo"))
        found = [_read(path, place, row, names) for place, row in rows]
        return Imported(
            list(dict.fromkeys(pair for pair, _ in found)), [answer for _, answer in found if answer is not None]
        )

    def write(self, outgoing: Outgoing, folder: Path) -> Exported:
        if not outgoing.comparisons:
            raise ApsiError("there is no answer to export; give some with task=annotate")
        target = free(folder / "answers.csv")
        with atomic(target) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            for comparison in outgoing.comparisons:
                row = _row(comparison)
                rows.writerow([guarded(row[column]) for column in COLUMNS])
        unanswered = len(outgoing.pairs.keys() - {comparison.answer.pair for comparison in outgoing.comparisons})
        notes = [names_note(outgoing.comparisons)]
        notes += [f"{unanswered} pairs that nobody answered are left out"] if unanswered else []
        return Exported([target], len(outgoing.comparisons), notes=notes)


def joined(labels: tuple[str, ...]) -> str:
    """A recipe in one cell."""
    return "|".join(re.sub(r"([\\|])", r"\\\1", label) for label in labels)


def parted(cell: str) -> tuple[str, ...]:
    """What `joined` was given."""
    labels, taken = [""], False
    for character in cell:
        if character == "|" and not taken:
            labels.append("")
        elif character == "\\" and not taken:
            taken = True
            continue
        else:
            labels[-1] += character
        taken = False
    return tuple(label.strip() for label in labels) if cell else ()


def _row(comparison: Comparison) -> dict[str, str]:
    answer, left, right = comparison.answer, comparison.left, comparison.right
    of_two = (left.photo, left.name) != (right.photo, right.name)
    return {
        "image": left.name,
        "left": joined(left.recipe),
        "right": joined(right.recipe),
        "answer": str(answer.answer),
        "annotator": answer.annotator,
        "milliseconds": str(answer.milliseconds),
        "time": answer.time,
        "reason": answer.reason or "",
        "is_repeat": "true" if answer.is_repeat else "",
        "split": comparison.split,
        "source": comparison.source,
        "photo": left.photo,
        "right_image": right.name if of_two else "",
        "right_photo": right.photo if of_two else "",
        "id": answer.id,
        "apsi": answer.apsi,
    }


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Where each row stands, and what it has in each column."""
    lines = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        header = [unguarded(name.strip()) for name in next(lines, [])]
        _require_columns(path, header)
        for number, line in enumerate(lines, start=1):
            place = f"line {lines.line_num}"
            require_few(number, path)
            if line and len(line) != len(header):
                raise ApsiError(f"{path}, {place}: {len(line)} values for {len(header)} columns; correct it")
            if line:
                yield place, {name: unguarded(cell) for name, cell in zip(header, line, strict=True)}
    except csv.Error as error:
        raise ApsiError(f"{path}, line {lines.line_num}: {error}; correct it") from error


def _require_columns(path: Path, header: list[str]) -> None:
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise ApsiError(
            f"{path}, line 1: the header {short(','.join(header))} has no {', '.join(missing)}; the columns "
            f"{','.join(_NEEDED)} are needed"
        )
    for name in header:
        if name not in COLUMNS or header.count(name) > 1:
            what = "stands twice" if name in COLUMNS else f"is none of {', '.join(COLUMNS)}"
            raise ApsiError(f"{path}, line 1: the column {short(name)} {what}.{did_you_mean(name, COLUMNS)}")


def _read(path: Path, place: str, row: Mapping[str, str], names: Names) -> tuple[Pair, Answer | None]:
    with at(f"{path}, {place}"):
        left = names.version(row["image"], parted(row["left"]), row.get("photo", ""))
        right = _right(row, left, names)
        pair = names.pair(left, right, row.get("source") or Csv.kind, row.get("split") or None)
        said = row["answer"].strip()
        if not said:
            return pair, None
        repeat = row.get("is_repeat", "").strip().lower()
        if repeat not in ("", "true", "false", "0", "1"):
            raise ApsiError(f"is_repeat={short(repeat)} must be true, false or empty")
        return pair, answer_to(
            pair,
            left.key,
            said,
            id=row.get("id") or answer_id(Csv.kind, dict(row), row["annotator"]),
            annotator=row["annotator"],
            milliseconds=_milliseconds(row.get("milliseconds", "")),
            time=time_of(row.get("time", ""), path),
            reason=row.get("reason") or None,
            is_repeat=repeat in ("true", "1"),
            apsi=row.get("apsi") or __version__,
        )


def _right(row: Mapping[str, str], left: Version, names: Names) -> Version:
    recipe = parted(row["right"])
    if not row.get("right_image") and not row.get("right_photo"):
        return names.version(left.name, recipe, left.photo)
    return names.version(row.get("right_image") or left.name, recipe, row.get("right_photo", ""))


def _milliseconds(cell: str) -> int:
    if not re.fullmatch(r"\d{0,9}", cell.strip()):
        raise ApsiError(f"milliseconds={short(cell)} must be a whole number from 0")
    return int(cell or 0)
