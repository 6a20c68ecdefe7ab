"""Training as a whole: what is told to whom on the way."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from apsi.algo.schedule.plateau import Plateau
from apsi.config.build import prepare
from apsi.config.compose import load_config
from apsi.tracking.none import NoTracker
from apsi.tracking.run_folder import RunFolder
from apsi.train import loop

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
