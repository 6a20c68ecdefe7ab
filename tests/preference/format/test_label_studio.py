"""Tasks go out without names, answers come back as Label Studio writes them."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.errors import ApsiError
from apsi.preference.folder import PreferenceFolder
from apsi.preference.format.base import Imported, Outgoing, add
from apsi.preference.format.label_studio import LabelStudio
from apsi.preference.format.names import Names

FORMAT = LabelStudio(64, "/data/local-files/?d=", ["7:Ann", "c@example.org: Cleo"])


def annotation(selected: str | None, by: Any = 7, **more: Any) -> dict[str, Any]:
    """As the export "JSON" of a project has it."""
    result = {
        "id": "x",
        "from_name": "better",
        "to_name": "better",
        "type": "pairwise",
        "value": {"selected": selected},
    }
    return {
        "id": 1001,
        "completed_by": by,
        "result": [] if selected is None else [result],
        "was_cancelled": False,
        "created_at": "2021-03-09T22:16:08.728353Z",
        "lead_time": 4.288,
    } | more


@pytest.fixture
def tasks(outgoing: Outgoing, tmp_path: Path) -> list[dict[str, Any]]:
    FORMAT.write(outgoing, tmp_path)
    found: list[dict[str, Any]] = json.loads((tmp_path / "tasks.json").read_text())
    return found


def read(tasks: Any, names: Names, tmp_path: Path) -> Imported:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(tasks))
    return FORMAT.read(file, names)


def test_tasks_have_pictures_and_no_names(outgoing: Outgoing, tasks: list[dict[str, Any]], tmp_path: Path) -> None:
    assert len(tasks) == len(outgoing.pairs) == 4
    for task in tasks:
        for side in ("left", "right"):
            address = task["data"][side]
            assert address.startswith("/data/local-files/?d=images/")
            assert (tmp_path / address.partition("=")[2]).is_file()
    assert "Ann" not in json.dumps(tasks) and "annotations" not in tasks[0]
    labels = ET.fromstring((tmp_path / "labels.xml").read_text())
    pairwise = labels.find("Pairwise")
    assert pairwise is not None and pairwise.attrib == {"name": "better", "toName": "left,right"}
    assert [image.attrib["value"] for image in labels.iter("Image")] == ["$left", "$right"]


def test_answers_come_back_to_the_same_pairs(
    outgoing: Outgoing, tasks: list[dict[str, Any]], names: Names, tmp_path: Path
) -> None:
    answered = [
        task | {"id": k, "annotations": given}
        for k, (task, given) in enumerate(
            zip(
                tasks,
                [
                    [annotation("left"), annotation("right", {"id": 8, "email": "b@example.org"}, id=2)],
                    [annotation("right", lead_time=None)],
                    [annotation(None, was_cancelled=True), annotation(None, 9, id=3)],
                    [],
                ],
                strict=True,
            )
        )
    ]
    found = read(answered, names, tmp_path)
    assert {pair.id for pair in found.pairs} == outgoing.pairs.keys()
    assert [(one.annotator, one.answer) for one in found.answers] == [
        ("Ann", "left"),
        ("label-studio-8", "right"),
        ("Ann", "right"),
        ("Ann", "skip"),
    ]
    assert [one.milliseconds for one in found.answers] == [4288, 4288, 0, 4288]
    assert found.answers[0].time == "2021-03-09T22:16:08.728353Z"
    assert found.notes == ["1 annotations without a choice are left out"]
    folder = PreferenceFolder(tmp_path / "preferences")
    add(folder, found)
    assert add(folder, read(answered, names, tmp_path)).answers == 0
    first = folder.comparisons(["Ann"])[0]
    assert first.preferred == next(iter(outgoing.pairs.values())).left


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": {"image1": "x"}}, "task 1: there is no object apsi"),
        ({"data": 3}, "task 1: there is no object apsi"),
        ({"annotations": 3}, "task 1: annotations=3 must be a list"),
        ({"annotations": [annotation("none")]}, "task 1, annotation 1: selected='none' .* must be left or right"),
        ({"annotations": [annotation("left") | {"result": 3}]}, "annotation 1: result=3"),
        ({"annotations": [annotation("left", by=None)]}, "annotation 1: completed_by=None names nobody"),
        ({"annotations": [annotation("left", by="a\nb")]}, "annotation 1: annotator="),
        ({"annotations": [annotation("left", lead_time=-1)]}, "annotation 1: lead_time=-1"),
        ({"annotations": [annotation("left", lead_time=float("nan"))]}, "annotation 1: lead_time=nan"),
        ({"annotations": [annotation("left", created_at=5)]}, "annotation 1: time='5'"),
    ],
)
def test_what_is_wrong_is_named(
    change: dict[str, Any], message: str, tasks: list[dict[str, Any]], names: Names, tmp_path: Path
) -> None:
    with pytest.raises(ApsiError, match=message):
        read([tasks[0] | change], names, tmp_path)


def test_without_photos_there_are_no_tasks(outgoing: Outgoing, photos: Path, tmp_path: Path) -> None:
    for file in photos.rglob("*.png"):
        file.unlink()
    with pytest.raises(ApsiError, match="none of the pairs' photos is in the data set"):
        FORMAT.write(outgoing, tmp_path / "tasks")


def test_who_is_who_can_be_said_on_the_command_line(names: Names, tmp_path: Path, tasks: list[dict[str, Any]]) -> None:
    config = load_config(["preference/format=label_studio", "preference.format.people=[7:Ann Lee,b@example.org:Bob]"])
    given = [annotation("left"), annotation("left", {"id": 3, "email": "b@example.org"}), annotation("left", 9)]
    (tmp_path / "export.json").write_text(json.dumps([tasks[0] | {"annotations": given}]))
    read = instantiate(config.preference.format).read(tmp_path / "export.json", names)
    assert [one.annotator for one in read.answers] == ["Ann Lee", "Bob", "label-studio-9"]
    with pytest.raises(ApsiError, match=r"people: '7' must be an id"):
        LabelStudio(64, "", ["7"])
