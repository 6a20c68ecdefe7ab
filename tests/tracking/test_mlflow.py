"""MLflow: what a run leaves there, read back with MLflow's own client."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from apsi.config import load_config
from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit
from apsi.run_folder import RunFolder
from apsi.task.session import flat, tracked
from apsi.tracking.mlflow import MlflowTracker
from apsi.tracking.none import NoTracker


@pytest.fixture(scope="module")
def output_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outputs")


def runs(output_dir: Path) -> list:
    client = MlflowClient(f"sqlite:///{output_dir / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("apsi")
    return client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])


def test_a_run_can_be_read_back_whole(output_dir: Path, split: PreparedSplit, tmp_path: Path) -> None:
    tracker = MlflowTracker(None, "apsi", str(output_dir))
    tracker.start("first", {"algo.gamma": "0.9", "long": "x" * 9000}, {"apsi.folder": str(tmp_path)})
    for step in range(2500):
        tracker.metrics({"rollout/success_rate": step / 2500}, step)
    tracker.dataset(split, "train")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.txt").write_text("a")
    tracker.artifact(tmp_path / "images")
    tracker.artifact(tmp_path / "images" / "a.txt", "checkpoints")
    tracker.finish("FINISHED")

    run = runs(output_dir)[0]
    client = MlflowClient(f"sqlite:///{output_dir / 'mlflow.db'}")
    assert run.info.status == "FINISHED"
    assert run.data.params["algo.gamma"] == "0.9"
    history = client.get_metric_history(run.info.run_id, "rollout/success_rate")
    assert [metric.step for metric in history] == list(range(2500))
    assert run.inputs.dataset_inputs[0].tags[0].value == "train"
    assert {a.path for a in client.list_artifacts(run.info.run_id)} == {"images", "checkpoints"}
    assert [a.path for a in client.list_artifacts(run.info.run_id, "images")] == ["images/a.txt"]


@pytest.mark.parametrize(
    ("error", "status"), [(RuntimeError, "FAILED"), (KeyboardInterrupt, "KILLED"), (None, "FINISHED")]
)
def test_a_run_is_closed_as_it_ended(
    output_dir: Path, tmp_path: Path, error: type[BaseException] | None, status: str
) -> None:
    config = load_config([f"output_dir={output_dir}", "experiment=optimise"])
    folder = RunFolder.create(tmp_path / "run", config)
    if error is None:
        with tracked(config, folder):
            pass
    else:
        with pytest.raises(error), tracked(config, folder):
            raise error
    run = runs(output_dir)[0]
    assert run.info.status == status
    assert run.data.tags["apsi.folder"] == str((tmp_path / "run").resolve())
    assert run.data.params["env._target_"] == "apsi.env.optimise.Optimise"


def test_a_run_id_leads_to_its_latest_checkpoint(output_dir: Path, tmp_path: Path) -> None:
    tracker = MlflowTracker(None, "apsi", str(output_dir))
    (tmp_path / "checkpoints").mkdir()
    last = tmp_path / "checkpoints" / "last.zip"
    last.write_bytes(b"zip")
    tracker.start("second", {}, {"apsi.folder": str(tmp_path)})
    tracker.artifact(last, "checkpoints")
    tracker.finish("FINISHED")
    run_id = runs(output_dir)[0].info.run_id
    assert MlflowTracker(None, "apsi", str(output_dir)).find_checkpoint(run_id) == last
    last.unlink()  # the run's folder is gone: the artefact is left
    assert MlflowTracker(None, "apsi", str(output_dir)).find_checkpoint(run_id).read_bytes() == b"zip"


def test_a_database_that_was_left_half_made_is_made_anew(tmp_path: Path) -> None:
    """As a kill in the middle of the first run leaves it."""
    (tmp_path / ".mlflow.db.partial").write_bytes(b"half")
    tracker = MlflowTracker(None, "apsi", str(tmp_path))
    tracker.start("run", {}, {})
    tracker.finish("FINISHED")
    assert runs(tmp_path)[0].info.status == "FINISHED"
    assert not list(tmp_path.glob(".mlflow.db.partial*"))


def test_an_unknown_run_id_is_an_error_that_names_the_place(output_dir: Path) -> None:
    with pytest.raises(ApsiError, match=r"resume=0123.*sqlite"):
        MlflowTracker(None, "apsi", str(output_dir)).find_checkpoint("0123456789abcdef0123456789abcdef")
    with pytest.raises(ApsiError, match="tracking=mlflow"):
        NoTracker().find_checkpoint("0123456789abcdef0123456789abcdef")


def test_flat_params_have_dotted_names_and_lists_stay_whole() -> None:
    params = flat(load_config())
    assert params["env.observation_size"] == "[64, 64]"
    assert params["policy.greedy._target_"] == "apsi.policy.greedy.Greedy"


def test_a_record_that_fails_at_the_end_is_closed_and_the_first_error_reported(
    output_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config([f"output_dir={output_dir}"])
    folder = RunFolder.create(tmp_path / "run", config)

    def full(self: MlflowTracker) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(MlflowTracker, "_send", full)
    with pytest.raises(RuntimeError, match="first"), tracked(config, folder):
        raise RuntimeError("first")
    assert runs(output_dir)[0].info.status == "FAILED"
