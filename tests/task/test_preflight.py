"""A preflight goes through everything with a few photos, says what to expect, and changes nothing of the run."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from apsi.config.compose import load_config
from apsi.dataset.base import Dataset, Listing, SourceFile
from apsi.errors import ApsiError
from apsi.task import preflight as module
from apsi.task.pipeline import pipeline
from apsi.task.preflight import preflight
from apsi.tracking.run_folder import RunFolder


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(module, "TemporaryDirectory", partial(TemporaryDirectory, dir=tmp_path))
    monkeypatch.setattr(module, "_STEPS", 2)
    return [
        "debug=tiny",
        "tracking=none",
        f"data_dir='{tmp_path / 'data'}'",
        f"output_dir='{tmp_path / 'outputs'}'",
        "policy=[agent,nothing]",
        "train.n_envs=4",
        "algo.n_steps=4",
        "algo.batch_size=16",
    ]


def test_it_says_what_the_run_will_take_and_leaves_nothing_behind(
    tiny: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = load_config([*tiny, "preflight=true", "train.total_timesteps=100000"])
    folder = RunFolder.create(tmp_path / "run", config)
    before = np.random.get_state()[1][:3].tolist()  # type: ignore[index]
    with caplog.at_level("INFO", "apsi"):
        preflight(config, folder, evaluates=True, times=3)
    assert np.random.get_state()[1][:3].tolist() == before  # type: ignore[index]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
    said = folder.record()["preflight"]
    assert said["training"] > said["preparing"] > 0 and said["evaluation"] > 0
    assert said["memory_bytes"] > 1e8 and said["disk_bytes"] > 1e5
    assert [record.levelname for record in caplog.records] == ["INFO"] * 4
    assert "for 8 photos" in caplog.text and "of memory, where" in caplog.text


def test_without_it_nothing_is_done(tiny: list[str], tmp_path: Path) -> None:
    config = load_config(tiny)
    preflight(config, RunFolder(tmp_path / "nowhere"), evaluates=True)
    assert list(tmp_path.iterdir()) == []


def test_what_would_fail_late_fails_at_once(tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ApsiError("no room for the report")

    monkeypatch.setattr(module, "evaluate_agent", fails)
    config = load_config([*tiny, "preflight=true"])
    with pytest.raises(ApsiError, match="no room"):
        pipeline(config, RunFolder.create(tmp_path / "run", config))
    assert not (tmp_path / "data").exists() and list((tmp_path / "run").glob("checkpoints/*")) == []


def test_the_few_photos_lie_evenly_among_all() -> None:
    class Many(Dataset):
        enlarge: dict[str, int] = {"train": 1, "val": 1, "test": 1}  # noqa: RUF012 - of a test
        name = "many"

        def listing(self) -> Listing:
            return Listing(tuple(SourceFile(f"{i:03}.jpg", Path(f"{i:03}.jpg")) for i in range(100)))

    few = module._Few(Many(), 4)
    assert [file.name for file in few.listing().files] == ["000.jpg", "025.jpg", "050.jpg", "075.jpg"]
    assert len(module._Few(Many(), 1000).listing().files) == 100


@pytest.mark.slow
def test_a_run_has_the_same_results_after_a_preflight(tiny: list[str], tmp_path: Path) -> None:
    found = []
    for asked in ("false", "true"):
        config = load_config([*tiny, f"preflight={asked}"])
        folder = RunFolder.create(tmp_path / asked, config)
        pipeline(config, folder)
        found.append((folder.path / "results.csv").read_bytes())
    assert found[0] == found[1]
