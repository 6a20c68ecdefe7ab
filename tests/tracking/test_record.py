"""Whole runs in MLflow: what they record, the model that can be loaded, repeating and comparing them."""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from apsi.tracking.names import METRICS, row_of
from apsi.transform.recipe import Recipe
from tests.command_line import Outcome, Place, read_json
from tests.conftest import natural_photo


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    root = tmp_path_factory.mktemp("record")
    return Place(root, root / "data")


@pytest.fixture(scope="module")
def client(place: Place) -> MlflowClient:
    return MlflowClient(f"sqlite:///{place.outputs / 'mlflow.db'}")


@pytest.fixture(scope="module")
def run(place: Place) -> Path:
    """Folder of one pipeline run."""
    place.run("tracking=mlflow", "tracking.mlflow.system_seconds=0.5", "seed=5").succeeded()
    return place.folder("pipeline")


@pytest.fixture(scope="module")
def other(place: Place, run: Path) -> Path:
    """Folder of one with another setting and the same photos."""
    place.run("tracking=mlflow", "algo.gamma=0.5", "seed=5", "train.images=0", "evaluate.images=0").succeeded()
    return place.folder("pipeline")


@pytest.fixture(scope="module")
def recorded(client: MlflowClient, run: Path) -> Run:
    return client.get_run(read_json(run / "tracking" / "run.json")["run_id"])


def test_params_are_the_flat_configuration_and_the_choices(recorded: Run) -> None:
    params = recorded.data.params
    assert recorded.info.status == "FINISHED"
    assert params["algo._target_"] == "apsi.algo.ppo.Ppo"
    assert params["train.total_timesteps"] == "512"
    assert params["choices.algo"] == "ppo" and params["choices.env"] == "restore"
    assert params["choices.juror at crop_juror"] == "framing"  # MLflow takes no @


def test_tags_say_what_code_ran_where_on_what(recorded: Run, run: Path) -> None:
    tags, record = recorded.data.tags, read_json(run / "run.json")
    assert tags["mlflow.source.git.commit"] == str(record["git"]["commit"])
    assert tags["apsi.git.dirty"] == str(record["git"]["dirty"])
    assert "seed=5" in tags["apsi.overrides"]
    assert tags["apsi.library.torch"] and tags["apsi.python"] == sys.version.split()[0]
    assert tags["apsi.juror"] == read_json(run / "summary.json")["juror"]


def test_data_sets_have_digest_and_context(recorded: Run) -> None:
    used = {given.tags[0].value: given.dataset for given in recorded.inputs.dataset_inputs}
    assert set(used) == {"train", "val", "test"}
    assert len({data.digest for data in used.values()}) == 3
    assert json.loads(used["test"].profile)["episodes"] == 8


def test_metrics_are_those_of_the_summary(client: MlflowClient, recorded: Run, run: Path) -> None:
    summary = read_json(run / "summary.json")
    for policy, figures in summary["policies"].items():
        assert recorded.data.metrics[f"test/{policy}_success_rate"] == figures["success_rate"]
    curve = client.get_metric_history(recorded.info.run_id, "eval/success_rate")
    assert [metric.step for metric in curve] == [256, 512]


def test_artefacts_are_the_files_of_the_run(client: MlflowClient, recorded: Run, run: Path, tmp_path: Path) -> None:
    def below(folder: str) -> Iterator[str]:
        for item in client.list_artifacts(recorded.info.run_id, folder or None):
            yield from below(item.path) if item.is_dir else [item.path]

    found = set(below(""))
    kept = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file() and path.name != ".lock"}
    assert {name for name in kept if not name.startswith("tracking/")} == found
    fetched = client.download_artifacts(recorded.info.run_id, "results.csv", str(tmp_path))
    assert Path(fetched).read_bytes() == (run / "results.csv").read_bytes()


@pytest.mark.slow
def test_the_model_loads_with_mlflow_alone_and_edits_photos_of_any_size(client: MlflowClient, recorded: Run) -> None:
    mlflow.set_tracking_uri(client.tracking_uri)
    assert len(recorded.outputs.model_outputs) == 1
    model = mlflow.pyfunc.load_model(f"runs:/{recorded.info.run_id}/model")
    assert model.metadata.signature.inputs.input_types() == [np.dtype(np.uint8)]
    photos = np.stack([natural_photo(i, 90, 120)[..., ::-1] for i in range(3)])
    edited = model.predict(photos)
    assert edited["photo"].shape == photos.shape and edited["photo"].dtype == np.uint8
    for photo, after, text in zip(photos, edited["photo"], edited["recipe"], strict=True):
        recipe = Recipe.from_json(str(text))
        assert len(recipe) <= 5
        assert (recipe(photo) == after).all()
    assert (model.predict(photos)["photo"] == edited["photo"]).all()


def test_the_model_holds_no_pickle_and_no_replay_buffer(run: Path) -> None:
    files = [path for path in (run / "tracking" / "model").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"MLmodel", "model_code.py", "checkpoint.zip"}
    assert not [path for path in files if path.suffix in (".pkl", ".pickle", ".pt")]


@pytest.mark.slow
def test_every_metric_that_is_sent_has_a_name_in_the_table(place: Place, run: Path) -> None:
    place.run("tracking=mlflow", "task=train", "algo=dqn", "algo.learning_starts=64", "seed=5").succeeded()
    place.run("tracking=mlflow", "task=train", "env=repair", "seed=5").succeeded()
    place.run("tracking=mlflow", "task=preprocess", "seed=5").succeeded()
    used = set()
    for folder in (run, *place.folders("train")[-2:], place.folder("preprocess")):
        for line in (folder / "tracking" / "journal.jsonl").read_text().splitlines():
            for name in json.loads(line).get("metrics", {}):
                assert row_of(name) is not None, f"{name} is not in the table"
                used.add(row_of(name))
    unused = set(METRICS) - used
    assert unused <= {row for row in METRICS if "gpu" in row} | {"train/loss_scale"}, (
        "of float16, and of graphics cards"
    )


def test_a_rerun_of_a_run_id_gives_the_same_results(place: Place, recorded: Run, run: Path) -> None:
    run_id = recorded.info.run_id
    outcome = place.run("task=rerun", f"run_id={run_id}", "tracking=mlflow", tiny=False).succeeded()
    again = place.folder("rerun")
    assert "The results are those of the recorded run, byte for byte" in outcome.said
    assert (again / "results.csv").read_bytes() == (run / "results.csv").read_bytes()
    assert read_json(again / "run.json")["rerun_of"] == run_id


def test_a_rerun_refuses_settings_beside_it_and_runs_that_are_not_there(place: Place, run: Path) -> None:
    place.run("task=rerun", f"run_id={run}", "algo.gamma=0.1", tiny=False).failed("algo.gamma=0.1", "leave it out")
    place.run("task=rerun", "run_id=no/such", tiny=False).failed("there is no run in no/such")
    place.run("task=rerun", tiny=False).failed("add run_id=")


def test_a_rerun_does_not_build_what_a_record_must_not_name(place: Place, run: Path, tmp_path: Path) -> None:
    for name in ("config.yaml", "run.json"):
        (tmp_path / name).write_text((run / name).read_text().replace("apsi.algo.ppo.Ppo", "os.system"))
    place.run("task=rerun", f"run_id={tmp_path}", tiny=False).failed("os.system", "not allowed")


@pytest.fixture(scope="module")
def compared(place: Place, recorded: Run, run: Path, other: Path) -> tuple[Outcome, Path]:
    """The same runs, one by its id, one by its folder."""
    ids = f"run_ids=[{recorded.info.run_id},{other}]"
    outcome = place.run("task=compare", ids, "tracking=mlflow", tiny=False).succeeded()
    return outcome, place.folder("compare")


def test_a_comparison_shows_figures_curves_and_what_differs(compared: tuple[Outcome, Path], run: Path) -> None:
    folder = compared[1]
    page = (folder / "comparison.html").read_text()
    assert "algo.gamma" in page and "0.5" in page and "<svg" in page
    assert "env.max_steps" not in page
    assert "<script" not in page and "<link" not in page
    with (folder / "comparison.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert float(first["success_rate"]) == read_json(run / "summary.json")["policies"]["agent"]["success_rate"]
    assert first["success_difference"] == "" and second["success_difference"] != ""


def test_runs_on_other_photos_are_not_compared_and_the_reason_is_given(place: Place, run: Path, other: Path) -> None:
    def changed(name: str, edit: Any) -> Path:
        folder = place.root / name
        folder.mkdir()
        for file in ("config.yaml", "results.csv", "summary.json"):
            (folder / file).write_text(edit((other / file).read_text()))
        return folder

    fewer = changed("fewer", lambda text: text.replace("agent,", "someone,", 1))
    split = changed("split", lambda text: text.replace('"split": "test"', '"split": "val"'))
    ids = f"run_ids=[{run},{fewer}]"
    place.run("task=compare", ids, tiny=False).failed("8 episodes", "and 7 of", "7 in common", "same photos")
    place.run("task=compare", f"run_ids=[{run},{split}]", tiny=False).failed("their split is test and val")
    place.run("task=compare", f"run_ids=[{run}]", tiny=False).failed("two or more different runs")


def test_a_password_in_the_uri_is_written_nowhere(place: Place) -> None:
    uri = "http://ann:hunter2@127.0.0.1:9"
    message = place.run("tracking=mlflow", f"tracking.mlflow.uri='{uri}'", "task=train").failed(
        "MLFLOW_TRACKING_PASSWORD"
    )
    assert "hunter2" not in message
    assert not [path for path in place.outputs.rglob("*.[yjl]*") if "hunter2" in path.read_text(errors="ignore")]


def test_a_server_that_does_not_answer_ends_the_run_before_it_begins(place: Place) -> None:
    outcome = place.run("tracking=mlflow", "tracking.mlflow.uri=http://127.0.0.1:9", "task=train")
    outcome.failed("can't record this run with MLflow at http://127.0.0.1:9", "tracking=none")
    assert "Prepared" not in outcome.said
