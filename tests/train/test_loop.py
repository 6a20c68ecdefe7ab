"""Training as a whole: what is told to whom on the way."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from apsi.algo.schedule.plateau import Plateau
from apsi.config.build import prepare
from apsi.config.compose import load_config
from apsi.tracking.names import row_of
from apsi.tracking.none import NoTracker
from apsi.tracking.run_folder import RunFolder
from apsi.train import loop
from apsi.train.loop import train_agent

FIGURES = {"success_rate": 0.5, "mean_gain": 0.0, "mean_steps": 1.0, "mean_juror_calls": 1.0}


def test_plateau_goes_by_the_figure_that_the_environment_goes_by(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    gains = count(1)

    def figures(*_: Any) -> tuple[dict[str, float], list[Any]]:
        return {**FIGURES, "mean_gain": float(next(gains))}, []

    monkeypatch.setattr(loop, "evaluate_quickly", figures)
    monkeypatch.setattr(Plateau, "report", lambda _, value: told.append(value))
    small = [
        "debug=tiny",
        "device=cpu",
        "device.threads=1",
        "task=train",
        f"data_dir={data_dir}",
        "train.eval_every=32",
    ]
    overrides = ["train.total_timesteps=64", "train.images=0", "algo=a2c", "algo.n_steps=4", "env=optimise"]
    overrides += ["juror=naturalness"]  # the default juror of this environment is learned for seconds
    config = load_config([*small, *overrides, "algo/schedule=plateau"])
    prepared = prepare(config)
    loop.train_agent(config, prepared, RunFolder.create(tmp_path / "first", config), NoTracker())
    assert told == [1, 2]
    told.clear()
    longer = config.copy()
    longer.resume, longer.train.total_timesteps = str(tmp_path / "first" / "checkpoints" / "last.zip"), 96
    loop.train_agent(longer, prepared, RunFolder.create(tmp_path / "on", longer), NoTracker())
    assert told == [1, 2, 3]  # what the first training saw, then the look at its own end


def test_memory_values_rewards_and_choices_are_recorded(data_dir: Path, tmp_path: Path) -> None:
    recorded: dict[str, list[tuple[int, float]]] = {}

    class Remembering(NoTracker):
        def metrics(self, values: Mapping[str, float], step: int) -> None:
            for name, value in values.items():
                recorded.setdefault(name, []).append((step, value))

    small = ["algo.learning_starts=8", "algo.buffer_size=64", "algo.batch_size=16", "train.images=0", "seed=3"]
    length = ["train.total_timesteps=128", "train.eval_every=64", "env.stop=true", "train.n_envs=4"]
    config = load_config(["debug=tiny", "device=cpu", "algo=dqn", *small, *length, f"data_dir={data_dir}"])
    state = train_agent(config, prepare(config), RunFolder.create(tmp_path, config), Remembering()).state
    sizes = [value for _, value in recorded["train/replay_size"]]
    assert sizes == sorted(sizes) and 8 < sizes[0] < 64 and sizes[-1] == 64
    for low, high in (("train/q_mean", "train/q_max"),):
        assert all(a[1] < b[1] for a, b in zip(recorded[low], recorded[high], strict=True))
    assert all(value > 0 for _, value in recorded["train/q_std"])
    shares = {name: values for name, values in recorded.items() if name.startswith("eval/actions/")}
    assert set(shares) == {f"eval/actions/{label}" for label in [*config.transform.labels, "stop"]}
    for i, row in enumerate(state.history):
        assert sum(values[i][1] for values in shares.values()) == pytest.approx(1)
        assert row["val_mean_reward"] == recorded["eval/mean_reward"][i][1]
    assert all(row_of(name) is not None for name in recorded)
