"""The room of pairs as its page asks it: turns, answers, pictures, and what is refused."""

import io
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.errors import ApsiError
from apsi.photo.read import read_photo
from apsi.preference.folder import PreferenceFolder
from apsi.preference.photos import shown
from apsi.tracking.run_folder import RunFolder
from tests.studio.pairs import Annotating, Place, annotating, make_place

SAID = {"repeat": False, "milliseconds": 1200, "reason": None, "age": 0}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path, 4, 16)


@pytest.fixture
def served(place: Place) -> Iterator[Annotating]:
    with annotating(place) as one:
        yield one


@pytest.fixture
def client(served: Annotating) -> Iterator[httpx.Client]:
    with served.client() as one:
        yield one


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Annotating]]:
    """A room to which nobody answers."""
    place = make_place(tmp_path_factory.mktemp("still"), 2, 4)
    with annotating(place) as one:
        yield place, one
    assert place.folder.answers() == []


def upcoming(client: httpx.Client, annotator: str = "Ann", begin: bool = False) -> dict[str, Any]:
    answer = client.post("/next", json={"annotator": annotator, "begin": begin})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def say(client: httpx.Client, *said: dict[str, Any], annotator: str = "Ann") -> dict[str, Any]:
    answer = client.post("/answers", json={"annotator": annotator, "answers": [SAID | one for one in said]})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_pairs_come_in_order_and_answers_are_on_the_disk_when_they_are_kept(place: Place, client: httpx.Client) -> None:
    begun = upcoming(client, begin=True)
    assert [turn["pair"] for turn in begun["next"]] == [pair.id for pair in place.pairs[:5]]
    assert begun["done"] == 0 and begun["goal"] == begun["total"] >= 16 and begun["latest"] == []
    first = place.pairs[0]
    one = {"id": "answer-0001", "pair": first.id, "answer": "right", "reason": "light", "age": 60_000}
    assert say(client, one) == {"kept": ["answer-0001"], "refused": []}
    (line,) = place.folder.answers("Ann")
    assert (line.answer, line.left, line.reason, line.milliseconds) == ("right", first.left.key, "light", 1200)
    assert not line.is_repeat and line.undoes is None and line.time.endswith("+00:00")
    now = upcoming(client, begin=True)
    assert now["done"] == 1 and now["next"][0]["pair"] == place.pairs[1].id
    assert now["latest"][0]["answer"] == "right"
    assert upcoming(client, "Bob")["next"] == begun["next"]


def test_how_many_of_the_pairs_come_again_is_told(place: Place) -> None:
    said = []
    for number, (repeats, goal) in enumerate(((1.0, None), (1.0, 20), (0.0, None))):
        with annotating(place, repeats=repeats, goal=goal) as served, served.client() as client:
            say(client, {"id": f"answer-{number:04}", "pair": place.pairs[0].id, "answer": "skip"})
            said.append(upcoming(client, begin=True)["repeats_said"])
    one, other = "15 of them show a pair again", "Some pairs come again"
    assert said == [f"{one}, to see how sure you are.", f"{other}, to see how sure you are.", ""]


def test_what_is_sent_twice_is_kept_once_and_after_a_restart_too(place: Place, client: httpx.Client) -> None:
    one = {"id": "answer-0001", "pair": place.pairs[0].id, "answer": "left"}
    for _ in range(3):
        assert say(client, one, one) == {"kept": ["answer-0001"] * 2, "refused": []}
    with annotating(place) as again, again.client() as other:
        assert say(other, one)["kept"] == ["answer-0001"]
        assert upcoming(other)["done"] == 1
    assert len(place.folder.answers("Ann")) == 1


def test_answering_anew_replaces_and_undoing_takes_back(place: Place, client: httpx.Client) -> None:
    pair = place.pairs[0].id
    say(client, {"id": "answer-0001", "pair": pair, "answer": "left"})
    say(client, {"id": "answer-0002", "pair": pair, "answer": "tie"})
    say(client, {"id": "answer-0003", "pair": pair, "answer": None})
    assert say(client, {"id": "answer-0004", "pair": pair, "answer": None})["kept"] == ["answer-0004"]
    assert [(line.id, line.undoes, line.answer) for line in place.folder.answers("Ann")] == [
        ("answer-0001", None, "left"),
        ("answer-0002", "answer-0001", "tie"),
        ("answer-0003", "answer-0002", None),
    ]
    assert place.standing("Ann") == [] and upcoming(client)["next"][0]["pair"] == pair


def test_answers_of_a_page_that_shows_another_folder_are_refused(place: Place, client: httpx.Client) -> None:
    other = make_place(place.root / "other", 4, 16)
    assert place.folder.id != other.folder.id and upcoming(client)["folder"] == place.folder.id
    answer = SAID | {"id": "answer-0001", "pair": place.pairs[0].id, "answer": "left"}
    assert other.pairs == place.pairs
    for folder, name in ((other.folder.id, "refused"), (place.folder.id, "kept")):
        found = client.post("/answers", json={"annotator": "Ann", "answers": [answer], "folder": folder}).json()
        assert found[name] == ["answer-0001"]


def test_a_repeat_has_its_sides_swapped(place: Place) -> None:
    with annotating(place, repeats=1.0) as served, served.client() as client:
        for number in range(32):
            turn = upcoming(client)["next"][0]
            say(client, {"id": f"answer-{number:04}", "answer": "left", **turn})
        assert upcoming(client)["next"] == []
    by_id = {pair.id: pair for pair in place.pairs}
    lines = place.folder.answers("Ann")
    assert sum(line.is_repeat for line in lines) == 16
    for line in lines:
        pair = by_id[line.pair]
        assert line.left == (pair.right if line.is_repeat else pair.left).key
    assert len(place.folder.comparisons(["Ann"])) == 32


def test_pictures_are_what_the_recipes_say_and_are_kept(place: Place, served: Annotating, client: httpx.Client) -> None:
    pair = place.pairs[0]
    original = read_photo(place.photos / pair.left.name)
    for side, version in (("a", pair.left), ("b", pair.right)):
        answer = client.get(f"/pictures/{pair.id}/{side}")
        assert answer.headers["Content-Type"] == "image/jpeg" and answer.headers["Cache-Control"] == "no-store"
        found, expected = np.array(Image.open(io.BytesIO(answer.content))), shown(original, version.steps, 300)
        assert found.shape == expected.shape and np.abs(found.astype(int) - expected).mean() < 3
        assert not Image.open(io.BytesIO(answer.content)).getexif()
    (place.photos / pair.left.name).unlink()
    assert client.get(f"/pictures/{pair.id}/a").status_code == 200, "kept in memory"


def test_only_so_many_bytes_of_pictures_are_kept(place: Place) -> None:
    with annotating(place, max_bytes=5000) as served, served.client() as client:
        for pair in place.pairs:
            assert client.get(f"/pictures/{pair.id}/a").status_code == 200
        assert 1 <= len(served.pictures._kept) < 4 and not served.pictures._making


@pytest.mark.parametrize("name", ["..", "%2e%2e", "..%2fpairs.jsonl", "x", "0" * 12, "A" * 12, "é", "%00", "a" * 3000])
def test_strange_ids_are_of_nothing(still: tuple[Place, Annotating], name: str) -> None:
    good, served = still[0].pairs[0].id, still[1]
    for path in (f"{name}/a", f"{name}/..%2f..%2fetc%2fpasswd", f"{good}/{name}", f"{good}/c"):
        answer = httpx.get(f"{served.url}/annotate/pictures/{path}", headers={"Accept": "*/*"})
        assert answer.status_code == 404 or ("%2e" in name or name == ".."), path
        assert b"JFIF" not in answer.content and b"recipe" not in answer.content


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "../../x"},
        {"id": 5},
        {"pair": "../../etc/passwd"},
        {"pair": None},
        {"answer": "both"},
        {"reason": "<b>"},
        {"milliseconds": -1},
        {"milliseconds": "many"},
        {"age": -5},
    ],
)
def test_what_is_no_answer_is_refused_and_nothing_is_written(still: tuple[Place, Annotating], wrong: Any) -> None:
    said = SAID | {"id": "answer-0001", "pair": still[0].pairs[0].id, "answer": "left"} | wrong
    with still[1].client() as client:
        answer = client.post("/answers", json={"annotator": "Ann", "answers": [said]})
    assert answer.status_code == 422 and "not understood" in answer.json()["detail"]


def test_bodies_that_are_no_json_or_too_long_are_refused(still: tuple[Place, Annotating]) -> None:
    with still[1].client() as client:
        for path in ("/answers", "/next"):
            for body, status in ((b"{", 422), (b"[" * 40_000, 422), (b"x" * 60_000, 413), (b"\xff", 422)):
                assert client.post(path, content=body).status_code == status


def test_who_sends_half_a_body_is_answered_and_not_waited_for(
    still: tuple[Place, Annotating], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apsi.web.body._SLOWEST", 0.2)
    url = httpx.URL(still[1].url)
    with socket.create_connection((url.host, url.port or 0), timeout=20) as client:
        head = f"POST /annotate/next HTTP/1.1\r\nHost: {url.netloc.decode()}\r\nOrigin: {url}\r\nContent-Length: 99\r\n"
        client.sendall(f'{head}\r\n{{"annotator":'.encode())
        assert client.recv(99).startswith(b"HTTP/1.1 408 ")


def test_an_answer_to_no_pair_is_refused_and_the_others_are_kept(place: Place, client: httpx.Client) -> None:
    found = say(
        client,
        {"id": "answer-0001", "pair": "0" * 12, "answer": "left"},
        {"id": "answer-0002", "pair": place.pairs[0].id, "answer": "left", "milliseconds": 10**12, "age": 10**15},
    )
    assert found == {"kept": ["answer-0002"], "refused": ["answer-0001"]}
    assert [line.milliseconds for line in place.folder.answers()] == [24 * 3600 * 1000]


@pytest.mark.parametrize("name", ["", " Ann", "a\nb", "x" * 61, "\u202eevil", "a\0b"])
def test_what_is_no_name_is_refused(still: tuple[Place, Annotating], name: str) -> None:
    answer = httpx.post(f"{still[1].url}/annotate/next", json={"annotator": name}, headers={"Origin": still[1].url})
    assert answer.status_code == 422 and "1 to 60 characters" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "../../Ann", "Jürgen 東京", '"/><script>'])
def test_odd_names_have_files_of_their_own_in_the_folder(place: Place, client: httpx.Client, name: str) -> None:
    say(client, {"id": "answer-0001", "pair": place.pairs[0].id, "answer": "left"}, annotator=name)
    files = [path for path in place.root.rglob("*.jsonl") if path.name != "pairs.jsonl"]
    assert len(files) == 1 and files[0].parent == place.folder.path / "answers"
    assert place.folder.annotators() == [name]


def test_the_page_shows_a_name_as_text_and_nothing_of_what_stands_behind_the_pairs(place: Place) -> None:
    with annotating(place, annotator='"><script>alert(1)</script>') as served, served.client() as client:
        page = client.get("/").text
        assert "<script>alert" not in page and "://" not in page and " style=" not in page and " onclick" not in page
        assert page.count("<script") == page.count("<script src=") + page.count('<script type="application/json"')
        told = client.post("/next", json={"annotator": "Ann", "begin": True}).text
    for secret in ("IMG_", "exposure", "crop(", "agent", "train", place.pairs[0].left.photo, "score"):
        assert secret not in page and secret not in told


def test_a_changed_and_a_missing_photo_are_passed_over_and_told(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    (place.photos / "IMG_0.jpg").write_bytes((place.photos / "IMG_1.jpg").read_bytes())
    (place.photos / "IMG_2.jpg").unlink()
    with annotating(place, repeats=0.0) as served, served.client() as client, caplog.at_level(logging.WARNING):
        for number in range(8):
            found = upcoming(client)
            say(client, {"id": f"answer-{number:04}", "answer": "tie", **found["next"][0]})
        found = upcoming(client)
        assert found["next"] == [] and (found["done"], found["total"], found["goal"]) == (8, 8, 8)
        assert found["left_out_said"] == (
            "8 pairs are left out, as their photos are missing or were changed: IMG_0.jpg, IMG_2.jpg"
        )
        assert client.get(f"/pictures/{place.pairs[0].id}/a").status_code == 410
    assert {line.pair for line in place.folder.answers()} == {
        pair.id for pair in place.pairs if pair.left.name[4] in "13"
    }
    assert "IMG_0.jpg was changed after its pairs were made" in caplog.text
    assert caplog.text.count("Pairs are left out") == 2


def test_a_photo_that_changes_while_its_pair_waits_is_passed_over(place: Place) -> None:
    with annotating(place) as served, served.client() as client:
        pair = place.pairs[3].id
        assert served.pictures.can_show(pair)
        (place.photos / "IMG_3.jpg").write_bytes(b"something else")
        assert client.get(f"/pictures/{pair}/a").status_code == 410
        assert pair not in [turn["pair"] for turn in upcoming(client)["next"]]


def test_a_full_disk_is_told_and_the_answer_is_taken_later(
    place: Place, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    said = SAID | {"id": "answer-0001", "pair": place.pairs[0].id, "answer": "left"}
    with monkeypatch.context() as patch:
        patch.setattr(PreferenceFolder, "add_answers", full)
        answer = client.post("/answers", json={"annotator": "Ann", "answers": [said]})
    assert answer.status_code == 507 and "kept in this page" in answer.json()["detail"]
    assert upcoming(client)["done"] == 0
    assert say(client, said)["kept"] == ["answer-0001"] and upcoming(client)["done"] == 1


def test_many_windows_of_many_people_at_once_corrupt_nothing(place: Place, served: Annotating) -> None:
    before = threading.active_count()

    def answer_all(person: int, window: int) -> None:
        with served.client() as client:
            for number, pair in enumerate(place.pairs):
                one = {"id": f"p{person}-w{window}-{number:03}", "pair": pair.id, "answer": "left"}
                say(client, one, annotator=f"Person {person}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(answer_all, [0, 0, 1, 1], [0, 1, 0, 1]))
    for person in ("Person 0", "Person 1"):
        assert len(place.folder.answers(person)) == 32
        assert sorted(line.pair for line in place.standing(person)) == sorted(pair.id for pair in place.pairs)
    assert threading.active_count() < before + 40


def test_a_goal_is_what_was_asked_for_or_all_there_is(place: Place) -> None:
    for goal, expected in ((3, 3), (1000, 16), (None, 16)):
        with annotating(place, goal=goal, repeats=0.0) as served, served.client() as client:
            assert upcoming(client)["goal"] == expected
    with annotating(place, split="val", repeats=0.0) as served, served.client() as client:
        assert upcoming(client)["total"] == 4


def run(place: Place, *overrides: str) -> object:
    config = load_config([*place.overrides(), *overrides])
    return instantiate(config.task)(config, RunFolder(place.root / "run"))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["preference_dir=nowhere"], "there are no pairs in preference_dir=nowhere: make some"),
        (["task.split=test"], "task.split=test: no pair"),
        (["dataset.path=nowhere"], "dataset.path=nowhere does not exist"),
        (["task.host=0.0.0.0"], "needs a token"),
        (["task.annotator=' Ann'"], "begins or ends with a space"),
    ],
)
def test_what_can_not_be_served_is_told_at_once(
    place: Place, overrides: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("APSI_STUDIO_TOKEN", raising=False)
    with pytest.raises(ApsiError, match=message):
        run(place, *overrides)


def test_pairs_of_other_photos_name_the_setting(place: Place, tmp_path: Path) -> None:
    other = make_place(tmp_path / "other", 1, 1)
    with pytest.raises(ApsiError, match=r"none of the first 1 pairs can be shown \(IMG_0.jpg .*dataset.path=FOLDER"):
        (other.photos / "IMG_0.jpg").write_bytes((place.photos / "IMG_3.jpg").read_bytes())
        run(other)
