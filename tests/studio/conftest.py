"""A studio on a free port whose editor does the same to every photo that is not red."""

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from PIL import Image

from apsi.advise.editor import Decision, Editor
from apsi.advise.framing import Framer
from apsi.advise.words import Words
from apsi.config.compose import load_config
from apsi.export.cube import Cube
from apsi.export.hald import Hald
from apsi.photo import Photo
from apsi.studio.editing import Editing
from apsi.studio.limits import Limits
from apsi.studio.rooms import Studio
from apsi.studio.uploads import own_folder
from apsi.transform.recipe import Recipe
from apsi.web.door import Door
from apsi.web.listening import listen
from tests.conftest import Redness, natural_photo

RECIPE = Recipe.of(["temperature(+0.400)", "warmth", "exposure(-0.200)"])
SETTINGS = ["task=studio", "policy=greedy", "preprocess.steps.resize.size=64"]
LIMITS = Limits(
    max_megabytes=2,
    max_megapixels=1,
    max_photos=4,
    max_megabytes_in_all=50,
    max_seconds=20,
    max_waiting=20,
    keep_minutes=60,
)


class Sure(Editor):
    """Takes `RECIPE`, but leaves photos that are red."""

    def decide(self, photos: Sequence[Photo]) -> list[Decision]:
        juror = self.parts.juror
        before = juror.score(photos).tolist()
        recipes = [Recipe() if score > 7 else RECIPE for score in before]
        after = juror.score([recipe(photo) for recipe, photo in zip(recipes, photos, strict=True)]).tolist()
        return [Decision(recipe, *scores, 2) for recipe, *scores in zip(recipes, before, after, strict=True)]


class Clock:
    """Seconds that are set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Served:
    """A studio that is being served."""

    url: str
    studio: Studio
    folder: Path
    clock: Clock
    door: Door = field(repr=False)

    def client(self, **headers: str) -> httpx.Client:
        """A browser of its own, that sends the origin as browsers do."""
        return httpx.Client(base_url=self.url, headers={"Origin": self.url, **headers}, timeout=30)


@pytest.fixture(scope="session")
def studio_editor() -> Editor:
    return Sure(load_config(SETTINGS), Redness())


@pytest.fixture(scope="session")
def serve(studio_editor: Editor) -> Callable[..., Any]:
    """Begins a studio, with a token or other limits where they are given, for the length of a `with`."""

    @contextmanager
    def served(
        token: str | None = None,
        root_path: str = "",
        allowed_hosts: tuple[str, ...] = (),
        workers: int = 2,
        framer: Framer | None = None,
        **limits: Any,
    ) -> Iterator[Served]:
        clock, exports = Clock(), {"cube": Cube(points=9, always_3d=False), "hald": Hald(level=3)}
        some = replace(LIMITS, **limits)
        with own_folder() as folder, listen("127.0.0.1", 0) as listener:
            port = listener.getsockname()[1]
            editing = Editing(studio_editor, None, exports, some.max_pixels, framer)
            studio = Studio(folder, some, Words(), editing, workers=workers, clock=clock)
            door = Door("127.0.0.1", port, token, allowed_hosts, root_path)
            with listened(studio.app(door), listener, studio.end) as url:
                yield Served(url, studio, folder, clock, door)

    return served


@contextmanager
def listened(app: Any, listener: socket.socket, ending: Callable[[], None] = lambda: None) -> Iterator[str]:
    """An application that is being served, at this address."""
    config = uvicorn.Config(app, log_level="error", proxy_headers=False, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ending()
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def served(serve: Callable[..., Any]) -> Iterator[Served]:
    with serve() as one:
        yield one


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    """A browser that nobody else has used."""
    with served.client() as one:
        yield one
        for photo in one.get("/advice/photos").json():
            one.delete(f"/advice/photos/{photo['id']}")


def jpeg(seed: int = 0, height: int = 90, width: int = 120, **options: Any) -> bytes:
    """A made photo as a file."""
    buffer = io.BytesIO()
    Image.fromarray(natural_photo(seed, height, width)).save(buffer, options.pop("format", "JPEG"), **options)
    return buffer.getvalue()


def send(client: httpx.Client, data: bytes | None = None, name: str = "IMG_1.jpg") -> httpx.Response:
    """What the server answers to a photo."""
    return client.post("/advice/photos", params={"name": name}, content=jpeg() if data is None else data)


def settle(client: httpx.Client, sent: httpx.Response) -> dict[str, Any]:
    """What is known of a photo once nothing is done with it any more."""
    assert sent.status_code == 201, sent.text
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        (found,) = [photo for photo in client.get("/advice/photos").json() if photo["id"] == sent.json()["id"]]
        if found["stage"] in ("edited", "failed"):
            return dict(found)
        time.sleep(0.01)
    raise AssertionError(f"it is still {found}")


def edited(client: httpx.Client, data: bytes | None = None, name: str = "IMG_1.jpg") -> str:
    """The id of a photo that was sent and decided on."""
    found = settle(client, send(client, data, name))
    assert found["stage"] == "edited", found
    return str(found["id"])
