"""The room of all photos as its page asks it: windows, counts, pictures, stars, and what is refused."""

import csv
import io
import json
import os
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from apsi.browse.annotations import photo_id
from apsi.config.compose import load_config
from apsi.photo.coco import ImageRecord, read_coco
from apsi.photo.hash import file_hash
from apsi.photo.write import encode_png, read_png, write_png
from apsi.preference.folder import PreferenceFolder
from apsi.transform.recipe import Recipe
from tests.browse.made import JUROR, SET, record, write_pictures, write_run, write_set
from tests.conftest import natural_photo
from tests.studio.browsed import Browsed, browsed

RECIPE = "swap_rb exposure(+0.250)"


def number(image: ImageRecord | str, split: str = "train", name: str = SET) -> str:
    file = image if isinstance(image, str) else image.file_name
    return f"{photo_id(name, split, 'kept', file):015x}"


@pytest.fixture(scope="module")
def config() -> Any:
    return load_config(["tracking=none"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, config: Any) -> Iterator[Browsed]:
    """Ten photos, two runs; nothing of it is changed by tests."""
    root = tmp_path_factory.mktemp("browse")
    records = write_pictures(root / "data", 10)
    images = [one.file_name for one in records if one.split == "test"]
    text = OmegaConf.to_yaml(config, resolve=True)
    first = {"agent": {image: (RECIPE, 6.0 + i) for i, image in enumerate(images)}, "nothing": {images[0]: ("", 4.0)}}
    write_run(root / "out", "pipeline/one", first, config=text)
    write_run(root / "out", "pipeline/two", {"agent": dict.fromkeys(images[1:], ("swap_rg", 6.5))}, config=text)
    with browsed(root, config) as one:
        yield one


@pytest.fixture
def client(served: Browsed) -> Iterator[httpx.Client]:
    with served.client() as one:
        yield one


def got(client: httpx.Client, path: str, **query: Any) -> Any:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def pixels(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "image/webp"
    return np.array(Image.open(io.BytesIO(answer.content)).convert("RGB"))


def test_windows_and_counts_are_told(client: httpx.Client) -> None:
    window = got(client, "/photos", **{"from": 2, "count": 3})
    assert window["total"] == 10 and [row["name"][-10:] for row in window["rows"]] == [
        "000002.jpg",
        "000003.jpg",
        "000004.jpg",
    ]
    assert {row["set"] for row in window["rows"]} == {SET} and window["rows"][0]["size"] == 56 * 40
    counts = got(client, "/counts")
    assert counts["split"] == {"": 0, "test": 5, "train": 5} and counts["state"] == {
        "kept": 10,
        "dropped": 1,
        "skipped": 1,
    }
    assert counts["with"] == {"invert_b": 0, "invert_g": 2, "invert_r": 2, "swap_rb": 3, "swap_rg": 3}
    assert sum(counts["ranges"]["score"]["counts"]) == 10 and counts["total"] == 10
    assert got(client, "/photos", count=0)["rows"] == []
    state = got(client, "/state")
    assert state["photos"] == 12 and not state["indexing"]["busy"] and not state["left_out"]
    assert [(run["run"], run["policy"]) for run in state["runs"]] == [
        *(("pipeline/one", name) for name in ("agent", "nothing")),
        ("pipeline/two", "agent"),
    ]


def test_a_photo_tells_all_that_is_known_of_it(client: httpx.Client, served: Browsed) -> None:
    image = "000001-d00.png"
    found = got(client, f"/photos/{number(image, 'test')}")
    assert (
        found["steps"] == [{"label": "swap_rb", "advice": found["steps"][0]["advice"]}] and found["steps"][0]["advice"]
    )
    assert [(one["run"], one["policy"]) for one in found["played"]] == [
        *(("pipeline/one", name) for name in ("agent", "nothing")),
    ]
    agent = found["played"][0]
    assert [step["label"] for step in agent["recipe"]] == RECIPE.split() and agent["measures"] == {
        "clipped": [0.1, 0.2]
    }
    assert found["jurors"][0]["juror"] == "redness" and found["jurors"][0]["score"] == found["score"]
    folder = served.root / "data" / "prepared" / SET / "test"
    start, original = (
        read_png(folder / room / name) for room, name in (("images", image), ("originals", "000001.png"))
    )
    address = f"/pictures/{found['id']}"
    assert np.array_equal(pixels(client.get(f"{address}/photo")), start)
    assert np.array_equal(pixels(client.get(f"{address}/original")), original)
    assert np.array_equal(pixels(client.get(f"{address}/{agent['id']}")), Recipe.of(RECIPE.split())(start))


def test_dropped_photos_are_made_once_more_and_skipped_files_say_why(client: httpx.Client, served: Browsed) -> None:
    (dropped,) = got(client, "/photos", state="dropped", count=9)["rows"]
    original = read_png(served.root / "data" / "prepared" / SET / "train" / "originals" / "000000.png")
    assert np.array_equal(pixels(client.get(f"/pictures/{dropped['id']}/photo")), Recipe.of(["invert_b"])(original))
    (skipped,) = got(client, "/photos", state="skipped", count=9)["rows"]
    found = got(client, f"/photos/{skipped['id']}")
    assert found["reason"] == "corrupt or truncated: <b>no</b>" and not found["shown"]
    assert client.get(f"/thumbnails/{skipped['id']}/photo").status_code == 410


def test_small_pictures_are_kept_on_the_disk_and_made_ahead(client: httpx.Client, served: Browsed) -> None:
    photo = number("000002-d00.png")
    small = pixels(client.get(f"/thumbnails/{photo}/photo"))
    assert small.shape == (40, 56, 3), "not made larger"
    key = served.browsing._photos.key(served.browsing._known(int(photo, 16)), "photo")
    assert served.browsing._thumbnails.find(key) is not None
    assert client.get(f"/thumbnails/{photo}/photo").headers["Cache-Control"] == "private, max-age=60"
    got(client, "/photos", count=10)
    last = served.browsing._photos.key(served.browsing._known(int(number("000008-d00.png"), 16)), "photo")
    for _ in range(500):
        if served.browsing._thumbnails.find(last):
            break
        time.sleep(0.01)
    assert served.browsing._thumbnails.find(last)


def test_two_runs_are_held_against_each_other(client: httpx.Client) -> None:
    one, _, two = (run["key"] for run in got(client, "/state")["runs"])
    found = got(client, "/photos", a=one, b=two, sort="distance", down=1, count=20)
    assert found["total"] == 4 and found["same_juror"]
    differences = [row["finals"][1] - row["finals"][0] for row in found["rows"]]
    assert [abs(one) for one in differences] == sorted(map(abs, differences), reverse=True)
    assert {row["distance"] for row in found["rows"]} == {2}
    assert got(client, "/photos", a=one, b=two, difference=":-1", count=20)["total"] == 3
    edited = found["rows"][0]["episodes"][1]
    assert pixels(client.get(f"/thumbnails/{found['rows'][0]['id']}/{edited}")).shape == (40, 56, 3)
    for path in ("/photos", "/counts"):
        assert client.get(path, params={"a": one, "b": "0.gone"}).status_code == 404
    assert client.get("/photos", params={"sort": "distance"}).status_code == 422


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/photos?sort=size_of", 422),
        ("/photos?from=-1", 422),
        ("/photos?from=²", 422),
        ("/photos?score=a:b", 422),
        ("/photos?score=nan:", 422),
        ("/photos?edits=x", 422),
        ("/photos/..%2f..%2fetc%2fpasswd", 404),
        ("/photos/000000000000000", 404),
        ("/pictures/000000000000000/photo", 404),
        ("/pictures/zz/photo", 404),
        (f"/pictures/{number('000001-d00.png', 'test')}/999999", 410),
        (f"/pictures/{number('000001-d00.png', 'test')}/..%2fimages", 404),
        ("/static/browse.css", 404),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(client: httpx.Client, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status and answer.json()["detail"]


def test_requests_of_other_pages_change_nothing(served: Browsed) -> None:
    body = {"photo": number("000000-d00.png"), "starred": True}
    with served.client(Origin="http://evil.example") as other:
        for path in ("/stars", "/dataset", "/pairs", "/look", "/stop"):
            assert other.post(path, json=body).status_code == 403
    with served.client() as own:
        assert own.post("/stars", json=body | {"photo": "0" * 15}).status_code == 404
        assert own.post("/stars", json={"photo": "../../x", "starred": True}).status_code == 422
        assert own.post("/stars", content=b"x" * 5000).status_code == 413
    assert not served.browsing.stars.photos


@pytest.fixture
def own(tmp_path: Path, config: Any) -> Iterator[Browsed]:
    write_pictures(tmp_path / "data", 6)
    with browsed(tmp_path, config) as one:
        yield one


def test_stars_are_on_the_disk_and_become_a_list_a_data_set_and_pairs(own: Browsed) -> None:
    ids = [number(f"{i:06}-d00.png", ("train", "test")[i % 2]) for i in (4, 0, 2, 1)]
    with own.client() as client:
        assert client.post("/dataset", json={}).status_code == 422, "nothing is starred"
        for count, one in enumerate(ids, 1):
            assert client.post("/stars", json={"photo": one, "starred": True}).json() == {"starred": count}
        client.post("/stars", json={"photo": ids[1], "starred": False})
        client.post("/stars", json={"photo": ids[1], "starred": True})
        assert [row["id"] for row in got(client, "/photos", starred=1, count=9)["rows"]] == sorted(
            ids, key=[ids[1], ids[3], ids[2], ids[0]].index
        )
        assert client.get("/starred.txt").text.splitlines() == [f"photos/IMG_00000{i}.jpg" for i in (4, 2, 1, 0)]
        rows = list(csv.DictReader(io.StringIO(client.get("/starred.csv").text)))
        assert rows[0]["file"] == "000004-d00.png" and rows[0]["edits"] == "swap_rg" and float(rows[0]["score"]) > 0
        made = client.post("/dataset", json={}).json()
        assert made["said"].startswith("4 photos") and not made["left_out"]
        pairs = client.post("/pairs", json={}).json()
        assert pairs["said"] == "3 new pairs of starred photos."
        assert client.post("/pairs", json={}).status_code == 422, "they are there already"
    (folder,) = (own.root / "sets").iterdir()
    records, info = read_coco(folder / "annotations.json")
    assert [one.source for one in records] == [f"photos/IMG_00000{i}.jpg" for i in (4, 2, 1, 0)]
    assert info["description"] == "4 starred photos"
    for one in records:
        assert file_hash(folder / one.file_name) == one.original and dict(one.facts.scores).keys() == {JUROR}
    stored = PreferenceFolder(own.root / "preferences").pairs()
    assert {(pair.split, pair.source) for pair in stored.values()} == {("train", "photos")}
    with browsed(own.root, None) as again:
        assert again.browsing.stars.in_order == [int(one, 16) for one in (ids[0], ids[2], ids[3], ids[1])]


def test_the_commands_for_starred_photos_can_be_typed_as_they_are(
    tmp_path: Path, config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["apsi"])
    root = tmp_path / "Grün, 2024"
    write_pictures(root / "data", 6)
    told = [f"preference_dir={root / 'preferences'}", "dataset=folder", f"dataset.path={root}"]
    with browsed(root, config, told=told) as one, one.client() as client:
        for i in (0, 2, 4):
            client.post("/stars", json={"photo": number(f"{i:06}-d00.png"), "starred": True})
        commands = [shlex.split(client.post(path, json={}).json()["command"]) for path in ("/dataset", "/pairs")]
        (folder,) = (root / "sets").iterdir()
    assert [command.pop(0) for command in commands] == ["apsi", "apsi"]
    assert load_config(commands[0]).dataset.annotations == str(folder / "annotations.json")
    annotate = load_config(commands[1])
    assert annotate.task._target_ == "apsi.task.annotate.annotate" and annotate.dataset.path == str(root)
    assert annotate.preference_dir == str(root / "preferences")


def test_half_a_line_of_stars_is_left_out(own: Browsed) -> None:
    with own.client() as client:
        client.post("/stars", json={"photo": number("000000-d00.png"), "starred": True})
    with own.browsing.stars.path.open("a") as file:
        file.write('{"photo": "123", "sta')
    with browsed(own.root, None) as again, again.client() as client:
        assert len(again.browsing.stars.photos) == 1
        client.post("/stars", json={"photo": number("000002-d00.png"), "starred": True})
    with browsed(own.root, None) as once_more:
        assert len(once_more.browsing.stars.photos) == 2


def test_a_file_that_changed_or_is_gone_has_a_placeholder(own: Browsed) -> None:
    folder = own.root / "data" / "prepared" / SET / "train" / "images"
    with own.client() as client:
        one = number("000000-d00.png")
        before = pixels(client.get(f"/thumbnails/{one}/photo"))
        write_png(folder / "000000-d00.png", natural_photo(99, 40, 56))
        changed = pixels(client.get(f"/pictures/{one}/photo"))
        assert not np.array_equal(before, changed)
        assert np.abs(pixels(client.get(f"/thumbnails/{one}/photo")).astype(int) - changed).mean() < 6
        (folder / "000000-d00.png").write_bytes(b"no picture")
        answer = client.get(f"/pictures/{one}/photo")
        assert answer.status_code == 410 and "its file is gone" in answer.json()["detail"]
        (folder / "000000-d00.png").unlink()
        for path in ("pictures", "thumbnails"):
            assert client.get(f"/{path}/{one}/photo").status_code == 410


def test_what_annotation_files_of_others_hold_is_data(tmp_path: Path, config: Any) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(encode_png(natural_photo(1)))
    names = [
        *(
            "../../../../secret.png",
            str(secret),
            "link.png",
            "fifo.png",
            "folder.png",
            "..",
            "<img src=x onerror=alert(1)>.png",
        ),
        *("a\0b.png", "a\\b.png", "\ud800.png", "x" * 300 + ".png"),
    ]
    records = [record(i, file_name=name, original_file_name=name) for i, name in enumerate(names)]
    folder = write_set(tmp_path / "data", {"train": records[:7]})
    content = json.loads((folder / "train" / "annotations.json").read_text())
    odd = {
        "score": "NaN",
        "initial_score": 10**400,
        "width": -5,
        "height": 2.5,
        "version": True,
        "source": ["x"],
        "tags": ["a", "<b>"],
    }
    content["images"] += [
        *({"id": i, "file_name": one.file_name} for i, one in enumerate(records[7:], 100)),
        *({"id": 200, "file_name": "odd.png", **odd}, {"id": "text"}, {}, [], None, 7),
        {"file_name": "deep.png", "author": {"name": "x" * 9999}, **{f"key{i}": i for i in range(200)}},
    ]
    content["annotations"] += [7, {"image_id": [], "category_id": {}}, {"image_id": 200, "category_id": 1}]
    content["categories"] += [{"id": 1, "name": "a b\nc" * 99, "supercategory": "transformation"}, {"id": []}]
    (folder / "train" / "annotations.json").write_text(json.dumps(content).replace('"NaN"', "NaN"))
    rooms = folder / "train" / "images", folder / "train" / "originals"
    for room in rooms:
        room.mkdir()
        (room / "link.png").symlink_to(secret)
        os.mkfifo(room / "fifo.png")
        (room / "folder.png").mkdir()
    (tmp_path / "data" / "prepared" / "linked").symlink_to(folder)
    (folder / "val").symlink_to(folder / "train")
    with browsed(tmp_path, config) as served, served.client() as client:
        (left_out,) = got(client, "/state")["left_out"]
        assert left_out["file"] == str(folder / "val" / "annotations.json"), "a link is not followed"
        rows = got(client, "/photos", count=99)["rows"]
        assert len(rows) == len(records) + 4 and {row["set"] for row in rows} == {SET}
        for row in rows:
            assert got(client, f"/photos/{row['id']}")["id"] == row["id"]
            for kind in ("photo", "original"):
                assert client.get(f"/pictures/{row['id']}/{kind}").status_code == 410, row["name"]
                assert client.get(f"/thumbnails/{row['id']}/{kind}").status_code == 410
        found = got(client, f"/photos/{number('odd.png')}")
        assert found["score"] is None and found["initial"] is None and found["width"] is None and found["version"] == 0
        assert found["meta"] == {"tags": "a, <b>"}
        deep = got(client, f"/photos/{number('deep.png')}")
        assert len(deep["meta"]) == 40 and all(len(value) <= 500 for value in deep["meta"].values())
        page = client.get("/").text
        assert "onerror" not in page


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"images": 7',
        '{"images": [{}]} x',
        "[" * 100_000,
        '{"images": [' + "[" * 100_000,
        "\xff",
        "{}",
    ],
)
def test_a_broken_annotation_file_is_named_and_the_others_are_seen(text: str, own: Browsed) -> None:
    folder = write_set(own.root / "data", {"train": []}, "other-0123456789ab")
    (folder / "train" / "annotations.json").write_bytes(text.encode("latin-1"))
    own.look()
    with own.client() as client:
        state = got(client, "/state")
        assert [one["file"] for one in state["left_out"]] == [str(folder / "train" / "annotations.json")]
        assert state["left_out"][0]["reason"] and got(client, "/photos", count=0)["total"] == 6


def test_a_run_of_others_is_not_built_and_said_to_be_so(own: Browsed, config: Any) -> None:
    text = OmegaConf.to_yaml(config, resolve=True)
    evil = text.replace("apsi.env.restore.Restore", "os.system")
    assert evil != text
    played = {"agent": {"000001-d00.png": (RECIPE, 6.0), "000003-d00.png": ("no_such_edit <b>", 6.0)}}
    write_run(own.root / "out", "a/evil", played, config=evil)
    write_run(own.root / "out", "a/none", played)
    write_run(own.root / "out", "a/good", played, config=text)
    own.look()
    with own.client() as client:
        found = got(client, f"/photos/{number('000001-d00.png', 'test')}")
        evil_one, good, none = found["played"]
        assert pixels(client.get(f"/pictures/{found['id']}/{good['id']}")).shape == (40, 56, 3)
        for one in (evil_one, none):
            answer = client.get(f"/pictures/{found['id']}/{one['id']}")
            assert answer.status_code == 410 and one["run"] in answer.json()["detail"]
        other = got(client, f"/photos/{number('000003-d00.png', 'test')}")
        assert other["played"][1]["recipe"] == [{"label": "no_such_edit", "advice": ""}, {"label": "<b>", "advice": ""}]
        answer = client.get(f"/pictures/{other['id']}/{other['played'][1]['id']}")
        assert answer.status_code == 410 and "unknown transform" in answer.json()["detail"]


def test_results_that_are_no_table_are_named(own: Browsed) -> None:
    for name, text in {
        "wide": "a,b\n1,2\n",
        "nul": "policy,image,recipe,final_score\n\0,x\n",
        "quote": '"' + "x" * 200_000,
    }.items():
        folder = write_run(own.root / "out", f"a/{name}", {"agent": {}})
        (folder / "results.csv").write_text(text)
    folder = write_run(own.root / "out", "a/odd", {"agent": {"000001-d00.png": ("", 1.0)}})
    (folder / "results.csv").write_text("policy,image,recipe,final_score,steps\nagent,000001-d00.png,,inf,many\n")
    (write_run(own.root / "out", "a/broken", {}) / "summary.json").write_text("[" * 99_999)
    own.look()
    with own.client() as client:
        named = {Path(one["file"]).parent.name for one in got(client, "/state")["left_out"]}
        assert named == {"broken", "wide", "quote"}
        found = got(client, f"/photos/{number('000001-d00.png', 'test')}")
        assert [one["final"] for one in found["played"] if one["run"] == "a/odd"] == [None]


def test_an_index_that_is_broken_while_it_is_served_is_made_anew(own: Browsed) -> None:
    path = own.browsing.indexing.index.path
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 100_000)
    with own.client() as client:
        one = number("000000-d00.png")
        answer = client.get(f"/photos/{one}")
        assert answer.status_code == 503
        own.browsing.indexing.wait()
        assert got(client, f"/photos/{one}")["id"] == one
