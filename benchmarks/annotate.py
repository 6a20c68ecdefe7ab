"""How soon 100,000 pairs can be chosen from, and how soon an answer is on the disk and the next pair there.

Pairs of made photos are written, then read, put in order for somebody, and asked for over HTTP as the page does.
Milliseconds are those of whole requests, medians and the slowest of 50. The last line is JSON; its ratios are budget /
measured: 2 s of the processor to read the pairs and put them in order, 100 ms until an answer is kept, and until a
picture that was made ahead is there.

    python benchmarks/annotate.py [--pairs 100000] [--megapixels 12]
"""

import argparse
import hashlib
import json
import logging
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from full_size import make_photo

from apsi.advise.words import Words
from apsi.dataset.folder import Folder
from apsi.photo.hash import file_hash
from apsi.preference.folder import PreferenceFolder
from apsi.preference.lines import append_lines
from apsi.preference.pair import Pair, Version
from apsi.preference.photos import Originals
from apsi.preference.queue import Queue
from apsi.studio.annotate import annotate_room
from apsi.studio.annotators import Annotators
from apsi.studio.pair_pictures import PairPictures
from apsi.web.door import Door
from apsi.web.listening import listen
from apsi.web.server import make_app

TIMES = 50
START, ANSWER = 2.0, 100.0  # s, ms


def write_pairs(root: Path, count: int, megapixels: float) -> None:
    """One photo that is there, for the first pairs, and many that are only named."""
    make_photo(root / "photo.jpg", megapixels, 8)
    known = file_hash(root / "photo.jpg")
    lines = []
    for number in range(count):
        photo = known if number < 1000 else hashlib.sha256(str(number // 20).encode()).hexdigest()
        recipes = [(f"exposure(+0.{number % 1000:03})",), (f"exposure(-0.{number % 1000:03})", "warmth")]
        left, right = (Version(photo, "photo.jpg", recipe) for recipe in recipes)
        lines.append(Pair(left, right, "train", "agent", {"number": number}).as_dict())
    append_lines(PreferenceFolder(root / "preferences").pairs_file, lines)


def measure(root: Path) -> dict[str, Any]:
    """Starts, and asks as the page does."""
    began, before = time.perf_counter(), time.process_time()
    folder = PreferenceFolder(root / "preferences")
    index = folder.require_index()
    Queue(index.ids(), "Ann", 0.1)
    start = time.process_time() - before
    pictures = PairPictures(index, Originals(Folder(str(root), {}, []), root / "data"), 1600, 300_000_000, 2)
    pictures.require_some(index.ids()[:20])
    people = Annotators(folder, index, pictures)
    room = annotate_room(people, index, pictures, Words(), None)
    with listen("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(make_app(Door("127.0.0.1", 0), [room], Words()), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        with httpx.Client(base_url=f"{url}/annotate", headers={"Origin": url}, timeout=60) as client:
            state = client.post("/next", json={"annotator": "Ann", "begin": True}).raise_for_status().json()
            ready = time.perf_counter() - began
            answers, fetched, made = [], [], []
            for number in range(TIMES):
                first, later = state["next"][0], state["next"][3]
                one = {"id": f"answer-{number:05}", "answer": "left", "milliseconds": 900, **first}
                answers.append(timed(client, "POST", "/answers", json={"annotator": "Ann", "answers": [one]}))
                state = client.post("/next", json={"annotator": "Ann"}).json()
                made.append(timed(client, "GET", f"/pictures/{later['pair']}/a"))
                fetched.append(timed(client, "GET", f"/pictures/{later['pair']}/b"))
        server.should_exit = True
        thread.join()
    return {
        "pairs": len(index),
        "read and put in order, s of the processor": round(start, 2),
        "first request answered, s": round(ready, 2),
        "answer kept, ms": [round(statistics.median(answers), 1), round(max(answers), 1)],
        "both pictures made, ms": [round(statistics.median(made), 1), round(max(made), 1)],
        "picture that was made, ms": [round(statistics.median(fetched), 1), round(max(fetched), 1)],
    }


def timed(client: httpx.Client, method: str, path: str, **options: Any) -> float:
    """Milliseconds of an answer."""
    began = time.perf_counter()
    client.request(method, path, **options).raise_for_status()
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--megapixels", type=float, default=12.0)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as temporary:
        write_pairs(Path(temporary), arguments.pairs, arguments.megapixels)
        found = measure(Path(temporary))
    for name, value in found.items():
        print(f"{name}: {value}")
    ratios = {
        "start": round(START / found["read and put in order, s of the processor"], 2),
        "answer": round(ANSWER / found["answer kept, ms"][0], 2),
        "picture": round(ANSWER / found["picture that was made, ms"][0], 2),
    }
    print(json.dumps({"megapixels": arguments.megapixels, **found, "budget / measured": ratios}))


if __name__ == "__main__":
    main()
