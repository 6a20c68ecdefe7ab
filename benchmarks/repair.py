"""Plain reinforcement learning beside `recover`: how much of the distance to the true photos each recovers, by time.

Trains `recover`, PPO and SAC (TD3 with `--algorithms`) on `experiment=repair` with the same photos, seeds and seconds;
those of plain RL are told by `reward=nearer_original` how much nearer to the original each step came. No juror is
asked, as none is needed. Each run is held to `--threads` cores, since `recover` makes photos in a thread of its own.
Schedules go by steps, so a short run measures how many an algorithm does in the seconds. Validation and saving are not
counted; with `--clock cpu`, for a machine that others use too, seconds are those of the process. At the end the best
agents of the validation split play the test split; the picture shows the mean of the seeds and, as a band, the lowest
and the highest. The last line is JSON.

    python benchmarks/repair.py --photos PHOTOS [--seconds 300] [--seeds 1 2 3] [--out DIR] [--picture PNG] [--jobs 2]
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.ticker import PercentFormatter

from apsi.algo.ahead import OwnPhotosModel
from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.evaluate.comparison import Compared, grouped, read_run, recovered_difference
from apsi.evaluate.plots import SOFT, STYLE, Band, Points, draw_lines, legend_below, new_figure
from apsi.evaluate.truth import TRUTHS
from apsi.interval import mean_interval
from apsi.task.pipeline import pipeline
from apsi.task.train import train
from apsi.tracking.run_folder import FINISHED, RunFolder
from apsi.train import loop
from apsi.train.callbacks import MilestoneCallback

TOLD = ["reward=nearer_original", "episodes.undegraded=0.2", "feature_extractor.dropout=0"]
"""What plain RL is told: as many photos to be left alone as `recover` learns from, and the distance as the reward"""
REPLAY = [
    *("train.n_envs=32", "algo.buffer_size=20000", "algo.learning_starts=500"),
    # features take most of the time, and an update needs them five times: one for every 32 steps
    *("algo.batch_size=128", "algo.gradient_steps=1", "algo.optimizer.learning_rate=1e-3", "algo.net_arch=[256,192]"),
]
SETTINGS = {
    "recover": [],
    "ppo": [
        *TOLD,
        "feature_extractor.over_all=true",  # else its ratios are off before anything is learned
        *("train.n_envs=64", "algo.n_steps=16", "algo.batch_size=256", "algo.n_epochs=4"),
        *("algo.log_std_init=-1.5", "algo.ent_coef=0", "algo.vf_coef=0.5", "algo.net_arch=[256,192]"),
    ],
    "sac": [*TOLD, *REPLAY, "algo.ent_coef=auto_0.1"],
    "td3": [*TOLD, *REPLAY],
}
"""Overrides by algorithm, found by short runs on the validation split"""
PILOT = 0.2
"""Share of the seconds in which a short run measures how fast an algorithm is"""
CLOCKS = {"wall": time.monotonic, "cpu": time.process_time}


@dataclass(frozen=True)
class Job:
    """One training in a process of its own."""

    algo: str
    seed: int
    folder: Path
    overrides: list[str]
    """beside those of the algorithm and the seed"""
    clock: str
    pilot: float | None = None
    """seconds after which it ends, and is not evaluated"""


@dataclass(frozen=True)
class Played:
    """What a job left."""

    trace: list[tuple[int, float]]
    """steps and seconds at the start of every rollout, and at the end"""
    curve: list[tuple[float, float]]
    """seconds, and share recovered on the validation split"""
    policy: dict[str, Any]
    """of the agent in `summary.json`; empty for a pilot"""


class Clocked(MilestoneCallback):
    """Keeps the time of training without that of milestones."""

    clock: Callable[[], float]
    ends_at: float | None
    """seconds"""
    latest: "Clocked"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.trace: list[tuple[int, float]] = []
        self.looked_at: list[float] = []
        self._since = self.clock()
        Clocked.latest = self

    @property
    def seconds(self) -> float:
        """So far."""
        return self.clock() - self._since

    def _on_step(self) -> bool:
        return self.ends_at is None or self.seconds < self.ends_at

    def _on_rollout_start(self) -> None:
        self.trace.append((self.model.num_timesteps, self.seconds))
        super()._on_rollout_start()

    def evaluate(self) -> None:
        began = self.clock()
        self.looked_at.append(began - self._since)
        self.trace.append((self.model.num_timesteps, began - self._since))
        if isinstance(self.model, OwnPhotosModel):
            self.model._finish()  # noqa: SLF001 - else it would make photos in time that is not counted
        super().evaluate()
        self._since += self.clock() - began


def main() -> None:
    """Measures, draws and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="folder of good photos")
    parser.add_argument("--algorithms", nargs="+", choices=list(SETTINGS), default=["recover", "ppo", "sac"])
    parser.add_argument("--seconds", type=float, default=300, help="of training, each run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--looks", type=int, default=12, help="validations in each run")
    parser.add_argument("--out", type=Path, help="folder for the runs, which must be new; default: a temporary one")
    parser.add_argument("--picture", type=Path, help="the curves as PNG; default: repair_learning.png in --out")
    parser.add_argument("--threads", type=int, default=1, help="cores of each run")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall")
    parser.add_argument("more", nargs="*", help="settings of apsi for all algorithms, after --")
    options = parser.parse_args()
    if options.photos is None:
        print(json.dumps({"skipped": "name a folder of photos with --photos"}))
        return
    cores = available_cores()
    if options.jobs * options.threads > len(cores):
        parser.error(f"--jobs {options.jobs} of --threads {options.threads} need more than the {len(cores)} cores here")
    if options.out is None:
        with tempfile.TemporaryDirectory() as out:
            print(json.dumps(measure(options, Path(out))))
    elif options.out.exists() and any(options.out.iterdir()):
        parser.error(f"--out {options.out} is not empty: name another folder")
    else:
        print(json.dumps(measure(options, options.out)))


def available_cores() -> list[int]:
    """Numbers of the cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def measure(options: argparse.Namespace, out: Path) -> dict[str, Any]:
    """All runs, the picture and what they come to."""
    paths = {"dataset.path": options.photos.absolute(), "data_dir": out / "data", "output_dir": out}
    common = [
        *("experiment=repair", "dataset=folder", "juror=none", "policy=[agent]", "tracking=none", "resume=never"),
        *(f"{name}={json.dumps(str(path))}" for name, path in paths.items()),  # may hold spaces and commas
        *("device=cpu", f"device.threads={options.threads}", "train.images=0", "evaluate.images=0", *options.more),
    ]

    def job(algo: str, seed: int, steps: int, *overrides: str, pilot: float | None = None) -> Job:
        length = [f"train.total_timesteps={steps}", f"train.checkpoint_every={steps}", *overrides]
        folder = out / ("runs" if pilot is None else "pilots") / f"{algo}_{seed}"
        return Job(algo, seed, folder, [*common, *length], options.clock, pilot)

    def pilot(algo: str) -> Job:
        rare = ("train.eval_every=1000000000", "train.eval_episodes=5")
        return job(algo, options.seeds[0], 1_000_000_000, *rare, pilot=PILOT * options.seconds)

    algos = options.algorithms
    pilots = play_all([pilot(algo) for algo in algos], options)
    steps = {algo: steps_within(run.trace, options.seconds) for algo, run in zip(algos, pilots, strict=True)}
    every = {algo: f"train.eval_every={max(1, steps[algo] // options.looks)}" for algo in algos}
    # seed by seed, so that what else a machine does in an hour concerns all algorithms
    jobs = [job(algo, seed, steps[algo], every[algo]) for seed in options.seeds for algo in algos]
    played = list(zip(jobs, play_all(jobs, options), strict=True))
    of = {algo: [run for job, run in played if job.algo == algo] for algo in algos}
    picture = options.picture or out / "repair_learning.png"
    draw({algo: [run.curve for run in runs] for algo, runs in of.items()}, picture, options.clock)
    found: dict[str, Any] = {"photos": str(options.photos), "seconds": options.seconds, "seeds": options.seeds}
    found |= {"clock": options.clock, "threads": options.threads, "jobs": options.jobs, "picture": str(picture)}
    groups = {algo: read_group(algo, [job.folder for job in jobs if job.algo == algo]) for algo in algos}
    for algo, runs in of.items():
        left = groups[algo].distance_left()
        interval = mean_interval(left) if left else None
        recovered = interval and (1 - interval[1], 1 - interval[0])
        found[algo] = figures(runs) | {"recovered_ci95": rounded(recovered)}
    for algo in algos[1:]:
        difference = recovered_difference(groups[algo], groups[algos[0]])
        assert difference is not None
        ends = {"mean": round(difference.mean, 3), "ci95": rounded(difference.interval)}
        found[f"{algos[0]}_minus_{algo}"] = ends
    return found


def read_group(algo: str, folders: Sequence[Path]) -> Compared:
    """The runs of an algorithm as one."""
    files = ((folder.name, folder / "results.csv", folder / "summary.json") for folder in folders)
    return grouped(algo, [read_run(*names, params={}, curve=[]) for names in files])


def steps_within(trace: Sequence[tuple[int, float]], seconds: float) -> int:
    """The steps that a run like this one does in so many seconds, by the pace of its second half.

    In the first one threads start and replay buffers fill.
    """
    end_steps, end = trace[-1]
    steps, at = next(point for point in trace if point[1] >= end / 2)
    if end_steps <= steps:
        raise ApsiError(f"in {end:.1f} s an algorithm did {end_steps} steps, too few to tell its pace: add --seconds")
    return round(end_steps + (seconds - end) * (end_steps - steps) / (end - at))


def mean_curve(curves: Sequence[Points]) -> tuple[Points, Band]:
    """Mean, and lowest and highest, of curves that are read at the same places, between their points on a line."""
    begin, end = max(curve[0][0] for curve in curves), min(curve[-1][0] for curve in curves)
    x = np.linspace(begin, end, max(len(curve) for curve in curves))
    y = np.array([np.interp(x, *zip(*curve, strict=True)) for curve in curves])
    return (
        list(zip(x.tolist(), y.mean(0).tolist(), strict=True)),
        list(zip(x.tolist(), y.min(0).tolist(), y.max(0).tolist(), strict=True)),
    )


def figures(runs: Sequence[Played]) -> dict[str, Any]:
    """Of the runs of an algorithm: how long they were, and what their best agents do on the test split."""
    found: dict[str, Any] = {
        "steps": [run.trace[-1][0] for run in runs],
        "seconds": [round(run.trace[-1][1], 1) for run in runs],
        "val_recovered": [[round(recovered, 3) for _, recovered in run.curve] for run in runs],
    }
    for name in TRUTHS:
        found[name] = round(fmean(run.policy[name] for run in runs), 3)
        found[f"{name}_by_seed"] = [
            {"mean": round(run.policy[name], 3), "ci95": rounded(run.policy[f"{name}_ci95"])} for run in runs
        ]
    return found


def rounded(interval: Sequence[float] | None) -> list[float] | None:
    """An interval in few digits."""
    return interval and [round(end, 3) for end in interval]


@rc_context(STYLE)
def draw(curves: Mapping[str, Sequence[Points]], path: Path, clock: str) -> None:
    """Mean curves with bands, one an algorithm, as a PNG."""
    drawn = {algo: mean_curve(of_seeds) for algo, of_seeds in curves.items()}
    figure, axes = new_figure(3.2)
    lines = {algo: line for algo, (line, _) in drawn.items()}
    draw_lines(axes, lines, {algo: band for algo, (_, band) in drawn.items()})
    axes.axhline(0, color=SOFT, linewidth=0.8)
    axes.set_xlabel("seconds of training" + (" (CPU)" if clock == "cpu" else ""))
    axes.set_ylabel("recovered, validation photos")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlim(left=0)
    legend_below(figure, axes)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, facecolor="white")


def play_all(jobs: Sequence[Job], options: argparse.Namespace) -> list[Played]:
    """Plays jobs, `--jobs` at a time, each in a new process on cores of its own; in their order."""
    cores, n = available_cores(), options.threads
    pools = [
        ProcessPoolExecutor(1, get_context("spawn"), pin, (cores[i * n : (i + 1) * n],), max_tasks_per_child=1)
        for i in range(options.jobs)
    ]
    try:
        futures = [pools[i % len(pools)].submit(play, job) for i, job in enumerate(jobs)]
        return [future.result() for future in futures]
    finally:
        for pool in pools:
            pool.shutdown(cancel_futures=True)


def pin(cores: Sequence[int]) -> None:
    """Holds this process to some cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def play(job: Job) -> Played:
    """Trains, and but for a pilot evaluates on the test split; in a process of its own."""
    Clocked.clock, Clocked.ends_at = staticmethod(CLOCKS[job.clock]), job.pilot
    loop.MilestoneCallback = Clocked  # type: ignore[misc]
    overrides = [f"algo={job.algo}", f"seed={job.seed}", *SETTINGS[job.algo], *job.overrides]
    config = load_config(overrides)
    folder = RunFolder.create(job.folder, config, overrides)
    policy = {}
    if job.pilot is None:
        policy = pipeline(config, folder)["policies"]["agent"]
    else:
        train(config, folder)
    folder.finish(FINISHED)
    folder.last_checkpoint.unlink()  # with a replay buffer, gigabytes
    clocked = Clocked.latest
    recovered = [row["val_recovered"] for row in clocked.state.history]
    return Played(clocked.trace, list(zip(clocked.looked_at, recovered, strict=True)), policy)


if __name__ == "__main__":
    main()
