"""Workers killed while they score: every score right, none lost.

Scores photos through `worker_pool=shared_memory` while one of its processes is killed every second, and compares each
score with the juror's own in this process. Naturalness, fitted on some of the photos, unless an ONNX juror is named.
The last line is JSON.

    python benchmarks/pool_faults.py [--photos 2000] [--every 1.0] [--workers 2] [--model MODEL.onnx]
"""

import argparse
import json
import os
import random
import signal
import threading
import time

import cv2
import numpy as np
from rollout import onnx_juror

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.console import track
from apsi.juror.base import FittedJuror, Juror
from apsi.photo import Photo
from apsi.worker_pool.shared_memory import SharedMemoryPool


def make_photo(seed: int) -> Photo:
    """A photo of some size with soft structures, different for every seed."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(300, 500, 2)
    coarse = rng.integers(0, 256, (*rng.integers(4, 24, 2), 3), dtype=np.uint8)
    return cv2.resize(coarse, (int(width), int(height)), interpolation=cv2.INTER_CUBIC)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two kills")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--model", help="an ONNX juror's file")
    options = parser.parse_args()

    named = onnx_juror(options.model) if options.model else []
    juror: Juror = instantiate(load_config(named).juror)
    if isinstance(juror, FittedJuror):
        juror.fit([make_photo(-1 - i & 0xFFFF) for i in range(100)])

    killed, finished = [0], threading.Event()

    def kill() -> None:
        chance = random.Random(0)
        while not finished.wait(options.every):
            if pids := pool.pids:
                os.kill(chance.choice(pids), signal.SIGKILL)
                killed[0] += 1

    wrong = lost = 0
    began = time.monotonic()
    pool = SharedMemoryPool(
        juror, workers=options.workers, threads=1, chunk_size=16, timeout=120.0, start_timeout=300.0
    )
    with pool:
        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        starts = range(0, options.photos, options.batch)
        for start in track(starts, "Scoring photos", len(starts)):
            photos = [make_photo(seed) for seed in range(start, min(start + options.batch, options.photos))]
            scores = pool.score(photos)
            lost += len(photos) - len(scores)
            wrong += int((scores != juror.score(photos)[: len(scores)]).sum())
        finished.set()
        killer.join()
    result = {
        "photos": options.photos,
        "killed": killed[0],
        "deaths_seen": pool.traffic.deaths,
        "wrong": wrong,
        "lost": lost,
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
