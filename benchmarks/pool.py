"""What the shared-memory pool costs and what two workers bring.

Batches of 64 photos of 384 x 384 through an ONNX juror: in this process at one thread and at its best thread setting,
through `worker_pool=shared_memory` with one and two workers, and, beside it, through a multiprocessing queue with one
photo a message, as such pools are often written. Rounds alternate; ratios are of medians; the last line is JSON.

    python benchmarks/pool.py --model MODEL.onnx [--rounds 5] [--batches 3]
"""

import argparse
import json
import multiprocessing
import os
import pickle
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import numpy as np
from rollout import onnx_juror

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.juror.base import Juror
from apsi.photo import Floats, Photo
from apsi.worker_pool.shared_memory import SharedMemoryPool

SIZE, BATCH = 384, 64


class QueuePool:
    """Two processes that take photos from a queue, one a message."""

    def __init__(self, juror: Juror, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.asked, self.answered = context.Queue(), context.Queue()
        self.processes = [
            context.Process(target=_serve_queue, args=(pickle.dumps(juror), self.asked, self.answered), daemon=True)
            for _ in range(workers)
        ]
        for process in self.processes:
            process.start()

    def score(self, photos: Sequence[Photo]) -> Floats:
        """Scores in order."""
        for item in enumerate(photos):
            self.asked.put(item)
        scores = np.empty(len(photos))
        for _ in photos:
            i, score = self.answered.get()
            scores[i] = score
        return scores

    def close(self) -> None:
        """Ends the processes."""
        for process in self.processes:
            process.kill()
            process.join()


def _serve_queue(pickled: bytes, asked: "multiprocessing.Queue[tuple[int, Photo]]", answered: object) -> None:
    juror = pickle.loads(pickled)
    while True:
        i, photo = asked.get()
        answered.put((i, float(juror.score([photo])[0])))  # type: ignore[attr-defined]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="an ONNX juror's file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=3, help="batches a round")
    options = parser.parse_args()
    if options.model is None:
        print(json.dumps({"skipped": "name an ONNX juror's file with --model"}))
        return

    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8) for _ in range(BATCH)]

    def juror(threads: int | None, batch: int) -> Juror:
        named = [*onnx_juror(options.model), f"juror.threads={threads or 'null'}", f"juror.batch_size={batch}"]
        made: Juror = instantiate(load_config(named).juror)
        return made

    def pool(workers: int, threads: int, batch: int) -> SharedMemoryPool:
        return SharedMemoryPool(
            juror(None, batch), workers=workers, threads=threads, chunk_size=16, timeout=120.0, start_timeout=300.0
        )

    def speed(score: Callable[[Sequence[Photo]], Floats], batches: int) -> float:
        began = time.perf_counter()
        for _ in range(batches):
            score(photos)
        return BATCH * batches / (time.perf_counter() - began)

    cores = os.cpu_count() or 1
    inline = {(threads, batch): juror(threads, batch) for threads in {1, cores} for batch in (1, 4, 16)}
    for each in inline.values():
        each.warm_up()
    measured = {setting: speed(each.score, 2) for setting, each in inline.items()}
    best_one = max((s for s in inline if s[0] == 1), key=lambda s: measured[s])
    best_all = max(inline, key=lambda s: measured[s])
    batch = best_one[1]
    with ExitStack() as stack:
        one, two = stack.enter_context(pool(1, 1, batch)), stack.enter_context(pool(2, 1, batch))
        queue = QueuePool(juror(1, 1), 2)
        stack.callback(queue.close)
        measures = {
            "inline_one_thread": inline[best_one].score,
            "inline_best": inline[best_all].score,
            "one_worker": one.score,
            "two_workers": two.score,
            "queue_of_photos": queue.score,
        }
        expected = inline[best_one].score(photos)
        for name, score in measures.items():  # also starts the workers
            np.testing.assert_allclose(score(photos), expected, atol=1e-3, err_msg=name)
        taken: dict[str, list[float]] = {name: [] for name in measures}
        for i in range(options.rounds):
            for name, score in measures.items():
                taken[name].append(speed(score, options.batches))
            print(f"round {i + 1}: " + "  ".join(f"{name} {v[-1]:.1f}/s" for name, v in taken.items()), flush=True)
        medians = {name: statistics.median(values) for name, values in taken.items()}
        result: dict[str, object] = {f"{name}_photos_per_second": round(v, 1) for name, v in medians.items()}
        result |= {
            "best_inline_threads_and_batch": list(best_all),
            "one_worker_to_inline": round(medians["one_worker"] / medians["inline_one_thread"], 3),
            "two_workers_to_best_inline": round(medians["two_workers"] / medians["inline_best"], 3),
            "two_workers_to_queue": round(medians["two_workers"] / medians["queue_of_photos"], 3),
            "pixel_bytes_per_photo": photos[0].nbytes,
            "bytes_copied_per_photo": round(two.traffic.slab_bytes / two.traffic.photos),
            "pipe_bytes_per_photo": round(two.traffic.pipe_bytes / two.traffic.photos, 1),
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
