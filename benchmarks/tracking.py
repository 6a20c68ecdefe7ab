"""What share of a training run tracking costs.

The same training with `tracking=none` and `tracking=mlflow` (sqlite, system metrics every 10 s), alternating. What else
the machine does is in seconds by the clock, so shares are of CPU seconds of this process: those of the tracker's
threads and of its calls while training, as if all of them held training up, and by themselves those of start, end and
packing the model, which do not grow with the run. The last line is JSON.

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

from apsi.config.build import prepare
from apsi.config.compose import load_config
from apsi.config.schema import TrainSettings
from apsi.task.train import train
from apsi.tracking.mlflow import MlflowTracker
from apsi.tracking.run_folder import RunFolder

FIXED = ("start", "model", "finish")


def timed(name: str, seconds: dict[str, float]) -> None:
    """Counts the time spent in a method of the tracker."""
    method = getattr(MlflowTracker, name)

    def counted(self: MlflowTracker, *arguments: Any) -> None:
        began, began_cpu = time.perf_counter(), time.process_time()
        method(self, *arguments)
        seconds[f"{name}_by_the_clock"] += time.perf_counter() - began
        seconds[name] += time.process_time() - began_cpu
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
    clock: dict[str, list[float]] = {"none": [], "mlflow": []}
    cpu: dict[str, list[float]] = {"none": [], "mlflow": []}
    with tempfile.TemporaryDirectory() as folder:
        usual = ["task=train", "resume=never", f"train.total_timesteps={options.steps}", f"output_dir={folder}"]
        prepare(load_config(usual))
        for i in range(options.rounds):
            for tracking, seconds in clock.items():
                config = load_config([*usual, f"tracking={tracking}"])
                began = time.process_time()
                numbers = train(config, RunFolder.create(Path(folder) / f"{tracking}-{i}", config))
                cpu[tracking].append(time.process_time() - began)
                seconds.append(numbers["seconds"])
            print(f"round {i + 1}: " + ", ".join(f"{name} {v[-1]:.1f} s" for name, v in clock.items()), flush=True)
    per_run = {name: seconds / options.rounds for name, seconds in spent.items()}
    while_training = per_run["in_calls"] + per_run["in_threads"]
    fixed = sum(per_run[name] for name in FIXED)
    train_cpu = statistics.median(cpu["none"])
    whole = TrainSettings().total_timesteps
    result = {
        "steps": options.steps,
        "loop_seconds_by_the_clock": {name: round(statistics.median(v), 2) for name, v in clock.items()},
        "cpu_seconds": {name: round(statistics.median(v), 2) for name, v in cpu.items()},
        "tracker_seconds": {name: round(value, 3) for name, value in per_run.items()},
        "share_while_training": round(while_training / train_cpu, 4),
        "share_of_this_run": round((while_training + fixed) / train_cpu, 4),
        "default_steps": whole,
        "share_of_a_whole_run": round((while_training + fixed * options.steps / whole) / train_cpu, 4),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
