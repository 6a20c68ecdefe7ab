"""How much of a neural juror's speed a rollout keeps.

Steps the batched environment with random actions on photos of 384 x 384, the score cache off, judged by a juror with
the setting that it measured for itself, against that juror alone on the photos of such rollouts: at its best setting of
all (batch, memory format, threads, passes side by side), and with one photo at a time on one thread. Rounds alternate;
ratios are of medians; the last line is JSON.

    python benchmarks/juror_rollout.py --backbone mobilenet_v2 --threads 1 [--seconds 6] [--rounds 5] [--envs 64]
    python benchmarks/juror_rollout.py --model MODEL.onnx --threads 2
"""

import argparse
import json
import statistics
from collections.abc import Callable

from neural import SIZE, add_arguments, best_setting, overrides
from rollout import Recording, scores_per_second, steps_per_second, vec_env

from apsi.config.build import prepare
from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.device.calibration import Setting
from apsi.juror.neural import NeuralJuror


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--seconds", type=float, default=6, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--envs", type=int, default=64, help="episodes side by side in the batched environment")
    options = parser.parse_args()
    if options.model is None and options.backbone is None:
        print(
            json.dumps({"skipped": "name an ONNX juror's file with --model, or a torchvision network with --backbone"})
        )
        return

    with overrides(options) as chosen:
        config = load_config(chosen)
        prepare(config)
        jurors: list[NeuralJuror] = [instantiate(config.juror) for _ in range(3)]
        alone, at_one, in_env = jurors
        in_env.warm_up()
        recording = Recording(in_env, 128)
        env = vec_env(config, recording, options.envs)
        env.reset()
        while len(recording.photos) < recording.keep:
            steps_per_second(env, 0.1)
        photos = recording.photos
        assert photos[0].shape[:2] == (SIZE, SIZE)

        alone.setting = best_setting(alone, photos, options.threads, options.seconds / 4)
        at_one.setting = Setting((1,))
        env = vec_env(config, in_env, options.envs)
        env.reset()
        measures: dict[str, Callable[[], float]] = {
            "juror": lambda: scores_per_second(alone, photos, 64, options.seconds),
            "juror_at_one": lambda: scores_per_second(at_one, photos, 64, options.seconds),
            "env": lambda: steps_per_second(env, options.seconds),
        }
        taken: dict[str, list[float]] = {name: [] for name in measures}
        for i in range(options.rounds):
            for name, measure in measures.items():
                taken[name].append(measure())
            print(f"round {i + 1}: " + "  ".join(f"{name} {v[-1]:.1f}/s" for name, v in taken.items()), flush=True)
    medians = {name: statistics.median(values) for name, values in taken.items()}
    result = {
        "photo_size": list(photos[0].shape[:2]),
        "threads": options.threads,
        "juror_best": str(alone.setting),
        "juror_measured_for_itself": str(in_env.setting),
        "juror_photos_per_second": round(medians["juror"], 1),
        "juror_photos_per_second_at_one": round(medians["juror_at_one"], 1),
        "env_steps_per_second": round(medians["env"], 1),
        "ratio_to_juror": round(medians["env"] / medians["juror"], 3),
        "ratio_to_juror_at_one": round(medians["env"] / medians["juror_at_one"], 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
