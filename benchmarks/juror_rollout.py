"""How much of a neural juror's speed a rollout keeps.

Steps the batched environment with random actions on photos of 384 x 384, judged by an ONNX juror, the score cache off,
against that juror alone on the photos of such rollouts, at its best batch size and number of threads. Rounds alternate;
the ratio is of medians; the last line is JSON.

    python benchmarks/juror_rollout.py --model MODEL.onnx [--seconds 6] [--rounds 5] [--envs 64]
"""

import argparse
import json
import os
import statistics
from collections.abc import Callable

from rollout import Recording, onnx_juror, scores_per_second, steps_per_second, vec_env

from apsi.assemble import prepare
from apsi.config import load_config
from apsi.instantiate import instantiate
from apsi.juror.base import Juror

SIZE = 384


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="an ONNX juror's file")
    parser.add_argument("--seconds", type=float, default=6, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--envs", type=int, default=64, help="episodes side by side in the batched environment")
    options = parser.parse_args()
    if options.model is None:
        print(json.dumps({"skipped": "name an ONNX juror's file with --model"}))
        return

    overrides = [
        "debug=tiny",
        "score_cache=0",
        "tracking=none",
        "device=cpu",
        "preprocess.steps.resize.size=384",
        "env.observation_size=[64,64]",
    ]
    overrides += onnx_juror(options.model)
    config = load_config(overrides)
    prepare(config)

    settings = [(threads, batch) for threads in sorted({1, os.cpu_count() or 1}) for batch in (1, 2, 4, 8, 16, 32, 64)]
    jurors: dict[tuple[int, int], Juror] = {
        (threads, batch): instantiate(
            load_config([*overrides, f"juror.threads={threads}", f"juror.batch_size={batch}"]).juror
        )
        for threads, batch in settings
    }
    recording = Recording(jurors[settings[0]], 128)
    env = vec_env(config, recording, options.envs)
    env.reset()
    while len(recording.photos) < recording.keep:
        steps_per_second(env, 0.1)
    photos = recording.photos
    assert photos[0].shape[:2] == (SIZE, SIZE)

    best = max(settings, key=lambda s: scores_per_second(jurors[s], photos, 64, options.seconds / 2))
    env = vec_env(config, jurors[best], options.envs)
    env.reset()
    measures: dict[str, Callable[[], float]] = {
        "juror": lambda: scores_per_second(jurors[best], photos, 64, options.seconds),
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
        "juror_best_threads_and_batch": list(best),
        "juror_photos_per_second": round(medians["juror"], 1),
        "env_steps_per_second": round(medians["env"], 1),
        "ratio_to_juror": round(medians["env"] / medians["juror"], 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
