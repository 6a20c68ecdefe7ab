"""What share of a training run it costs that Prometheus reads its metrics.

The same training without and with `metrics_port=0`, read every second, alternating, in CPU seconds of this process, as
what else the machine does is in seconds by the clock. The reader's part, in which the metrics are put into text, is
measured by itself too, and so is what counting costs, which is done whether or not anybody reads. The last line is
JSON.

    python benchmarks/monitoring.py [--steps 6000] [--rounds 2]
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from apsi.config.build import prepare
from apsi.config.compose import load_config
from apsi.monitoring.exporter import TARGETS, exported
from apsi.monitoring.metrics import METRICS, Metrics
from apsi.task.train import train
from apsi.tracking.run_folder import RunFolder

EVERY = 1.0  # seconds between two readings; Prometheus' default is 60, that of deploy/ is 10


@contextmanager
def read_again_and_again(folder: Path) -> Iterator[list[int]]:
    """Reads the metrics of this process every second during the block; yields the sizes of what was read."""
    sizes: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.wait(EVERY):
            (file,) = (folder / TARGETS).glob("*.json")
            address = json.loads(file.read_text(encoding="utf-8"))[0]["targets"][0]
            with urllib.request.urlopen(f"http://{address}/metrics") as answer:
                sizes.append(len(answer.read()))

    thread = threading.Thread(target=read)
    with exported("127.0.0.1", 0, folder, folder):
        thread.start()
        try:
            yield sizes
        finally:
            done.set()
            thread.join()


def seconds_of(function: Callable[[], object], times: int) -> float:
    """CPU seconds of one call."""
    began = time.process_time()
    for _ in range(times):
        function()
    return (time.process_time() - began) / times


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=6_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    cpu: dict[str, list[float]] = {"not read": [], "read": []}
    sizes: list[int] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        usual = ["task=train", "tracking=none", "resume=never", "train.images=0", f"output_dir={folder}"]
        config = load_config([*usual, f"train.total_timesteps={options.steps}"])
        prepare(config)
        for i in range(options.rounds):
            for way, seconds in cpu.items():
                run = RunFolder.create(folder / f"{way.replace(' ', '-')}-{i}", config)
                began = time.process_time()
                if way == "read":
                    with read_again_and_again(folder) as found:
                        train(config, run)
                    sizes += found
                else:
                    train(config, run)
                seconds.append(time.process_time() - began)
            print(f"round {i + 1}: " + ", ".join(f"{way} {v[-1]:.1f} s CPU" for way, v in cpu.items()), flush=True)
        reading = seconds_of(METRICS.text, 200)
    metrics = Metrics()
    counting = seconds_of(lambda: (metrics.steps.inc(64), metrics.timesteps.set(64)), 100_000)
    result = {
        "steps": options.steps,
        "cpu_seconds": {way: round(statistics.median(seconds), 2) for way, seconds in cpu.items()},
        "ratio": round(statistics.median(cpu["read"]) / statistics.median(cpu["not read"]), 3),
        "readings": len(sizes),
        "bytes_a_reading": round(statistics.median(sizes)),
        "cpu_ms_a_reading": round(1000 * reading, 2),
        "cpu_us_of_counting_a_step_of_all_environments": round(1e6 * counting, 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
