"""A preflight goes through everything with a few photos, says what to expect, and changes nothing of the run."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from apsi.config.compose import load_config
from apsi.dataset.base import Dataset, Listing, Skipped, SourceFile
from apsi.dataset.selection import Selection
from apsi.errors import ApsiError
from apsi.photo.facts import PhotoFacts
from apsi.photo.write import write_png
from apsi.task import preflight as module
from apsi.task.pipeline import pipeline
from apsi.task.preflight import preflight
from apsi.tracking.run_folder import RunFolder
from tests.conftest import natural_photo


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


def test_it_fetches_only_a_few_photos_and_counts_those_that_the_run_takes(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fetched: set[str] = set()

    (tmp_path / "photos").mkdir()

    class Elsewhere(Dataset):
        enlarge: dict[str, int] = {"train": 1, "val": 1, "test": 1}  # noqa: RUF012 - of a test
        name = "elsewhere"
        selection = Selection(limit=40, tags=["mine"])
        tags = (("mine",), ())

        def listing(self) -> Listing:
            names = [f"{i:03}.png" for i in range(100)]
            facts = [PhotoFacts(tags=self.tags[i % 2]) for i in range(100)]
            return Listing(
                tuple(SourceFile(n, tmp_path / "photos" / n, fact) for n, fact in zip(names, facts, strict=True))
            )

        def fetch(self, files: Sequence[SourceFile]) -> tuple[Skipped, ...]:
            for file in files:
                write_png(file.path, natural_photo(int(file.path.stem)))
                fetched.add(file.name)
            return ()

    config = load_config([*tiny, "preflight=true"])
    folder = RunFolder.create(tmp_path / "run", config)
    monkeypatch.setattr(module, "instantiate", lambda *_, **__: Elsewhere())
    with caplog.at_level("INFO", "apsi"):
        preflight(config, folder, evaluates=False)
    assert len(fetched) == 24 and all(int(name[:3]) % 2 == 0 for name in fetched)
    assert "for 40 photos" in caplog.text


@pytest.mark.slow
def test_a_run_has_the_same_results_after_a_preflight(tiny: list[str], tmp_path: Path) -> None:
    found = []
    for asked in ("false", "true"):
        config = load_config([*tiny, f"preflight={asked}"])
        folder = RunFolder.create(tmp_path / asked, config)
        pipeline(config, folder)
        found.append((folder.path / "results.csv").read_bytes())
    assert found[0] == found[1]
