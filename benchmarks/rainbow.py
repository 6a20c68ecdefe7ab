"""Rainbow, each of its parts and plain DQN on the task of the RL guide: undoing one edit, after equally many steps.

All runs have the same photos, steps, updates and network; what differs stands in `ALGORITHMS`. The network and the
photo that it sees are small, and an update takes as few transitions as the guide's, so that many updates are made in
little time. The best agent of the validation split plays the test split; intervals are by photo and seed, differences
are from `dqn` on the same episodes. Called again with the same `--out`, it goes on with the runs that are missing. The
last line is JSON.

    python benchmarks/rainbow.py --photos PHOTOS [--steps 12000] [--seeds 1 2 3] [--out DIR] [--jobs 2]
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from apsi.config.compose import load_config
from apsi.evaluate.comparison import Compared, difference, grouped, read_run
from apsi.interval import Interval, rate_interval
from apsi.task.pipeline import pipeline
from apsi.task.preprocess import preprocess
from apsi.tracking.run_folder import RunFolder

ALGORITHMS = {
    "dqn": ["algo=dqn"],
    "rainbow": ["algo=rainbow"],
    "double": ["algo=double_dqn"],
    "dueling": ["algo=dqn", "algo.dueling=true"],
    "n_steps": ["algo=dqn", "algo.n_steps=3"],
    "prioritized": ["algo=dqn", "algo.prioritized=true"],
    "noisy": ["algo=dqn", "algo.noisy=true"],
    "categorical": ["algo=dqn", "algo.distribution=categorical"],
    "quantile": ["algo=qrdqn"],
}
"""Overrides by what they are called here"""
COMMON = [
    *("dataset=folder", "device=cpu", "device.threads=1", "tracking=none", "resume=never", "policy=[agent]"),
    *("env.observation_size=[36,36]", "feature_extractor.channels=[16,32,48]", "feature_extractor.features_dim=128"),
    *("train.n_envs=8", "algo.batch_size=32", "algo.learning_starts=500", "algo.target_update_interval=500"),
    *("train.images=0", "evaluate.images=0", "evaluate.harm=false"),
]


@dataclass(frozen=True)
class Job:
    """One run, in a process of its own."""

    name: str
    folder: Path
    overrides: list[str]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="folder of photos")
    parser.add_argument("--algorithms", nargs="+", choices=list(ALGORITHMS), default=list(ALGORITHMS))
    parser.add_argument("--steps", type=int, default=12_000, help="of each run")
    parser.add_argument("--looks", type=int, default=4, help="validations in each run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, help="folder for the runs; default: a temporary one")
    parser.add_argument("--data", type=Path, help="folder for the prepared photos; default: one in --out")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--only-read", action="store_true", help="figures of the seeds whose runs are all there")
    parser.add_argument("more", nargs="*", help="settings of apsi for all algorithms, after --")
    options = parser.parse_args()
    if options.photos is None:
        print(json.dumps({"skipped": "name a folder of photos with --photos"}))
        return
    if options.out is None:
        with tempfile.TemporaryDirectory() as out:
            print(json.dumps(measure(options, Path(out))))
    else:
        print(json.dumps(measure(options, options.out)))


def measure(options: argparse.Namespace, out: Path) -> dict[str, Any]:
    """All runs that are not there yet, and what they come to."""
    paths = {"dataset.path": options.photos.absolute(), "data_dir": options.data or out / "data", "output_dir": out}
    common = [
        *COMMON,
        *(f"{name}={json.dumps(str(path))}" for name, path in paths.items()),  # may hold spaces and commas
        *(f"train.total_timesteps={options.steps}", f"train.checkpoint_every={options.steps}"),
        *(f"train.eval_every={max(1, options.steps // options.looks)}", *options.more),
    ]
    # seed by seed, so that what else a machine does in an hour concerns all algorithms
    jobs = [
        Job(name, out / "runs" / f"{name}_{seed}", [*ALGORITHMS[name], *common, f"seed={seed}"])
        for seed in options.seeds
        for name in options.algorithms
    ]
    if not options.only_read:
        play_all([job for job in jobs if not is_done(job)], common, out, options.jobs)
    whole = [
        seed for seed in options.seeds if all(is_done(job) for job in jobs if job.folder.name.endswith(f"_{seed}"))
    ]
    groups = {
        name: read_group(name, [out / "runs" / f"{name}_{seed}" for seed in whole]) for name in options.algorithms
    }
    found: dict[str, Any] = {"photos": str(options.photos), "steps": options.steps, "seeds": whole}
    return found | {name: figures(group, groups[options.algorithms[0]]) for name, group in groups.items()}


def is_done(job: Job) -> bool:
    """Whether the run is there to its end."""
    return (job.folder / "summary.json").is_file()


def play_all(jobs: Sequence[Job], common: Sequence[str], out: Path, at_a_time: int) -> None:
    """Runs what is missing; photos are prepared once before."""
    if not jobs:
        return
    config = load_config([*common, "algo=dqn", "task=preprocess"])
    preprocess(config, RunFolder.create(out / "prepared", config))
    with ProcessPoolExecutor(at_a_time, mp_context=get_context("spawn")) as pool:
        for job, _ in zip(jobs, pool.map(play, jobs), strict=True):
            print(f"{job.folder.name} is done", flush=True)


def play(job: Job) -> None:
    """Trains and evaluates."""
    config = load_config(job.overrides)
    pipeline(config, RunFolder.create(job.folder, config))


def read_group(name: str, folders: Sequence[Path]) -> Compared:
    """The runs of an algorithm as one."""
    files = ((folder.name, folder / "results.csv", folder / "summary.json") for folder in folders)
    return grouped(name, [read_run(*names, params={}, curve=[]) for names in files])


def figures(group: Compared, first: Compared) -> dict[str, Any]:
    """Success and gain on the test split, the difference in success from the first algorithm, seconds of training."""
    runs = [run.summary for run in group.runs]
    found: dict[str, Any] = {
        "success": round(group.sample(0).mean, 3),
        "success_ci95": rounded(rate_interval(group.sample(0))),
        "by_seed": [round(run["policies"]["agent"]["success_rate"], 3) for run in runs],
        "mean_gain": round(group.sample(1).mean, 3),
        "train_seconds": [round(run["seconds"]["train"]) for run in runs],
    }
    if group is not first:
        found |= {"minus": first.name, "difference": round(difference(first, group, 0).mean, 3)}
        found["difference_ci95"] = rounded(difference(first, group, 0).interval)
    return found


def rounded(interval: Interval | None) -> list[float] | None:
    """For JSON."""
    return interval and [round(end, 3) for end in interval]


if __name__ == "__main__":
    main()
