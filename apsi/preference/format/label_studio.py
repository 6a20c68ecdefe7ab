"""Pairs as tasks of Label Studio, and what people answered there."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import PositiveInt

from apsi.errors import ApsiError
from apsi.photo.write import write_text
from apsi.preference.answer import Answer
from apsi.preference.format.base import Exported, Format, Imported, Outgoing, answer_id, answer_to
from apsi.preference.format.files import at, objects, parse, read_text, short, time_of
from apsi.preference.format.names import Names
from apsi.preference.format.record import KEY, pair_record, read_pair
from apsi.preference.format.target import free, write_pictures
from apsi.preference.pair import Pair, Version

LABELS = """<View>
  <Header value="Which version is better?"/>
  <Pairwise name="better" toName="left,right"/>
  <View style="display: flex; gap: 1em">
    <View style="flex: 1"><Image name="left" value="$left"/></View>
    <View style="flex: 1"><Image name="right" value="$right"/></View>
  </View>
</View>
"""
"""The labelling interface, after the template "Pairwise Classification" of Label Studio's documentation"""


@dataclass(frozen=True)
class LabelStudio(Format):
    """Writes tasks, pictures and the labelling interface; reads the export "JSON" of the project.

    Tasks hold no names and no answers. What comes back is left or right: the template knows no tie. An annotation that
    was cancelled is a skip; one without a choice says nothing and is left out.
    """

    size: PositiveInt
    """pixels of a picture's longer side, at most"""
    address: str
    """what stands before the path of a picture; that of local files where Label Studio runs with
    `LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT` at the exported folder"""
    people: list[str]
    """`ID:NAME`, names by the id or e-mail address that Label Studio has of people; others are `label-studio-ID`"""

    kind = "label_studio"

    def __post_init__(self) -> None:
        for one in self.people:
            if not all(part.strip() for part in one.partition(":")):
                raise ApsiError(
                    f"preference.format.people: {one!r} must be an id or e-mail address, a colon and a name"
                )

    def read(self, path: Path, names: Names) -> Imported:
        tasks = objects(parse(read_text(path), str(path)), path, "a list of tasks, Label Studio's export as JSON")
        pairs, answers, silent = list[Pair](), list[Answer](), 0
        for number, task in enumerate(tasks, start=1):
            place = f"{path}, task {number}"
            with at(place):
                data = task.get("data")
                pair, left = read_pair(data if isinstance(data, dict) else {}, names, self.kind)
            pairs.append(pair)
            for count, annotation in enumerate(_annotations(task, place), start=1):
                with at(f"{place}, annotation {count}"):
                    given = self._answer(annotation, pair, left, path)
                answers += given
                silent += not given
        notes = [f"{silent} annotations without a choice are left out"] if silent else []
        return Imported(pairs, answers, notes)

    def write(self, outgoing: Outgoing, folder: Path) -> Exported:
        target, labels = free(folder / "tasks.json"), free(folder / "labels.xml")
        versions = [version for pair in outgoing.pairs.values() for version in (pair.left, pair.right)]
        shown = write_pictures(versions, outgoing.originals, folder, self.size)
        there = [pair for pair in outgoing.pairs.values() if {pair.left.key, pair.right.key} <= shown.keys()]
        if not there:
            raise ApsiError(
                "none of the pairs' photos is in the data set; name their folder with dataset=folder "
                "dataset.path=FOLDER"
            )
        tasks = [
            {
                "data": {
                    "left": f"{self.address}{shown[pair.left.key]}",
                    "right": f"{self.address}{shown[pair.right.key]}",
                    KEY: pair_record(pair.left, pair.right, pair.split, pair.source),
                }
            }
            for pair in there
        ]
        write_text(target, json.dumps(tasks, ensure_ascii=False, indent=1))
        write_text(labels, LABELS)
        missing = len(outgoing.pairs) - len(there)
        notes = [f"{missing} pairs are left out: their photos are not in the data set as they were"] if missing else []
        return Exported([target, labels], len(tasks), "tasks", notes)

    def _answer(self, annotation: Mapping[str, Any], pair: Pair, left: Version, path: Path) -> list[Answer]:
        said = _said(annotation)
        if said is None:
            return []
        annotator = self._annotator(annotation.get("completed_by"))
        entry = [pair.id, annotation.get("id"), annotation.get("created_at"), said]
        written = annotation.get("created_at") or ""
        return [
            answer_to(
                pair,
                left.key,
                said,
                id=answer_id(self.kind, entry, annotator),
                annotator=annotator,
                milliseconds=_milliseconds(annotation.get("lead_time")),
                time=time_of(written if isinstance(written, str) else short(written), path),
            )
        ]

    def _annotator(self, by: Any) -> str:
        known = [by.get("id"), by.get("email")] if isinstance(by, dict) else [by]
        said = [str(value) for value in known if type(value) in (int, str)]
        if not said:
            raise ApsiError(f"completed_by={short(by)} names nobody: it is a number, or an object with id or email")
        names = {number.strip(): name.strip() for number, _, name in (one.partition(":") for one in self.people)}
        return next((names[one] for one in said if one in names), f"label-studio-{said[0]}")


def _annotations(task: Mapping[str, Any], place: str) -> Iterator[Mapping[str, Any]]:
    found = task.get("annotations", [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ApsiError(
            f"{place}: annotations={short(found)} must be a list of objects; export the project as JSON, not JSON-MIN"
        )
    yield from found


def _said(annotation: Mapping[str, Any]) -> str | None:
    """Left, right or skip; None where nothing was chosen."""
    if annotation.get("was_cancelled") is True:
        return "skip"
    result = annotation.get("result", [])
    if not isinstance(result, list) or not all(isinstance(one, dict) for one in result):
        raise ApsiError(f"result={short(result)} must be a list of objects")
    values = [one.get("value") for one in result if one.get("type") == "pairwise"]
    if not values:
        return None
    said = values[0].get("selected") if len(values) == 1 and isinstance(values[0], dict) else values
    if said not in ("left", "right"):
        raise ApsiError(f"selected={short(said)} of the pairwise result must be left or right, once")
    return str(said)


def _milliseconds(seconds: Any) -> int:
    if seconds is None:
        return 0
    if type(seconds) not in (int, float) or not 0 <= seconds < 1e9:
        raise ApsiError(f"lead_time={short(seconds)} must be a number of seconds")
    return int(min(seconds * 1000, 24 * 3600 * 1000))  # a page that was left open over night
