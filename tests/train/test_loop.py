"""Training as a whole: what is told to whom on the way."""

from pathlib import Path
from typing import Any

import pytest

from apsi.algo.schedule.plateau import Plateau
from apsi.assemble import prepare
from apsi.config import load_config
from apsi.run_folder import RunFolder
from apsi.tracking.none import NoTracker
from apsi.train.loop import train_agent


def test_plateau_goes_by_the_figure_that_the_environment_goes_by(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    monkeypatch.setattr(Plateau, "report", lambda _, value: told.append(value))
    small = [
        "debug=tiny",
        "device=cpu",
        "device.threads=1",
        "task=train",
        f"data_dir={data_dir}",
        "train.eval_every=32",
    ]
    overrides = ["train.total_timesteps=64", "algo=a2c", "algo/schedule=plateau", "env=optimise"]
    config = load_config([*small, *overrides])
    trained = train_agent(config, prepare(config), RunFolder.create(tmp_path / "first", config), NoTracker())
    history: list[dict[str, Any]] = trained.state.history
    assert told == [row["val_mean_gain"] for row in history]
    told.clear()
    longer = config.copy()
    longer.resume, longer.train.total_timesteps = str(tmp_path / "first" / "checkpoints" / "last.zip"), 96
    again = train_agent(longer, prepare(longer), RunFolder.create(tmp_path / "on", longer), NoTracker())
    assert told == [row["val_mean_gain"] for row in again.state.history]
