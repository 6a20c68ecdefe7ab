"""What is shown, changed by hand and fetched is what `apsi.advise` makes of the photo."""

import io
import json
import sys
import threading
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from apsi.advise.advice import edit
from apsi.advise.editor import Editor
from apsi.export.base import Export, ExportResult, export_all
from apsi.export.steps import Frame, Step
from apsi.photo.full_size import read_photo_file
from apsi.photo.read import decode_photo, read_photo
from apsi.photo.save import save_edited
from apsi.photo.write import write_text
from apsi.studio.editing import Editing
from apsi.studio.photo import Source
from apsi.transform.recipe import Recipe
from tests.conftest import Redness, natural_photo
from tests.photo.test_formats import fake_rawpy
from tests.studio.conftest import RECIPE, Served, edited, jpeg, send, settle

RED = np.full((60, 80, 3), (250, 60, 60), np.uint8)


def picture(client: httpx.Client, number: str, steps: str | None = None) -> np.ndarray:
    answer = client.get(f"/advice/photos/{number}/preview", params={} if steps is None else {"steps": steps})
    assert answer.status_code == 200, answer.text
    return decode_photo(answer.content).astype(int)


def said(client: httpx.Client, number: str, steps: str) -> dict[str, Any]:
    answer = client.get(f"/advice/photos/{number}/said", params={"steps": steps})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def fetch(client: httpx.Client, number: str, kind: str, **wanted: Any) -> tuple[bytes, dict[str, Any]]:
    made = client.post(f"/advice/photos/{number}/files/{kind}", json=wanted)
    assert made.status_code == 201, made.text
    return client.get(f"/advice/{made.json()['href']}").content, made.json()


def test_the_page_has_the_steps_and_why(client: httpx.Client) -> None:
    page = client.get(f"/advice/photos/{edited(client)}").text
    assert "3 edits suggested" in page and "of 10" in page
    for transform in RECIPE:
        assert transform.advice in page
    assert page.count('type="checkbox" checked') == 3
    assert page.count('type="range" min="-1"') == 2  # warmth has no strength
    assert "It raised the score by" in page and "Without it the result would score" in page


def test_a_photo_that_needs_nothing_is_left(client: httpx.Client) -> None:
    buffer = io.BytesIO()
    Image.fromarray(RED).save(buffer, "PNG")
    found = settle(client, send(client, buffer.getvalue(), "red.png"))
    assert found["said"] == "Leave it as it is"
    page = client.get(f"/advice/photos/{found['id']}").text
    assert "Nothing that was tried makes this photo clearly better" in page
    assert '<section class="keep" aria-labelledby="keep" hidden>' in page
    assert (picture(client, found["id"], "") == RED).all() or abs(picture(client, found["id"], "") - RED).max() < 4


def test_steps_can_be_switched_off_and_weighed(client: httpx.Client) -> None:
    number = edited(client)
    before = picture(client, number, "off,off,off")
    assert (picture(client, number) == picture(client, number, "on,on,on")).all()
    photo = decode_photo(jpeg())
    for steps, recipe in (
        ("on,off,off", ["temperature(+0.400)"]),
        ("off,off,-0.9", ["exposure(-0.900)"]),
        ("+1.000,on,0", ["temperature(+1.000)", "warmth"]),
    ):
        expected = Recipe.of(recipe)(photo).astype(int)
        assert abs(picture(client, number, steps) - expected).mean() < 4  # JPEG
        answer = said(client, number, steps)
        assert [step["label"] for step in answer["steps"]] == recipe
        assert answer["heading"] == f"{len(recipe)} edit{'s' if len(recipe) > 1 else ''} made"
    assert abs(before - photo).mean() < 4
    assert said(client, number, "off,off,off")["heading"] == "The photo as it was"


def test_white_that_became_grey_is_warned_of_beside_its_step_while_it_is_on(client: httpx.Client) -> None:
    pixels = natural_photo(0, 90, 120)
    pixels[:, :60] = 255
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    number = edited(client, buffer.getvalue(), "white.png")
    page = client.get(f"/advice/photos/{number}").text
    assert page.count('data-said="warning" hidden') == 2 and page.count("Look at the whites: 50") == 1
    warnings = [step["warning"] for step in said(client, number, "on,on,-0.300")["steps"]]
    assert warnings[:2] == ["", ""] and "was burnt out" in warnings[2]
    assert not any(step["warning"] for step in said(client, number, "on,on,-0.040")["steps"])


def test_the_score_follows(client: httpx.Client, studio_editor: Editor, tmp_path: Path) -> None:
    number = edited(client)
    (tmp_path / "a.jpg").write_bytes(jpeg())
    small = read_photo_file(tmp_path / "a.jpg").small_copy(*studio_editor.size)
    for steps, labels in (("on,on,on", RECIPE.labels), ("-0.500,off,on", ["temperature(-0.500)", "exposure(-0.200)"])):
        expected = Redness().score([Recipe.of(labels)(small)])[0]
        assert said(client, number, steps)["score"] == pytest.approx(expected)


def test_other_choices_are_refused(client: httpx.Client) -> None:
    number = edited(client)
    few_or_many = ("", "on", "on,on", "on,on,on,on", "x" * 500)
    for steps in (*few_or_many, "2,on,on", "nan,on,on", "on,0.5,on", "1e0,on,on", "on,warmth,on", "ON,on,on"):
        for path in ("preview", "said", "thumbnail"):
            answer = client.get(f"/advice/photos/{number}/{path}", params={"steps": steps})
            assert answer.status_code == 422 and isinstance(answer.json()["detail"], str), steps
        assert client.post(f"/advice/photos/{number}/files/photo", json={"steps": steps}).status_code == 422


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(
    ("steps", "labels"), [("on,on,on", RECIPE.labels), ("+0.250,off,on", ["temperature(+0.250)", "exposure(-0.200)"])]
)
def test_the_photo_is_byte_for_byte_what_advise_writes(
    client: httpx.Client, tmp_path: Path, kind: str, steps: str, labels: list[str]
) -> None:
    source = tmp_path / f"IMG_1.{kind.lower()}"
    source.write_bytes(jpeg(format=kind))
    photo = read_photo_file(source)
    save_edited(photo, edit(photo, Recipe.of(labels))[0], tmp_path / "expected")
    data, made = fetch(client, edited(client, source.read_bytes(), source.name), "photo", steps=steps)
    assert data == (tmp_path / "expected").read_bytes()
    assert made["name"] == f"IMG_1-edited.{kind.lower()}"


def test_where_it_was_taken_can_be_left_out(client: httpx.Client, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    number = edited(client, jpeg(exif=exif.tobytes()))
    found = []
    for strip in (False, True):
        data, _ = fetch(client, number, "photo", strip_gps=strip)
        read = Image.open(io.BytesIO(data)).getexif()
        found.append((read.get(0x010F), bool(read.get_ifd(0x8825))))
    assert found == [("A camera", True), ("A camera", False)]


def test_the_recipe_can_be_replayed(client: httpx.Client) -> None:
    data, made = fetch(client, edited(client), "recipe", steps="off,on,-0.75")
    assert Recipe.from_json(data.decode()).labels == ["warmth", "exposure(-0.750)"]
    assert made["name"] == "IMG_1-recipe.json"


def test_exports_are_one_archive_that_is_always_the_same(client: httpx.Client, served: Served, tmp_path: Path) -> None:
    number, again = edited(client), edited(client)
    data, made = fetch(client, number, "exports", steps="on,on,on")
    assert data == fetch(client, again, "exports", steps="on,on,on")[0]
    assert made["name"] == "IMG_1-exports.zip" and isinstance(made["said"], list)
    source = tmp_path / "IMG_1.jpg"
    source.write_bytes(jpeg())
    exports = editing_of(served).exports
    export_all(exports, RECIPE, read_photo(source), tmp_path / "out", "IMG_1")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()
        }


def editing_of(served: Served) -> Editing:
    return served.studio.editing


def test_only_what_there_is_can_be_fetched(client: httpx.Client) -> None:
    number = edited(client)
    assert client.post(f"/advice/photos/{number}/files/other", json={}).status_code == 404
    assert client.post(f"/advice/photos/{number}/files/photo", json={"steps": 5}).status_code == 422
    assert client.post(f"/advice/photos/{number}/files/photo", content=b"{").status_code == 422
    assert client.get(f"/advice/photos/{number}/files/photo-0123456789ab").status_code == 404
    for i in range(8):
        fetch(client, number, "recipe", steps=f"0.{i},on,on")
    first = client.post(f"/advice/photos/{number}/files/recipe", json={"steps": "0.7,on,on"}).json()["href"]
    assert client.get(f"/advice/{first}").status_code == 200


def test_who_asks_twice_at_once_gets_the_same_file(client: httpx.Client) -> None:
    number = edited(client)
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda _: fetch(client, number, "exports"), range(6)))
    assert len({data for data, _ in found}) == len({made["href"] for _, made in found}) == 1


def test_events_tell_the_stages_and_the_place_in_the_line(serve: Callable[..., Any], studio_editor: Editor) -> None:
    with serve(workers=1) as served, served.client() as client:
        client.get("/advice/photos")
        with editing_of(served)._deciding:  # nothing is decided meanwhile
            sent = [send(client, name=f"{i}.jpg").json()["id"] for i in range(3)]
            seen = threading.Event()
            told: list[dict[str, Any]] = []

            def listen() -> None:
                with client.stream("GET", "/advice/events") as stream:
                    assert stream.headers["Content-Type"].startswith("text/event-stream")
                    for line in stream.iter_lines():
                        if line.startswith("data: "):
                            told.append(json.loads(line.removeprefix("data: ")))
                            seen.set()
                        if [event["stage"] for event in told].count("edited") == 3:
                            return

            thread = threading.Thread(target=listen)
            thread.start()
            assert seen.wait(10)
        thread.join(20)
    line = {event["id"]: event["before_it"] for event in reversed(told) if event["stage"] == "waiting"}
    assert line == {sent[1]: 1, sent[2]: 2}
    assert any(event["said"] == "Waiting: 2 jobs come first" for event in told)
    stages = [event["stage"] for event in told if event["id"] == sent[2]]
    assert stages[0] == "waiting" and stages[-4:] == ["received", "read", "decided", "edited"]


def test_too_many_that_wait_are_told_to_come_again(serve: Callable[..., Any]) -> None:
    with serve(workers=1, max_waiting=1) as served, served.client() as client:
        number = edited(client)
        with editing_of(served)._deciding:
            for _ in range(2):
                assert send(client).status_code == 201
            answer = client.post(f"/advice/photos/{number}/files/recipe", json={})
            assert answer.status_code == 503 and answer.headers["Retry-After"]


def test_a_photo_that_is_removed_while_it_is_worked_on_leaves_nothing(serve: Callable[..., Any]) -> None:
    with serve(workers=1) as served, served.client() as client:
        with editing_of(served)._deciding:
            number = send(client).json()["id"]
            assert client.get(f"/advice/photos/{number}").status_code == 409
            assert client.delete(f"/advice/photos/{number}").status_code == 204
        while (served.folder / number).exists():
            pass
        assert served.studio.uploads.size == 0


def test_only_what_follows_the_changed_step_is_computed(studio_editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg())
    editing = Editing(studio_editor, None, {}, 1_000_000)
    found = editing.open(Source(tmp_path / "a.jpg", "a.jpg"), lambda stage: None)
    editing.preview("a", found, RECIPE)
    kept = editing._steps["a"]
    changed = editing.preview("a", found, Recipe.of([*RECIPE.labels[:2], "exposure(+0.500)"]))
    assert [now is then for (_, now), (_, then) in zip(editing._steps["a"], kept, strict=True)] == [*[True] * 3, False]
    assert changed == Editing(studio_editor, None, {}, 1_000_000).preview(
        "b", found, Recipe.of([*RECIPE.labels[:2], "exposure(+0.500)"])
    )


class FrameOf(Export):
    """Writes down which photo it is for."""

    def write_steps(self, steps: Sequence[Step], folder: Path, name: str, frame: Frame | None) -> ExportResult:
        write_text(folder / name, repr(frame))
        return ExportResult((folder / name,))


def test_exports_of_camera_raw_are_for_the_developed_photo_and_not_for_its_thumbnail(
    studio_editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", fake_rawpy(6))
    Image.new("RGB", (3, 2)).save(tmp_path / "photo.nef", "TIFF")  # which Pillow reads
    editing = Editing(studio_editor, None, {"frame": FrameOf()}, 1_000_000)
    made = editing.write_exports(Source(tmp_path / "photo.nef", "IMG_1.NEF"), Recipe.of(["warmth"]), tmp_path)
    assert made.path.read_text() == repr(Frame(4, 6, 6))
