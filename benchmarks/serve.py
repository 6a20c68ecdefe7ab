"""A juror behind HTTP against the same juror alone.

Starts `python run.py task=serve_juror` with an ONNX juror and lets 16 clients send photos, one a request, as fast as
they are answered; every score is compared with the juror's own. Then a queue of 8 is overrun, which must refuse some
requests and mix up none. Rounds alternate; the last line is JSON.

    python benchmarks/serve.py --model MODEL.onnx [--photos 2000] [--clients 16] [--rounds 3]
"""

import argparse
import json
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from rollout import onnx_juror

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.errors import ApsiError
from apsi.juror.base import Juror
from apsi.juror.http import HttpJuror
from apsi.photo import Floats, Photo
from apsi.photo.npy import pack_photos

RUN = Path(__file__).parents[1] / "run.py"


def client(url: str) -> HttpJuror:
    """A client that sends one photo a request, one request at a time."""
    return HttpJuror(url=url, batch_size=1, connections=1, timeout=60.0, patience=120.0)


@contextmanager
def server(*overrides: str) -> Iterator[str]:
    """The address of a served juror that answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, str(RUN), "task=serve_juror", f"task.port={port}", "score_cache=0", "tracking=none"]
    process = subprocess.Popen([*command, *overrides], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                client(url).warm_up()
                break
            except ApsiError:
                if process.poll() is not None:
                    raise
                time.sleep(0.1)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def ask_all(url: str, photos: Sequence[Photo], clients: int) -> Floats:
    """Scores of all photos, asked for by several clients at once."""
    jurors = [client(url) for _ in range(clients)]
    for juror in jurors:
        juror.warm_up()

    def ask(i: int) -> list[tuple[int, float]]:
        return [(k, float(jurors[i].score([photos[k]])[0])) for k in range(i, len(photos), clients)]

    scores = np.full(len(photos), np.nan)
    with ThreadPoolExecutor(clients) as threads:
        for part in threads.map(ask, range(clients)):
            for k, score in part:
                scores[k] = score
    return scores


def overrun(url: str, photos: Sequence[Photo], clients: int) -> tuple[list[int], int]:
    """Status codes of clients that don't wait when refused, and the longest queue that was seen."""
    longest = 0

    def send(photo: Photo) -> int:
        return httpx.post(f"{url}/score", content=pack_photos([photo]), timeout=60).status_code

    with ThreadPoolExecutor(clients) as threads:
        sent = [threads.submit(send, photo) for photo in photos]
        while not all(one.done() for one in sent):
            longest = max(longest, httpx.get(f"{url}/healthz").json()["queue"])
        return [one.result() for one in sent], longest


def best_alone(juror_of: dict[str, Juror], photos: Sequence[Photo]) -> str:
    """The setting at which the juror alone is fastest."""
    return max(juror_of, key=lambda name: alone(juror_of[name], photos[:128]))


def alone(juror: Juror, photos: Sequence[Photo]) -> float:
    """Photos a second of the juror in this process."""
    began = time.perf_counter()
    juror.score(photos)
    return len(photos) / (time.perf_counter() - began)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="an ONNX juror's file")
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.model is None:
        print(json.dumps({"skipped": "name an ONNX juror's file with --model"}))
        return

    rng = np.random.default_rng(0)
    shapes = rng.integers(options.size * 3 // 4, options.size * 5 // 4, (options.photos, 2))
    photos = [np.full((*shape, 3), rng.integers(0, 256, 3), np.uint8) for shape in shapes]
    for photo in photos:
        photo[: len(photo) // 2] = rng.integers(0, 256, 3)

    base = onnx_juror(options.model)
    settings = {
        f"{batch}x{threads}": [*base, f"juror.batch_size={batch}", f"juror.threads={threads}"]
        for batch in (1, 8, 16)
        for threads in (1, 2)
    }
    jurors: dict[str, Juror] = {name: instantiate(load_config(o).juror) for name, o in settings.items()}
    for juror in jurors.values():
        juror.warm_up()
    best = best_alone(jurors, photos)
    expected = jurors[best].score(photos)
    speeds: dict[str, list[float]] = {"alone": [], "served": []}
    lost = wrong = 0
    with server(*settings[best]) as url:
        for i in range(options.rounds):
            speeds["alone"].append(alone(jurors[best], photos[:256]))
            began = time.perf_counter()
            scores = ask_all(url, photos, options.clients)
            speeds["served"].append(len(photos) / (time.perf_counter() - began))
            lost += int(np.isnan(scores).sum())
            wrong += int((np.abs(scores - expected) > 1e-4).sum())
            print(f"round {i + 1}: " + "  ".join(f"{k} {v[-1]:.1f}/s" for k, v in speeds.items()), flush=True)
    with server(*settings[best], "task.max_queue=8") as url:
        statuses, longest = overrun(url, photos[:200], 32)
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    result = {
        "photos": len(photos) * options.rounds,
        "clients": options.clients,
        "lost": lost,
        "wrong": wrong,
        "juror_best_batch_x_threads": best,
        "juror_photos_per_second": round(medians["alone"], 1),
        "served_photos_per_second": round(medians["served"], 1),
        "ratio_to_juror": round(medians["served"] / medians["alone"], 3),
        "overrun": {str(code): statuses.count(code) for code in sorted(set(statuses))} | {"longest_queue": longest},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
