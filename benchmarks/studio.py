"""How soon the studio answers: a photo sent, a step re-weighted, the edited photo saved.

A studio serves a made photo on a free port, an editor stands in that suggests seven strengths, and a client asks as
the page does. Milliseconds are those of whole requests, medians and the slowest of 20; a preview may take 200. The
last line is JSON; its ratios are budget / slowest preview, after the first and after the last step has changed.

    python benchmarks/studio.py [--megapixels 24]
"""

import argparse
import json
import logging
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from full_size import make_photo

from apsi.advise.editor import Decision, Editor
from apsi.advise.words import Words
from apsi.agent.jurors import ready_juror
from apsi.config.compose import load_config
from apsi.photo import Photo
from apsi.studio.editing import Editing
from apsi.studio.limits import Limits
from apsi.studio.rooms import Studio
from apsi.studio.uploads import own_folder
from apsi.transform.recipe import Recipe
from apsi.web.door import Door
from apsi.web.listening import listen

BUDGET = 200.0  # ms
RECIPE = Recipe.of(
    [
        *("temperature(+0.250)", "tint(-0.120)", "exposure(+0.350)", "gamma(-0.200)", "contrast(+0.300)"),
        *("saturation(+0.150)", "vibrance(+0.250)"),
    ]
)
TIMES = 20


class Suggests(Editor):
    """Always `RECIPE`."""

    def decide(self, photos: Sequence[Photo]) -> list[Decision]:
        before = self.parts.juror.score(photos).tolist()
        after = self.parts.juror.score([RECIPE(photo) for photo in photos]).tolist()
        return [Decision(RECIPE, *scores, 2) for scores in zip(before, after, strict=True)]


def measure(client: httpx.Client, data: bytes) -> dict[str, Any]:
    """Asks as the page does."""
    began = time.perf_counter()
    number = client.post("/advice/photos", params={"name": "made.jpg"}, content=data).raise_for_status().json()["id"]
    while (stage := client.get("/advice/photos").json()[0]["stage"]) != "edited":
        if stage == "failed":
            raise SystemExit(str(client.get("/advice/photos").json()))
        time.sleep(0.01)
    found: dict[str, Any] = {"sent and decided, s": round(time.perf_counter() - began, 2)}
    for place, name in ((0, "first"), (len(RECIPE) // 2, "middle"), (len(RECIPE) - 1, "last")):
        for path in ("preview", "said"):
            taken = [timed(client, number, path, place, i) for i in range(TIMES)]
            found[f"{path}, {name} step, ms"] = [round(statistics.median(taken), 1), round(max(taken), 1)]
    began = time.perf_counter()
    made = client.post(f"/advice/photos/{number}/files/photo", json={}).raise_for_status().json()
    client.get(f"/advice/{made['href']}").raise_for_status()
    return found | {"edited at full size and fetched, s": round(time.perf_counter() - began, 2)}


def timed(client: httpx.Client, number: str, path: str, place: int, i: int) -> float:
    """Milliseconds of an answer after one step was re-weighted."""
    steps = ["on"] * len(RECIPE)
    steps[place] = f"{0.02 * i + 0.1:+.3f}"
    began = time.perf_counter()
    client.get(f"/advice/photos/{number}/{path}", params={"steps": ",".join(steps)}).raise_for_status()
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megapixels", type=float, default=24.0)
    megapixels = parser.parse_args().megapixels
    logging.disable(logging.WARNING)
    config = load_config(["task=studio", "policy=nothing", "juror=naturalness"])
    editing = Editing(Suggests(config, ready_juror(config)), None, {}, 10**9)
    limits = Limits(1000, 1000, 5, 4000, 600, 10, 60)
    with own_folder() as folder, listen("127.0.0.1", 0) as listener, tempfile.TemporaryDirectory() as temporary:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        studio = Studio(folder, limits, Words(), editing)
        server = uvicorn.Server(uvicorn.Config(studio.app(Door("127.0.0.1", 0)), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        photo = Path(temporary) / "made.jpg"
        make_photo(photo, megapixels, 8)
        with httpx.Client(base_url=url, headers={"Origin": url}, timeout=600) as client:
            found = measure(client, photo.read_bytes())
        studio.end()
        server.should_exit = True
        thread.join()
    ratios = {name: round(BUDGET / found[f"preview, {name} step, ms"][1], 2) for name in ("first", "last")}
    for name, value in found.items():
        print(f"{name}: {value}")
    print(json.dumps({"megapixels": megapixels, **found, "budget / slowest": ratios}))


if __name__ == "__main__":
    main()
