"""`task=preprocess`: what its folder holds, and what is recorded of it."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from apsi.config.compose import load_config
from apsi.photo.coco import read_coco
from apsi.task.preprocess import preprocess
from apsi.tracking.names import row_of
from apsi.tracking.none import NoTracker
from apsi.tracking.run_folder import RunFolder
from tests.conftest import natural_photo, write_png


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for i in range(9):
        write_png(folder / f"{i}.png", natural_photo(i))
    return folder


def test_scores_seconds_and_annotations_stand_in_the_run_and_in_its_record(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: dict[str, float] = {}

    def keep(self: NoTracker, values: Mapping[str, float], step: int) -> None:
        sent.update(values)

    monkeypatch.setattr(NoTracker, "metrics", keep)
    overrides = ["task=preprocess", "dataset=folder", f"dataset.path='{photos}'", f"data_dir='{tmp_path / 'data'}'"]
    overrides += ["dataset.enlarge={train: 1, val: 1, test: 1}", "preprocess.steps.resize.size=32", "tracking=none"]
    config = load_config(overrides)
    folder = RunFolder.create(tmp_path / "run", config, overrides)
    numbers = preprocess(config, folder)
    timings = json.loads((folder.path / "timings.json").read_text())
    assert list(timings) == list(config.preprocess.steps) and timings["score"] > 0
    assert {name: sent[f"seconds/prepare_{name}"] for name in timings} == timings
    assert sent["seconds/prepare"] >= sum(timings.values()) - 0.05
    scores = json.loads((folder.path / "scores.json").read_text())
    for split in ("train", "val", "test"):
        records = read_coco(folder.path / "annotations" / f"{split}.json")[0]
        assert len(records) == numbers[f"{split}_episodes"] == sent[f"data/{split}_episodes"]
        degraded = [record.score for record in records if record.score is not None]
        assert sent[f"scores/{split}_degraded_mean"] == pytest.approx(sum(degraded) / len(degraded))
        assert scores[split]["original"]["max"] == max(record.initial_score or 0 for record in records)
    assert all(row_of(name) is not None for name in sent)
