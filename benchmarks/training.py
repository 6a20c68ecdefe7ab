"""Where the time of training goes, with a neural juror.

Trains on photos of 384 x 384, in memory, with the score cache off (or on) and counts the seconds spent on edits, the
juror, making observations, the policy's choice of actions, and its update. The juror alone, at its best setting of all
and with one photo at a time on one thread, is measured after it; the last line is JSON.

    python benchmarks/training.py --backbone mobilenet_v2 --threads 1 [--steps 4096] [--envs 8] [--cache]
    python benchmarks/training.py --model MODEL.onnx -- algo=dqn feature_extractor=small_cnn
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from neural import add_arguments, best_setting, overrides
from rollout import Recording, edit_core, scores_per_second

from apsi.agent.build import build_model
from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.device.calibration import Setting
from apsi.env import core as env_core
from apsi.env.edit_state import PixelEdits
from apsi.env.vec_env import PhotoVecEnv
from apsi.juror.base import Juror
from apsi.juror.cache import CachedJuror
from apsi.photo import Floats, Photo


class Clock:
    """Seconds by part; what runs inside another part is that one's no more."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = 0.0

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time counted to this part."""

        def run(*args: Any, **kwargs: Any) -> Any:
            self._turn()
            self._open.append(part)
            try:
                return function(*args, **kwargs)
            finally:
                self._turn()
                self._open.pop()

        return run

    def _turn(self) -> None:
        now = time.perf_counter()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


class TimedJuror(Recording):
    """A juror that keeps some of its photos and whose time is counted."""

    def __init__(self, juror: Juror, keep: int, clock: Clock) -> None:
        super().__init__(juror, keep)
        self.scored = 0
        self._score = clock.timed("juror", juror.score)

    def score(self, photos: Sequence[Photo]) -> Floats:
        self.photos += list(photos)[: self.keep - len(self.photos)]
        self.scored += len(photos)
        scores: Floats = self._score(photos)
        return scores


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--steps", type=int, default=4096)
    parser.add_argument("--envs", type=int, default=8, help="episodes side by side")
    parser.add_argument("--cache", action="store_true", help="the score cache is on, as in a run")
    parser.add_argument("--seconds", type=float, default=6, help="length of one measurement of the juror alone")
    parser.add_argument("more", nargs="*", help="settings of apsi, after --")
    options = parser.parse_args()
    if options.model is None and options.backbone is None:
        print(
            json.dumps({"skipped": "name an ONNX juror's file with --model, or a torchvision network with --backbone"})
        )
        return
    network = ["feature_extractor=nature_cnn", "feature_extractor.features_dim=512", f"train.n_envs={options.envs}"]
    with overrides(options) as chosen:
        config = load_config([*chosen, *network, *options.more])
        print(json.dumps(measure(config, options)))


def measure(config: Any, options: argparse.Namespace) -> dict[str, Any]:
    """One training and the juror beside it."""
    juror, alone = instantiate(config.juror), instantiate(config.juror)
    juror.warm_up()
    clock = Clock()
    cached_juror = TimedJuror(juror, 128, clock)
    asked: Juror = CachedJuror(cached_juror, 1_000_000) if options.cache else cached_juror
    core = edit_core(config, asked, options.envs)
    PixelEdits.apply = clock.timed("edits", PixelEdits.apply)  # type: ignore[method-assign]
    env_core.observe = clock.timed("observation", env_core.observe)
    env = PhotoVecEnv(core)
    env.step_wait = clock.timed("rest of the environment", env.step_wait)  # type: ignore[method-assign]
    _, model = build_model(config, env, seed=0)
    torch.set_num_threads(1)
    model.policy.forward = clock.timed("policy", model.policy.forward)
    model.train = clock.timed("update", model.train)  # type: ignore[method-assign]

    began = time.perf_counter()
    clock.timed("rest", model.learn)(options.steps)
    seconds = time.perf_counter() - began
    best = best_setting(alone, cached_juror.photos, options.threads, options.seconds / 4)
    speeds = {}
    for name, setting in (("best", best), ("at_one", Setting((1,)))):
        alone.setting = setting
        speeds[name] = scores_per_second(alone, cached_juror.photos, 64, options.seconds)
    steps = model.num_timesteps / seconds
    return {
        "threads": options.threads,
        "cache": options.cache,
        "steps": model.num_timesteps,
        "photos_scored": cached_juror.scored,
        "seconds": {part: round(spent, 2) for part, spent in sorted(clock.seconds.items())},
        "steps_per_second": round(steps, 1),
        "juror_measured_for_itself": str(juror.setting),
        "juror_best": str(best),
        "juror_photos_per_second": round(speeds["best"], 1),
        "juror_photos_per_second_at_one": round(speeds["at_one"], 1),
        "ratio_to_juror": round(steps / speeds["best"], 3),
        "ratio_to_juror_at_one": round(steps / speeds["at_one"], 3),
    }


if __name__ == "__main__":
    main()
