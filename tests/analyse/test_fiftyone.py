"""FiftyOne for real: exported by one process, read by another; chosen there, trained on here; the app answers."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from apsi.analyse.analysis import Analysis
from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.dataset import fiftyone as fiftyone_module
from apsi.dataset.base import Listing
from apsi.dataset.choose import choose
from apsi.dataset.fiftyone import FiftyOne, _named
from apsi.errors import ApsiError
from apsi.photo.facts import PhotoFacts
from apsi.preprocess.steps import Prepared
from apsi.task.export_fiftyone import require_name
from apsi.tracking.run_folder import RunFolder
from tests.analyse.conftest import ENLARGE
from tests.command_line import REPOSITORY, Place

IS_THERE = find_spec("fiftyone") is not None
needs_fiftyone = pytest.mark.skipif(not IS_THERE, reason="FiftyOne is not installed: pip install 'apsi[fiftyone]'")

READ = """
import json, sys
from pathlib import Path
from apsi.dataset.fiftyone_database import open_fiftyone
fo = open_fiftyone(Path(sys.argv[1]))
d = fo.load_dataset("planted")
names = ("id", "group.id", "group.name", "file", "filepath", "tags", "score", "initial_score", "drop", "recipe",
         "issues", "cluster", "uniqueness", "nearest", "copy_of", "blur", "source_path", "source_width",
         "whole", "sha256")
v = d.select_group_slices(media_type="image")
rows = [dict(zip(names, row)) for row in zip(*(v.values(name) for name in names))]
whole = d.select_group_slices("original").match(fo.ViewField("whole"))
first = whole.first()
near = whole.sort_by_similarity(first.id, k=4, brain_key="similarity").values("file")
points = d.load_brain_results("map").points.tolist()
embedding = dict(zip(whole.values("file"), [e.tolist() for e in whole.values("embedding")]))
print(json.dumps({"rows": rows, "near": near, "points": points, "embedding": embedding, "info": d.info,
                  "persistent": d.persistent, "groups": len(d), "slices": d.group_slices, "first": first.file,
                  "views": {name: d.load_saved_view(name).values("file") for name in d.list_saved_views()},
                  "names": fo.list_datasets()}))
for sample in v.match(fo.ViewField("file") == "usual 07.png").match(fo.ViewField("group.name") == "degraded"):
    sample.tags.append("keep")
    sample.save()
d.select_group_slices("original").match(fo.ViewField("file") == "panorama.png").tag_samples("keep")
"""
CHOOSE = """
import json, sys
from apsi.dataset.fiftyone import FiftyOne
from apsi.errors import ApsiError
said = []
for name, view, tags in json.loads(sys.argv[2]):
    try:
        dataset = FiftyOne(name, view, tags, database=sys.argv[1], enlarge={"train": 1, "val": 1, "test": 1})
        said.append([str(file.path) for file in dataset.listing().files])
    except ApsiError as error:
        said.append(str(error))
print(json.dumps(said))
"""


def test_what_needs_fiftyone_says_so_before_photos_are_read(tmp_path: Path) -> None:
    if IS_THERE:
        pytest.skip("FiftyOne is installed")
    with pytest.raises(ApsiError, match=r"apsi\[fiftyone\]"):
        FiftyOne("any", None, [], database=str(tmp_path), enlarge=ENLARGE).listing()
    config = load_config(["task=export_fiftyone", "dataset=folder", f"dataset.path={tmp_path}", f"data_dir={tmp_path}"])
    with pytest.raises(ApsiError, match=r"apsi\[fiftyone\]"):
        instantiate(config.task)(config, RunFolder(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", "../x", "a b", "-x", "x" * 101])
def test_names_that_no_command_could_hold_are_refused(name: str) -> None:
    with pytest.raises(ApsiError, match=r"task\.name="):
        require_name(name)
    assert require_name("photos-2.1_b") == "photos-2.1_b"


def test_photos_without_a_name_of_apsi_have_that_below_the_folder_that_all_share() -> None:
    rows = [(None, "/a/b/c/1.jpg"), ("own.jpg", "/z/2.jpg"), (None, "/a/b/3.jpg")]
    assert _named(rows) == [
        ("c/1.jpg", Path("/a/b/c/1.jpg")),
        ("own.jpg", Path("/z/2.jpg")),
        ("3.jpg", Path("/a/b/3.jpg")),
    ]


class Chosen:
    """Stands in for a data set of FiftyOne: samples without groups, some with a tag."""

    media_type = "image"

    def __init__(self, paths: list[Path], tagged: int) -> None:
        self._paths, self._tagged = paths, tagged

    def match_tags(self, tags: list[str]) -> "Chosen":
        assert tags == ["keep"]
        return Chosen(self._paths[: self._tagged], 0)

    def get_field_schema(self) -> dict[str, object]:
        return {"filepath": object()}

    def values(self, name: str) -> list[str]:
        assert name == "filepath"
        return [str(path) for path in self._paths]


def test_what_was_chosen_is_narrowed_by_the_settings_of_every_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"small.png": (20, 20), "wide.png": (300, 60), "a.png": (90, 80), "b.png": (80, 90), "c.png": (70, 70)}
    for name, size in sizes.items():
        Image.new("RGB", size).save(tmp_path / name)
    (tmp_path / "x\n.png").touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "more.csv").write_text("file,author,licence\na.png,Ana,CC0\n")
    chosen = Chosen([tmp_path / name for name in (*sizes, "x\n.png", "notes.txt", "not-tagged.png")], 7)
    monkeypatch.setattr(fiftyone_module, "open_fiftyone", lambda folder: None)
    monkeypatch.setattr(fiftyone_module, "load_dataset", lambda library, name: chosen)

    def listed(*settings: str) -> Listing:
        usual = ["dataset=fiftyone", "dataset.name=mine", "dataset.tags=[keep]", f"data_dir={tmp_path}"]
        return choose(instantiate(load_config([*usual, *settings]).dataset), seed=0)

    def names(*settings: str) -> list[str]:
        return [file.name for file in listed(*settings).files]

    assert names() == ["a.png", "b.png", "c.png", "small.png", "wide.png"]
    assert [entry.name for entry in listed().skipped] == ["notes.txt", "x\\n.png"]
    fitting = listed("dataset.min_side=60", "dataset.aspect=[0.5,2]")
    assert [file.name for file in fitting.files] == ["a.png", "b.png", "c.png"] and sum(fitting.left_out.values()) == 2
    drawn = [names("dataset.min_side=60", f"dataset.limit={limit}") for limit in (1, 2, 3)]
    assert [len(some) for some in drawn] == [1, 2, 3] and set(drawn[0]) < set(drawn[1]) < set(drawn[2])
    facts = {file.name: file.facts for file in listed(f"dataset.sidecar={tmp_path / 'more.csv'}").files}
    assert facts["a.png"] == PhotoFacts(licence="CC0", author="Ana") and facts["b.png"] == PhotoFacts()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, made: Prepared, folder: Path) -> Place:
    """Where the planted photos were exported; tests may export them anew."""
    root = tmp_path_factory.mktemp("fiftyone")
    found = Place(root, root / "data")
    exported(found, made, folder).succeeded()
    return found


def exported(place: Place, made: Prepared, folder: Path, *more: str) -> Any:
    settings = [f"task.prepared={made.folder}", "task.clusters=3", "task.map=pca", "data_seed=0", *more]
    return place.run(
        *("task=export_fiftyone", "dataset=folder", f"dataset.path={folder}", "task.name=planted", *settings),
        tiny=False,
        warm=False,
    )


def ask(place: Place, script: str, *arguments: str) -> Any:
    """What another process says of the database."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", script, str(place.data / "fiftyone"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@needs_fiftyone
def test_what_one_process_exports_another_reads_and_what_is_tagged_comes_back(
    place: Place, made: Prepared, folder: Path, analysis: Analysis
) -> None:
    found = ask(place, READ)
    _same_samples(found["rows"], analysis, folder)
    material, structure = analysis.material, analysis.structure
    assert found["persistent"] and found["groups"] == len(material.photos) and found["names"] == ["planted"]
    assert found["info"]["made_by"] == "apsi" and found["info"]["juror"] == material.juror
    for i, photo in enumerate(material.photos):
        assert np.allclose(found["embedding"][photo.name], analysis.points[i], atol=1e-6)
    assert np.allclose(sorted(map(tuple, found["points"])), sorted(map(tuple, structure.place.tolist())), atol=1e-4)
    first = next(i for i, photo in enumerate(material.photos) if photo.name == found["first"])
    distances = np.linalg.norm(analysis.points - analysis.points[first], axis=1)
    near = [material.photos[i].name for i in np.argsort(distances, kind="stable")[:4].tolist()]
    assert found["near"] == near
    told = {one.check.name: {material.photos[i].name for i in one.photos} for one in analysis.findings if one.photos}
    assert {name: set(files) for name, files in found["views"].items()} == told

    exported(place, made, folder).failed("'planted' already", "task.overwrite=true")
    kept, dark = [str(folder / "panorama.png"), str(folder / "usual 07.png")], [str(folder / "dark.png")]
    chosen = [("planted", None, ["keep"]), ("planted", "dark", []), ("planted", None, [])]
    wrong = [("planned", None, []), ("planted", "drak", []), ("planted", "dark", ["keep"])]
    answers = ask(place, CHOOSE, json.dumps([*chosen, *wrong]))
    assert answers[:3] == [kept, dark, [str(folder / photo.name) for photo in material.photos]]
    for answer, part in zip(answers[3:], ("mean 'planted'?", "mean 'dark'?", "Its tags are: keep, "), strict=True):
        assert part in answer
    settings = ("dataset.name=planted", "dataset.tags=[keep]")
    place.run("task=list_photos", "dataset=fiftyone", *settings, tiny=False, warm=False).succeeded()
    assert (place.folder("list_photos") / "photos.txt").read_text().splitlines() == kept

    exported(place, made, folder, "task.overwrite=true", "task.crops=true").succeeded()
    again = ask(place, READ)
    assert {row["whole"] for row in again["rows"]} == {True, False} and again["names"] == ["planted"]
    crops = {copy.original for copy in material.copies} - {photo.image for photo in material.photos}
    assert len(again["rows"]) == len(material.photos) + len(material.copies) + len(crops)
    _same_samples([row for row in again["rows"] if row["whole"]], analysis, folder)


def _same_samples(rows: list[dict[str, Any]], analysis: Analysis, folder: Path) -> None:
    material, structure = analysis.material, analysis.structure
    whole = {photo.image: i for i, photo in enumerate(material.photos)}
    copies = {str(copy.image): copy for copy in material.copies if copy.original in whole}
    assert len(rows) == len(whole) + len(copies)
    told: dict[int, list[str]] = {}
    for finding in analysis.findings:
        for i in finding.photos:
            told.setdefault(i, []).append(finding.check.name)
    groups: dict[str, str] = {}
    for row in (row for row in rows if row["group.name"] == "original"):
        i = whole[Path(row["filepath"])]
        photo = material.photos[i]
        groups[row["group.id"]] = photo.name
        near = material.photos[int(structure.neighbours[i, 0])].name
        assert (row["file"], row["sha256"], row["score"]) == (photo.name, photo.digest, photo.score)
        assert [tag for tag in row["tags"] if tag != "keep"] == [photo.split]
        assert (row["cluster"], row["nearest"], row["issues"]) == (int(structure.cluster[i]), near, told.get(i, []))
        assert row["uniqueness"] == pytest.approx(float(structure.uniqueness[i]), abs=1e-6)
        assert row["blur"] == analysis.looked[i].measures.blur and row["source_width"] == analysis.looked[i].width
        assert row["source_path"] == str(folder / photo.name)
    for row in (row for row in rows if row["group.name"] != "original"):
        copy = copies.pop(row["filepath"])
        assert row["recipe"] == list(copy.labels) and groups[row["group.id"]] == row["file"]
        assert (row["score"], row["initial_score"]) == (copy.score, copy.before)
        assert row["drop"] == pytest.approx(copy.drop)
    assert not copies and len(set(groups.values())) == len(whole)


@pytest.mark.slow
@needs_fiftyone
def test_the_app_answers_on_this_machine_and_ends_with_its_database(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        arguments = ("task=show_fiftyone", "task.name=planted", f"task.port={port}")
        place.run(*arguments, tiny=False, warm=False).failed(f"task.port={port}", "choose another")
    answers: list[Any] = []

    def answered() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/fiftyone", timeout=2) as answer:
                answers.append(json.load(answer))
        except OSError:
            return False
        time.sleep(5)  # its own session connects a little later
        other = Place(place.root, place.root / "other data")
        chosen = ("task=list_photos", "dataset=fiftyone", "dataset.name=planted")
        other.run(*chosen, tiny=False, warm=False).failed("is at work on the database", str(place.data / "fiftyone"))
        return True

    outcome = place.start(*arguments, tiny=False, warm=False).send(signal.SIGINT, answered)
    assert outcome.code == 0, outcome.err
    assert answers[0]["version"] and f"http://127.0.0.1:{port}" in outcome.said
    database = str(place.data / "fiftyone")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and _mongods(database):
        time.sleep(0.5)
    assert not _mongods(database)


def _mongods(database: str) -> list[int]:
    found = []
    for process in psutil.process_iter(["name", "cmdline", "pid"]):
        command = process.info["cmdline"] or []
        if database in command and "mongod" in (process.info["name"] or ""):
            found.append(process.info["pid"])
    return found
