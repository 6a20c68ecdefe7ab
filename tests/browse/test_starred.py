"""A data set of starred photos: it says of each what its own set said, and nothing else."""

import csv
import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apsi.browse.edits import Editors
from apsi.browse.photos import Indexed, Photos
from apsi.browse.starred import as_csv, make_dataset
from apsi.dataset.coco import Coco
from apsi.dataset.sidecar import with_sidecar
from apsi.photo.facts import PhotoFacts
from apsi.photo.write import write_png
from tests.browse.made import indexed, record, write_set
from tests.conftest import natural_photo

LICENCE = ("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/")
FACTS = PhotoFacts(*LICENCE, "Ana", "https://example.org/1", ("sea", "dusk"), (("someone", 3.5),))


def starred(root: Path) -> list[PhotoFacts]:
    """What `dataset=coco` reads of a data set made of all photos of `root`."""
    index = indexed(root)
    catalogue = index.catalogue
    assert catalogue is not None
    photos = Photos(index._places, index.index, Editors({}))  # type: ignore[arg-type]
    rows = [*photos.rows(catalogue.ids.tolist())]
    made = make_dataset(rows, photos.places, root / "starred", datetime.now(UTC))
    read = Coco(str(made.folder / "annotations.json"), None, {"train": 1, "val": 1, "test": 1})
    found = with_sidecar(read).files
    assert all(file.path.is_file() for file in found)
    return [file.facts for file in found]


@pytest.mark.parametrize("name", ["=HYPERLINK(1).jpg", "\n=1+1.jpg", "'=1+1.jpg"])
def test_a_spreadsheet_runs_no_name_of_a_photo(name: str) -> None:
    photo = Indexed(1, "kept", "set", "train", name, None, None, "", 1, 64, 48, 5.0, -1.5, ("warmth",), {}, "")
    header, row = csv.reader(io.StringIO(as_csv([photo]), newline=""))
    said = dict(zip(header, row, strict=True))
    assert said["name"] == f"'{name}" and said["edits"] == "warmth" and said["initial_score"] == "-1.5"


def write(root: Path, split: str, *records: Any, name: str, juror: str, dropped: tuple[Any, ...] = ()) -> Path:
    folder = write_set(root / "data", {split: records}, name, juror=juror, dropped=dropped)
    for one in (*records, *dropped):
        write_png(folder / split / "originals" / one.original_file_name, natural_photo(1, 48, 64))
    return folder


def test_licence_author_address_tags_and_scores_come_through_to_dataset_coco(tmp_path: Path) -> None:
    plain = record(1, initial_score=6.0)
    write(tmp_path, "train", record(0, facts=FACTS, initial_score=7.5), plain, name="one-0123456789ab", juror="red")
    lost = record(2, facts=FACTS, file_name="000002-d01.png", initial_score=2.0, split="test")
    write(tmp_path, "test", record(3), dropped=(lost,), name="two-0123456789ab", juror="blue")
    found = sorted(starred(tmp_path), key=lambda facts: (facts.licence, facts.scores))
    assert found == [
        PhotoFacts(),
        PhotoFacts(scores=(("red", 6.0),)),
        PhotoFacts(*LICENCE, "Ana", "https://example.org/1", ("sea", "dusk"), (("someone", 3.5), ("blue", 2.0))),
        PhotoFacts(*LICENCE, "Ana", "https://example.org/1", ("sea", "dusk"), (("someone", 3.5), ("red", 7.5))),
    ]


def test_what_a_file_of_others_says_is_taken_over_only_where_it_is_a_fact(tmp_path: Path) -> None:
    folder = write(tmp_path, "train", *(record(i) for i in range(3)), name="odd-0123456789ab", juror="red")
    path = folder / "train" / "annotations.json"
    content = json.loads(path.read_text())
    content["licenses"] = [{"id": 1, "name": ["x"], "url": "javascript:alert(1)"}, {"id": [], "name": "y"}, 7]
    odd = [
        {"license": 1, "source_url": "file:///etc/passwd", "tags": ["a", 7, "", "a"], "known_scores": {"me": 10**400}},
        {"license": [1], "author": {"a": 1}, "tags": "sea", "known_scores": [1]},
        {"file_name": ["x"], "license": 9},
    ]
    content["images"] = [image | more for image, more in zip(content["images"], odd, strict=True)]
    path.write_text(json.dumps(content))
    assert starred(tmp_path)[:2] == [
        PhotoFacts(licence="['x']", tags=("a",)),
        PhotoFacts(author="{'a': 1}"),
    ]


def test_a_data_set_of_starred_photos_is_for_those_whom_the_umask_leaves(tmp_path: Path) -> None:
    write(tmp_path, "train", record(0, initial_score=7.5), name="one-0123456789ab", juror="red")
    before = os.umask(0o077)
    try:
        starred(tmp_path)
    finally:
        os.umask(before)
    (folder,) = (tmp_path / "starred").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "annotations.json").stat().st_mode & 0o777 == 0o600
