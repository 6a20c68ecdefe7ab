"""How much of the juror's speed a rollout keeps.

Steps the batched environment with random actions, the score cache off, against (a) the juror alone on the photos of
such rollouts, at its best batch size; (b) Stable-Baselines3's DummyVecEnv and SubprocVecEnv over single environments
with a juror each; and (c) reports the cache's hit rate and the speed of a real training run. Rounds alternate, so that
what else the machine does meets all of them; ratios are of medians. The last line is JSON.

    python benchmarks/rollout.py [--seconds 4] [--rounds 5] [--train-steps 20000]
"""

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from omegaconf import DictConfig
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv

from apsi.config.build import components, episode_source, prepare
from apsi.config.compose import load_config
from apsi.config.environment import from_overrides
from apsi.env.core import EditCore
from apsi.env.gym_env import PhotoEditEnv
from apsi.env.vec_env import PhotoVecEnv
from apsi.juror.base import Juror
from apsi.photo import Floats, Photo
from apsi.photo.prepared import PhotoStore
from apsi.task.train import train
from apsi.tracking.run_folder import RunFolder

OVERRIDES = ["score_cache=0", "tracking=none", "device=cpu"]
BATCHES = (1, 8, 16, 32, 64, 128)


def onnx_juror(path: str) -> list[str]:
    """Overrides for an ONNX juror of the kind that is measured here: 224 x 224 RGB from -1 to 1 in, a logit out."""
    settings = ["juror.size=224", "juror.mean=[0.5,0.5,0.5]", "juror.std=[0.5,0.5,0.5]"]
    settings += ["juror.mapping.centre=-10", "juror.mapping.scale=5"]
    return ["juror=onnx", f"juror.path='{Path(path).resolve()}'", *settings]


class Recording(Juror):
    """Passes photos on and keeps the first ones."""

    def __init__(self, juror: Juror, keep: int) -> None:
        self.juror, self.keep, self.photos = juror, keep, []  # type: ignore[var-annotated]

    @property
    def fingerprint(self) -> str:
        return self.juror.fingerprint

    def score(self, photos: Sequence[Photo]) -> Floats:
        self.photos += list(photos)[: self.keep - len(self.photos)]
        return self.juror.score(photos)


def vec_env(config: DictConfig, juror: Juror, n: int) -> PhotoVecEnv:
    """The batched environment on the training split."""
    return PhotoVecEnv(edit_core(config, juror, n))


def edit_core(config: DictConfig, juror: Juror, n: int) -> EditCore:
    """Its core, with the photos in memory, as they are after the first of a run's many passes through them."""
    split, store = prepare(config).split("train"), PhotoStore()
    for episode in split.episodes:
        store.read(episode.photo)
    return EditCore(components(config, juror), episode_source(config, split, juror, 0, store), n)


def steps_per_second(env: VecEnv, seconds: float) -> float:
    """Environment steps a second with random actions."""
    rng = np.random.default_rng(0)
    n, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        env.step(rng.integers(env.action_space.n, size=env.num_envs))  # type: ignore[attr-defined]
        n += env.num_envs
    return n / (time.perf_counter() - began)


def scores_per_second(juror: Juror, photos: Sequence[Photo], batch: int, seconds: float) -> float:
    """Photos a second that the juror scores in batches of this size."""
    n, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        start = n % (len(photos) - batch + 1)
        juror.score(photos[start : start + batch])
        n += batch
    return n / (time.perf_counter() - began)


def training_run(steps: int) -> dict[str, float]:
    """Hit rate of the score cache and steps a second of a real training run."""
    with tempfile.TemporaryDirectory() as folder:
        config = load_config([*OVERRIDES[1:], "task=train", "resume=never", f"train.total_timesteps={steps}"])
        numbers = train(config, RunFolder.create(Path(folder), config))
        return {"steps_per_second": numbers["timesteps"] / numbers["seconds"], "hit_rate": numbers["cache_hit_rate"]}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--envs", type=int, default=64, help="episodes side by side in the batched environment")
    parser.add_argument("--train-steps", type=int, default=20_000, help="0: no training run")
    options = parser.parse_args()

    config = load_config(OVERRIDES)
    juror = prepare(config).juror
    recording = Recording(juror, 512)
    batched = vec_env(config, recording, options.envs)
    batched.reset()
    while len(recording.photos) < recording.keep:
        steps_per_second(batched, 0.1)
    photos = recording.photos

    best = max(BATCHES, key=lambda batch: scores_per_second(juror, photos, batch, options.seconds / 2))
    processes = multiprocessing.cpu_count()
    single: Callable[[], PhotoEditEnv] = partial(from_overrides, OVERRIDES)
    dummy, subproc = DummyVecEnv([single] * processes), SubprocVecEnv([single] * processes, start_method="spawn")
    for env in (dummy, subproc):
        env.reset()

    measures: dict[str, Callable[[], float]] = {
        "juror": lambda: scores_per_second(juror, photos, best, options.seconds),
        "env": lambda: steps_per_second(batched, options.seconds),
        "dummy": lambda: steps_per_second(dummy, options.seconds),
        "subproc": lambda: steps_per_second(subproc, options.seconds),
    }
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for i in range(options.rounds):
        for name, measure in measures.items():
            taken[name].append(measure())
        print(
            f"round {i + 1}: " + "  ".join(f"{name} {values[-1]:.0f}/s" for name, values in taken.items()), flush=True
        )
    subproc.close()
    medians = {name: statistics.median(values) for name, values in taken.items()}
    result = {
        "photo_size": list(photos[0].shape[:2]),
        "juror_photos_per_second": round(medians["juror"], 1),
        "juror_best_batch": best,
        "env_steps_per_second": round(medians["env"], 1),
        "ratio_to_juror": round(medians["env"] / medians["juror"], 3),
        "ratio_to_dummy_vec_env": round(medians["env"] / medians["dummy"], 3),
        "ratio_to_subproc_vec_env": round(medians["env"] / medians["subproc"], 3),
        "subproc_processes": processes,
    }
    if options.train_steps:
        result["training_with_cache"] = {k: round(v, 3) for k, v in training_run(options.train_steps).items()}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
