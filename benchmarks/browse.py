"""How soon 100,000 photos are indexed, filtered and sorted, and the first of them seen.

An annotation file of made figures is written and served by the command itself; few of its pictures are there. Figures
are of whole requests: medians and the slowest. The last line is JSON; its ratios are budget / measured: 5 s of the
processor to index, 100 ms to filter and sort, 1 s of the processor until the first window of a server that has its
index is there, 500 MB of memory. What reading the same file with Python's `json` takes says how fast the machine is.

    PYTHONPATH=. python benchmarks/browse.py [--photos 100000]
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

from apsi.browse.index import Index
from apsi.browse.indexing import Indexing
from apsi.browse.sources import Places
from apsi.photo.coco import ImageRecord, write_coco
from apsi.photo.write import write_png

SET = "made-0123456789ab"
LABELS = ("swap_rg", "swap_rb", "invert_r", "invert_g", "exposure(+0.250)", "contrast(-0.300)", "warmth")
PICTURES = 400
BUDGETS = {
    "index, s of the processor": 5.0,
    "filter and sort, ms": 100.0,
    "first window, s of the processor": 1.0,
    "memory, MB": 500.0,
}


def write_photos(root: Path, count: int) -> Path:
    """A prepared set; the first of its photos, by name, have pictures."""
    rng = np.random.default_rng(0)
    folder, records = root / "data" / "prepared" / SET, []
    for number in range(count):
        score, initial = (float(value) for value in rng.uniform(0, 10, 2))
        name = f"{number:06}-d00.png"
        steps = tuple(rng.choice(LABELS, int(rng.integers(0, 4))).tolist())
        known = (name, 128, 96, f"trip {number % 40:02}/IMG_{number:06}.jpg", f"{number:064x}", 0, "train")
        records.append(ImageRecord(*known, f"{number:06}.png", score, initial, steps))
    by_name = sorted(records, key=lambda record: record.source)
    for record in by_name[:PICTURES]:
        small = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        write_png(folder / "train" / "images" / record.file_name, np.kron(small, np.ones((8, 8, 1), np.uint8)))
    write_coco(folder / "train" / "annotations.json", records, {"juror": "made", "dropped": 0})
    return folder / "train" / "annotations.json"


@contextmanager
def served(root: Path) -> Iterator[tuple[str, psutil.Process, float]]:
    """The command itself: its address, its process, and when it began."""
    settings = [
        "task=browse",
        "task.port=0",
        "tracking=none",
        f"data_dir={root / 'data'}",
        f"output_dir={root / 'out'}",
    ]
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "run.py", *settings, f"task.cache_dir={root / 'cache'}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": "500"},
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://127.0.0.1:\d+", line):
                yield found[0], psutil.Process(process.pid), began
                return
        raise SystemExit("the server did not start")
    finally:
        process.terminate()
        process.wait()


def until_ready(client: httpx.Client) -> dict[str, Any]:
    """Waits until the index is up to date."""
    while True:
        state = client.get("/state").raise_for_status().json()
        if state["ready"] and not state["indexing"]["busy"]:
            return dict(state)
        time.sleep(0.4)  # as the page does


def timed(client: httpx.Client, path: str, query: str) -> float:
    """Milliseconds of an answer."""
    began = time.perf_counter()
    client.get(f"{path}?{query}").raise_for_status()
    return 1000 * (time.perf_counter() - began)


def measure(root: Path, file: Path) -> dict[str, Any]:
    """Starts twice, and asks as the page does."""
    before = time.process_time()
    json.loads(file.read_text(encoding="utf-8"))
    known = time.process_time() - before
    places, before = Places(root / "data", root / "out"), time.process_time()
    indexing = Indexing(places, Index(root / "other" / "index.sqlite"))
    indexing.begin()
    indexing.wait()
    indexed = time.process_time() - before
    with served(root) as (url, process, _), httpx.Client(base_url=f"{url}/browse", timeout=120) as client:
        began = time.perf_counter()
        client.get("/").raise_for_status()
        state = until_ready(client)
        elapsed = time.perf_counter() - began
        sorts = [
            timed(client, "/photos", f"from={start}&count=100&{query}")
            for number in range(6)
            for start in (0, state["photos"] // 3)
            for query in (
                f"sort=score&down=1&score={number}:8",
                f"sort=improvement&with=swap_rb&initial={number}:",
                f"q=img_00{number}&sort=name&down=1",
                f"sort=size&edits={number % 4}&improvement=-{number + 1}:5",
            )
        ]
        counts = [timed(client, "/counts", f"score={number}:9&q=trip 0{number}") for number in range(9)]
        rows = client.get("/photos?from=0&count=60").json()["rows"]
        began = time.perf_counter()
        for row in rows:
            client.get(f"/thumbnails/{row['id']}/photo").raise_for_status()
        made = 1000 * (time.perf_counter() - began) / len(rows)
        again = [timed(client, f"/thumbnails/{row['id']}/photo", "") for row in rows]
        memory = process.memory_info().rss / 1e6
    with served(root) as (url, process, _), httpx.Client(base_url=f"{url}/browse", timeout=120) as client:
        spent, began = sum(process.cpu_times()[:2]), time.perf_counter()
        client.get("/").raise_for_status()
        while client.get("/photos?from=0&count=100").status_code == 503:
            time.sleep(0.05)  # each question takes time from the answer
        first = time.perf_counter() - began
        spent = sum(process.cpu_times()[:2]) - spent
    return {
        "photos": state["photos"],
        "file, MB": round(file.stat().st_size / 1e6, 1),
        "json.loads of it, s of the processor": round(known, 2),
        "index, s of the processor": round(indexed, 2),
        "index, s with the server at work": round(elapsed, 2),
        "filter and sort, ms": [round(statistics.median(sorts), 1), round(max(sorts), 1)],
        "counts and histograms, ms": [round(statistics.median(counts), 1), round(max(counts), 1)],
        "first window, s of the processor": round(spent, 2),
        "first window, s": round(first, 2),
        "small picture, each of 60 ms": round(made, 1),
        "small picture that was made, ms": round(statistics.median(again), 1),
        "memory, MB": round(memory),
    }


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        found = measure(root, write_photos(root, arguments.photos))
    for name, value in found.items():
        print(f"{name}: {value}")
    single = {name: value[0] if isinstance(value, list) else value for name, value in found.items()}
    ratios = {name: round(budget / max(single[name], 1e-9), 2) for name, budget in BUDGETS.items()}
    print(json.dumps({**found, "budget / measured": ratios}))


if __name__ == "__main__":
    main()
