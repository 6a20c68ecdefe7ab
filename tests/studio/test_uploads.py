"""What comes in: how much, how large, under which names, how long; and what is refused with one sentence."""

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from apsi.studio.uploads import harmless, own_folder
from tests.advise.hostile import png_of
from tests.studio.conftest import Served, edited, jpeg, send, settle


def png_bomb(side: int = 7746) -> bytes:
    """A PNG file of 60 megapixels in a few kB."""
    return png_of(side, side, colour=0, depth=1)


def in_mode(mode: str, kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (40, 30), (10, 20, 30, 40)).save(buffer, kind)
    return buffer.getvalue()


def test_a_bomb_is_refused_by_its_header(served: Served, client: httpx.Client) -> None:
    bomb = png_bomb()
    assert len(bomb) < 20_000
    answer = send(client, bomb, "bomb.png")
    assert answer.status_code == 413
    assert answer.json()["detail"].startswith("The photo has more than 1 megapixels")
    assert "smaller version" in answer.json()["detail"]
    assert client.get("/advice/photos").json() == []
    assert [path.name for path in served.folder.iterdir()] == ["owner.json"]


def test_a_large_file_is_refused_by_what_it_says_and_by_what_it_is(served: Served, client: httpx.Client) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(30):
            yield b"x" * 100_000

    assert send(client, b"x" * 2_000_001).status_code == 413
    answer = client.post("/advice/photos", content=pieces())
    assert answer.status_code == 413 and "more than 2 MB" in answer.json()["detail"]
    assert send(client, b"").json()["detail"] == "The file is empty."
    assert [path.name for path in served.folder.iterdir()] == ["owner.json"]
    assert served.studio.uploads.size == 0


def test_a_browser_has_no_more_than_so_many(client: httpx.Client) -> None:
    sent = [send(client) for _ in range(5)]
    assert [answer.status_code for answer in sent] == [201] * 4 + [409]
    assert "4 photos" in sent[-1].json()["detail"] and "remove some" in sent[-1].json()["detail"]
    settle(client, sent[0])
    assert client.delete(f"/advice/photos/{sent[0].json()['id']}").status_code == 204
    assert send(client).status_code == 201


def test_all_browsers_together_have_no_more_than_so_much(serve: Callable[..., Any]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (600, 700, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    with serve(max_megabytes_in_all=3) as served, served.client() as one, served.client() as other:
        edited(one, buffer.getvalue(), "noise.png")
        answer = send(other, buffer.getvalue())
        assert answer.status_code == 503 and answer.headers["Retry-After"]
        assert "no room" in answer.json()["detail"]


def test_what_takes_too_long_is_given_up(serve: Callable[..., Any]) -> None:
    def slowly() -> Iterator[bytes]:
        for _ in range(10):
            yield b"x" * 1000
            time.sleep(0.05)

    with serve(max_seconds=0.3) as served, served.client() as client:
        answer = client.post("/advice/photos", content=slowly())
        assert answer.status_code == 408 and "0.3 seconds" in answer.json()["detail"]
        assert served.studio.uploads.size == 0


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"hello", "a.jpg", "not an image, or of a kind that is not read"),
        (jpeg()[:900], "a.jpg", "corrupt or truncated"),
        (in_mode("CMYK", "JPEG"), "a.jpg", "it is CMYK"),
        (in_mode("RGBA", "PNG"), "a.png", "parts of it are transparent"),
        (b"II*\0" + b"x" * 100, "a.dng", ""),
    ],
)
def test_what_cannot_be_read_is_told_in_one_sentence(client: httpx.Client, data: bytes, name: str, said: str) -> None:
    found = settle(client, send(client, data, name))
    assert found["stage"] == "failed" and found["said"].startswith(f"It can't be edited: {said}")
    assert "/" not in found["said"].replace("16-bit", "")
    for path in ("", "/preview"):
        answer = client.get(f"/advice/photos/{found['id']}{path}")
        assert (answer.status_code, answer.json()["detail"]) == (422, found["said"])


def test_heic_without_its_package_names_the_extra(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
    assert "pip install 'apsi[heif]'" in settle(client, send(client, heic, "IMG.HEIC"))["said"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("IMG_1234.JPG", "IMG_1234.JPG"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.jpg", "a.jpg"),
        ("a\x00b\r\nc\u202e.jpg", "abc.jpg"),
        ('x"<>|?*:.png', "x_______.png"),
        ("...", "photo"),
        ("", "photo"),
        ("Größe 東京.jpg", "Größe 東京.jpg"),
        ("a" * 300 + ".jpeg", "a" * 116 + ".jpeg"),
        ("照片" * 45 + ".jpeg", "照片" * 37 + "照" + ".jpeg"),
        ("照" * 90 + "." + "片" * 9, "照" * 67 + "." + "片" * 9),
        ("照片" * 45, "照片" * 38),
        (".hidden", "hidden"),
        ("<img src=x onerror=alert(1)>.jpg", "_img src=x onerror=alert(1)_.jpg"),
    ],
)
def test_names_are_harmless(name: str, shown: str) -> None:
    assert harmless(name) == shown
    assert harmless(shown) == shown


def test_a_name_is_shown_and_never_a_path(served: Served, client: httpx.Client) -> None:
    sent = send(client, name="../../../tmp/evil<b>.jpg")
    assert sent.json()["name"] == "evil_b_.jpg"
    number = settle(client, sent)["id"]
    assert {path.name for path in (served.folder / number).rglob("*")} == {"photo.jpg"}
    page = client.get(f"/advice/photos/{number}").text
    assert "evil_b_" in page and "<b>.jpg" not in page
    made = client.post(f"/advice/photos/{number}/files/photo", json={}).json()
    assert made["name"] == "evil_b_-edited.jpg"
    assert "evil_b_-edited.jpg" in client.get(f"/advice/{made['href']}").headers["Content-Disposition"]


def test_strange_ids_are_of_nothing(client: httpx.Client) -> None:
    for number in ("x", "..", "%2e%2e", "..%2fowner.json", "owner.json", "a" * 3000, "%00", "ä"):
        for path in ("", "/preview", "/files/x", "/files/..%2fphoto.jpg"):
            answer = client.get(f"/advice/photos/{number}{path}")
            assert answer.status_code == 404 or (number in ("..", "%2e%2e") and answer.is_redirect), (number, path)


def test_unused_photos_are_gone_after_an_hour(serve: Callable[..., Any]) -> None:
    with serve() as served, served.client() as client:
        old, used = edited(client), edited(client)
        served.clock.now += 59 * 60
        assert client.get(f"/advice/photos/{used}/preview").status_code == 200
        served.studio.uploads.remove_old()
        assert len(client.get("/advice/photos").json()) == 2
        served.clock.now += 2 * 60
        served.studio.uploads.remove_old()
        assert [photo["id"] for photo in client.get("/advice/photos").json()] == [used]
        answer = client.get(f"/advice/photos/{old}/preview")
        assert answer.status_code == 404 and "send it again" in answer.json()["detail"]
        assert not (served.folder / old).exists() and (served.folder / used).exists()


def test_a_full_disk_is_told(client: httpx.Client, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "/somewhere")

    number = edited(client)
    monkeypatch.setattr("apsi.advise.advice.save_edited", full)
    answer = client.post(f"/advice/photos/{number}/files/photo", json={})
    assert answer.status_code == 507
    assert "disk of the server is full" in answer.json()["detail"] and "somewhere" not in answer.text
    monkeypatch.setattr(served.studio.uploads, "receive", full)
    assert send(client).status_code == 507
    assert len(client.get("/advice/photos").json()) == 1


def test_what_goes_wrong_here_is_one_sentence(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    number = edited(client)
    monkeypatch.setattr("apsi.advise.advice.save_edited", broken)
    answer = client.post(f"/advice/photos/{number}/files/photo", json={})
    assert answer.status_code == 500 and "secret" not in answer.text and "Traceback" not in answer.text
    assert "ZeroDivisionError" in caplog.text


def test_the_folder_is_private_and_goes_with_its_process(tmp_path: Path) -> None:
    with own_folder(tmp_path) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        with own_folder(tmp_path):  # another studio does not take it for left
            assert folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from apsi.studio.uploads import own_folder\n"
        "with own_folder(Path(sys.argv[1])) as folder: (folder / 'photo.jpg').touch(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    (left,) = tmp_path.iterdir()
    foreign, link = tmp_path / "apsi-studio-foreign", tmp_path / "apsi-studio-link"
    foreign.mkdir()
    link.symlink_to(tmp_path.parent)
    (tmp_path.parent / "owner.json").write_text(json.dumps([1, 0, 0]), encoding="utf-8")
    with own_folder(tmp_path):
        assert not left.exists() and foreign.exists() and tmp_path.parent.exists()
