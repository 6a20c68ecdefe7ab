"""What share of a training run tracking costs.

The same training with `tracking=none` and `tracking=mlflow` (sqlite, system metrics every 10 s), alternating. Two
measures: the difference of the training loops' times (medians; what else the machine does is in it), and what the
tracker itself took: seconds that training waited in its calls plus the CPU seconds of its threads, as if each of them
held training up. Start, end and packing the model are timed by themselves, as they do not grow with the run. The last
line is JSON.

    python benchmarks/tracking.py [--steps 10000] [--rounds 2]
"""

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from apsi.assemble import prepare
from apsi.config import load_config
from apsi.run_folder import RunFolder
from apsi.schema import TrainSettings
from apsi.task.train import train
from apsi.tracking.mlflow import MlflowTracker

FIXED = ("start", "model", "finish")


def timed(name: str, seconds: dict[str, float]) -> None:
    """Counts the time spent in a method of the tracker."""
    method = getattr(MlflowTracker, name)

    def counted(self: MlflowTracker, *arguments: Any) -> None:
        began = time.perf_counter()
        method(self, *arguments)
        seconds[name] += time.perf_counter() - began
        if name == "finish":
            seconds["in_calls"] += self.seconds
            seconds["in_threads"] += self.thread_seconds

    setattr(MlflowTracker, name, counted)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()

    spent: dict[str, float] = defaultdict(float)
    for name in FIXED:
        timed(name, spent)
    loops: dict[str, list[float]] = {"none": [], "mlflow": []}
    with tempfile.TemporaryDirectory() as folder:
        usual = ["task=train", "resume=never", f"train.total_timesteps={options.steps}", f"output_dir={folder}"]
        prepare(load_config(usual))
        for i in range(options.rounds):
            for tracking, taken in loops.items():
                config = load_config([*usual, f"tracking={tracking}"])
                numbers = train(config, RunFolder.create(Path(folder) / f"{tracking}-{i}", config))
                taken.append(numbers["seconds"])
            print(f"round {i + 1}: " + ", ".join(f"{name} {v[-1]:.1f} s" for name, v in loops.items()), flush=True)
    none, mlflow = (statistics.median(values) for values in loops.values())
    fixed = {name: spent[name] / options.rounds for name in FIXED}
    counted = (spent["in_calls"] + spent["in_threads"]) / options.rounds
    whole = TrainSettings().total_timesteps
    seconds_of_whole = none * whole / options.steps
    result = {
        "steps": options.steps,
        "loop_seconds_none": round(none, 2),
        "loop_seconds_mlflow": round(mlflow, 2),
        "loop_difference": round(mlflow / none - 1, 4),
        "counted_seconds": {name: round(spent[name] / options.rounds, 3) for name in ("in_calls", "in_threads")},
        "counted_share": round(counted / none, 4),
        "fixed_seconds": {name: round(value, 2) for name, value in fixed.items()},
        "share_of_this_run": round((counted + sum(fixed.values())) / none, 4),
        f"share_of_{whole}_steps_at_this_speed": round(counted / none + sum(fixed.values()) / seconds_of_whole, 4),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
