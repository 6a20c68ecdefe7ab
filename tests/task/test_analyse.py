"""`task=analyse`, `list_photos` and the report of `preprocess`, as a user runs them."""

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from omegaconf import DictConfig

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.dataset.choose import choose
from apsi.errors import ApsiError
from apsi.photo.write import write_png
from apsi.task.analyse import embedder_of
from apsi.tracking.run_folder import RunFolder
from tests.analyse.conftest import usual

SMALL = [
    *(
        "preprocess.steps.resize.size=32",
        "preprocess.steps.resize.min_side=16",
        "degradation.labels=[invert_g,swap_gb]",
    ),
    *("dataset.enlarge={train: 1, val: 1, test: 1}", "preprocess.steps.degrade.per_photo={train: 1, val: 1, test: 1}"),
]


@cache
def composed(task: str, tracking: str = "none") -> DictConfig:
    return load_config([f"task={task}", "dataset=folder", "dataset.path=.", f"tracking={tracking}", *SMALL])


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for i in range(12):
        write_png(folder / f"{i:02}.png", usual(i))
    write_png(folder / "dark.png", usual(20) // 4)
    (folder / "notes.txt").write_text("no photo")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def run(task: str, folder: Path, photos: Path, data: Path, tracking: str = "none", **settings: Any) -> Any:
    config = composed(task, tracking).copy()
    config.dataset.path, config.data_dir, config.output_dir = str(photos), str(data), str(folder)
    for name, value in settings.items():
        config.task[name] = value
    return instantiate(config.task)(config, RunFolder.create(folder, config))


def test_a_data_set_is_prepared_and_looked_at_and_twice_gives_the_same(
    photos: Path, data: Path, tmp_path: Path
) -> None:
    numbers = run("analyse", tmp_path / "one", photos, data)
    found = {finding["name"]: [one["file"] for one in finding["photos"]] for finding in numbers["findings"]}
    assert found["dark"] == ["dark.png"] and not found["duplicate"] and numbers["photos"] == 13
    assert json.loads((tmp_path / "one" / "analysis.json").read_text()) == json.loads(json.dumps(numbers))
    prepared = numbers["prepared"]
    again = run("analyse", tmp_path / "two", photos, data, prepared=prepared)
    assert again == numbers
    for name in ("analysis.html", "analysis.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert (data / "features.sqlite3").exists()


def test_preprocess_leaves_its_scoring_report_in_the_folder_of_the_run(
    photos: Path, data: Path, tmp_path: Path
) -> None:
    run("preprocess", tmp_path, photos, data)
    text = (tmp_path / "scoring.html").read_text(encoding="utf-8")
    assert "What each transform costs" in text and "invert_g" in text


@pytest.mark.slow
def test_mlflow_has_the_scoring_report_and_the_annotation_files(photos: Path, data: Path, tmp_path: Path) -> None:
    run("preprocess", tmp_path, photos, data, "mlflow")
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("apsi preparations")
    assert experiment is not None
    (recorded,) = client.search_runs([experiment.experiment_id])
    assert recorded.info.status == "FINISHED"
    (tmp_path / "read").mkdir()
    for name in ("scoring.html", "annotations/train.json", "annotations/val.json", "annotations/test.json"):
        fetched = Path(client.download_artifacts(recorded.info.run_id, name, str(tmp_path / "read")))
        assert fetched.read_bytes() == (tmp_path / name).read_bytes(), name


def test_what_can_not_be_used_is_told_before_photos_are_read(photos: Path, tmp_path: Path) -> None:
    for settings, message in (
        ({"features": "juror"}, "this juror has no network"),
        ({"prepared": str(tmp_path / "nowhere")}, "is no prepared data set"),
        ({"limits": {"_target_": "apsi.analyse.quality.Limits", "dark": 90}}, "dark=90"),
    ):
        with pytest.raises(ApsiError, match=message):
            run("analyse", tmp_path / "run", photos, tmp_path / "data", **settings)
    assert not (tmp_path / "data").exists()


def test_one_thing_places_the_photos(photos: Path) -> None:
    config = composed("analyse")
    assert embedder_of(config, "auto", None).fingerprint == embedder_of(config, "layout", None).fingerprint
    with pytest.raises(ApsiError, match="both say what photos are placed by"):
        embedder_of(config, "layout", object())  # type: ignore[arg-type]  # is not looked at


def test_the_photos_of_a_data_set_as_lists(photos: Path, data: Path, tmp_path: Path) -> None:
    assert run("list_photos", tmp_path, photos, data) == {"photos": 13, "skipped": 1}
    paths = (tmp_path / "photos.txt").read_text().splitlines()
    assert paths == [str(path) for path in sorted(photos.glob("*.png"))]
    with (tmp_path / "photos.csv").open(newline="") as file:
        assert [row["path"] for row in csv.DictReader(file)] == paths
    assert "notes.txt" in (tmp_path / "skipped.csv").read_text()
    with pytest.raises(ApsiError, match="no photo in this data set"):
        run("list_photos", tmp_path / "other", tmp_path / "skipped.csv", data)


def test_the_lists_hold_the_photos_that_a_run_would_take(photos: Path, data: Path, tmp_path: Path) -> None:
    config = composed("list_photos", "none").copy()
    config.dataset.path, config.data_dir, config.output_dir = str(photos), str(data), str(tmp_path)
    config.dataset.limit = 5
    numbers = instantiate(config.task)(config, RunFolder.create(tmp_path, config))
    taken = {file.name for file in choose(instantiate(config.dataset), config.data_seed).files}
    assert numbers["photos"] == 5 == len(taken)
    assert {Path(path).name for path in (tmp_path / "photos.txt").read_text().splitlines()} == taken
