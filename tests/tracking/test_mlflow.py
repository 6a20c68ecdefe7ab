"""MLflow: what a run leaves there, read back with MLflow's own client, and what happens while it can't be reached."""

import json
import time
from pathlib import Path
from shutil import copy

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from apsi.config.compose import flat, load_config
from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit
from apsi.photo.write import write_text
from apsi.task.sync import sync
from apsi.tracking import sender
from apsi.tracking.journal import Batch, Header, Journal
from apsi.tracking.mlflow import MlflowTracker
from apsi.tracking.mlflow_store import MlflowStore
from apsi.tracking.none import NoTracker
from apsi.tracking.run_folder import RunFolder
from apsi.tracking.session import tracked


@pytest.fixture(scope="module")
def output_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outputs")


def tracker_at(output_dir: Path, finish_seconds: float = 30) -> MlflowTracker:
    return MlflowTracker(None, "apsi", str(output_dir), system_seconds=None, finish_seconds=finish_seconds)


def client_at(output_dir: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{output_dir / 'mlflow.db'}")


def runs(output_dir: Path) -> list:
    client = client_at(output_dir)
    experiment = client.get_experiment_by_name("apsi")
    return client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])


def sync_below(output_dir: Path) -> dict[str, int]:
    config = load_config([f"output_dir={output_dir}", "task=sync"])
    return sync(config, RunFolder(output_dir))


class Outage:
    """Switches what is delivered to MLflow off and on, and counts it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.off = False
        deliver = MlflowStore._deliver

        def perhaps(store: MlflowStore, run_id: str, folder: Path, batch: Batch) -> None:
            if self.off:
                raise MlflowException("connection refused")
            deliver(store, run_id, folder, batch)

        monkeypatch.setattr(MlflowStore, "_deliver", perhaps)
        monkeypatch.setattr(sender, "_EVERY", 0.01)


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Outage:
    return Outage(monkeypatch)


def test_a_run_can_be_read_back_whole(output_dir: Path, split: PreparedSplit, tmp_path: Path) -> None:
    tracker, folder = tracker_at(output_dir), tmp_path / "run"
    tracker.start(folder, "first", {"algo.gamma": "0.9", "long": "x" * 9000}, {"apsi.folder": str(folder)})
    for step in range(2500):
        tracker.metrics({"rollout/success_rate": step / 2500}, step)
    tracker.metrics({"eval/actions/crop_to(0.083,0,1,0.9)": 0.5, "eval/actions/exposure(+0.350)": 0.25}, 2500)
    tracker.dataset(split, "train")
    for name in ("checkpoints/step_00000100.zip", "images/a.txt", "notes.txt", "images/.b.tmp"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    tracker.files()
    tracker.finish("FINISHED")

    run = runs(output_dir)[0]
    client = client_at(output_dir)
    assert run.info.status == "FINISHED"
    assert run.data.params["algo.gamma"] == "0.9"
    history = client.get_metric_history(run.info.run_id, "rollout/success_rate")
    assert [metric.step for metric in history] == list(range(2500))
    actions = {name: value for name, value in run.data.metrics.items() if "actions" in name}
    assert actions == {"eval/actions/crop_to_0.083_0_1_0.9_": 0.5, "eval/actions/exposure__0.350_": 0.25}
    [given] = run.inputs.dataset_inputs
    assert given.tags[0].value == "train"
    assert given.dataset.digest == split.digest
    assert run.data.tags["apsi.juror"] == split.juror
    files = {
        a.path for folder in (None, "images", "checkpoints") for a in client.list_artifacts(run.info.run_id, folder)
    }
    assert files == {"images", "checkpoints", "notes.txt", "images/a.txt", "checkpoints/step_00000100.zip"}


def test_files_of_a_run_take_room_once_and_stay_as_they_were_recorded(output_dir: Path, tmp_path: Path) -> None:
    """Checkpoints and pictures are the same file in the run's folder and in MLflow's."""
    tracker = tracker_at(output_dir)
    tracker.start(tmp_path / "run", "linked", {}, {})
    write_text(tmp_path / "run" / "report.html", "first")
    tracker.files()
    tracker.finish("FINISHED")
    [recorded] = (output_dir / "mlflow-artifacts" / runs(output_dir)[0].info.run_id).rglob("report.html")
    assert recorded.samefile(tmp_path / "run" / "report.html")
    write_text(tmp_path / "run" / "report.html", "second")
    assert recorded.read_text() == "first"


def test_a_start_with_bad_input_leaves_no_run_and_a_later_error_does(
    output_dir: Path, tmp_path: Path, split: PreparedSplit
) -> None:
    config = load_config([f"output_dir={output_dir}"])
    before = len(runs(output_dir))
    with pytest.raises(ApsiError, match="no photos"), tracked(config, RunFolder.create(tmp_path / "a", config)):
        raise ApsiError("no photos")
    assert len(runs(output_dir)) == before
    with (
        pytest.raises(ApsiError, match="diverged"),
        tracked(config, RunFolder.create(tmp_path / "b", config)) as tracker,
    ):
        tracker.dataset(split, "train")
        raise ApsiError("diverged")
    assert len(runs(output_dir)) == before + 1
    assert runs(output_dir)[0].info.status == "FAILED"


def test_a_run_says_what_it_is_and_the_kinds_of_runs_are_kept_apart(output_dir: Path, tmp_path: Path) -> None:
    config = load_config(
        [f"output_dir={output_dir}", "algo=dqn", "dataset=folder", "dataset.path=/x/Holidays", "seed=7"]
    )
    with tracked(config, RunFolder.create(tmp_path / "a", config, [], {"algo": "dqn", "reward": "rl_guide"})):
        pass
    run = runs(output_dir)[0]
    assert run.info.run_name == "dqn seed 7, rl_guide, Holidays"
    assert run.data.tags["mlflow.source.name"] and run.data.tags["mlflow.source.type"] == "LOCAL"
    assert run.data.tags["mlflow.note.content"].startswith("`")
    client, count = client_at(output_dir), len(runs(output_dir))
    assert client.get_experiment(run.info.experiment_id).tags["mlflow.experimentKind"] == "custom_model_development"
    with tracked(config, RunFolder.create(tmp_path / "b", config), "evaluations"):
        pass
    assert len(runs(output_dir)) == count
    assert len(client.search_runs([client.get_experiment_by_name("apsi evaluations").experiment_id])) == 1


@pytest.mark.parametrize(
    ("error", "status"), [(RuntimeError, "FAILED"), (KeyboardInterrupt, "KILLED"), (None, "FINISHED")]
)
def test_a_run_is_closed_as_it_ended(
    output_dir: Path, tmp_path: Path, error: type[BaseException] | None, status: str
) -> None:
    config = load_config([f"output_dir={output_dir}", "experiment=optimise"])
    folder = RunFolder.create(tmp_path / "run", config, ["seed=3"], {"env": "optimise"})
    if error is None:
        with tracked(config, folder):
            pass
    else:
        with pytest.raises(error), tracked(config, folder):
            raise error
    run = runs(output_dir)[0]
    assert run.info.status == status
    assert run.data.tags["apsi.folder"] == str((tmp_path / "run").resolve())
    assert run.data.tags["apsi.overrides"] == "seed=3"
    assert run.data.tags["apsi.device"] in ("cpu", "cuda", "mps")
    assert run.data.params["env._target_"] == "apsi.env.optimise.Optimise"
    assert run.data.params["choices.env"] == "optimise"


def test_what_is_sent_twice_is_there_once(output_dir: Path, split: PreparedSplit, tmp_path: Path) -> None:
    """As after a kill between sending a batch and marking it as sent."""
    tracker = tracker_at(output_dir)
    tracker.start(tmp_path, "twice", {"a": "1"}, {})
    for step in range(1500):
        tracker.metrics({"rollout/success_rate": 0.5}, step // 2)
        time.sleep(0.001 if step % 100 == 0 else 0)
    tracker.dataset(split, "train")
    tracker.finish("FINISHED")
    run_id = runs(output_dir)[0].info.run_id
    client = client_at(output_dir)
    before = client.get_metric_history(run_id, "rollout/success_rate")
    (tmp_path / "tracking" / "sent").unlink()
    assert sync_below(tmp_path)["runs"] == 1
    after = client.get_metric_history(run_id, "rollout/success_rate")
    assert sorted(map(str, after)) == sorted(map(str, before))
    assert len(client.get_run(run_id).inputs.dataset_inputs) == 1
    assert sync_below(tmp_path) == {"runs": 0, "entries": 0}


def test_metrics_of_an_outage_are_sent_when_it_is_over_and_nobody_waits(
    output_dir: Path, tmp_path: Path, outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "apsi")
    tracker = tracker_at(output_dir)
    tracker.start(tmp_path, "outage", {}, {})
    outage.off = True
    for step in range(300):
        tracker.metrics({"rollout/success_rate": 0.5}, step)
    deadline = time.monotonic() + 10
    while "does not answer" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.01)
    assert tracker.seconds < 1
    outage.off = False
    tracker.finish("FINISHED")
    assert caplog.text.count("does not answer") == 1
    assert "is back" in caplog.text
    run = runs(output_dir)[0]
    assert run.info.status == "FINISHED"
    history = client_at(output_dir).get_metric_history(run.info.run_id, "rollout/success_rate")
    assert [metric.step for metric in history] == list(range(300))


def test_an_outage_at_the_end_is_one_warning_that_names_sync_and_sync_sends_the_rest(
    tmp_path: Path, mlflow_database: Path, outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    copy(mlflow_database, tmp_path)
    tracker = tracker_at(tmp_path, finish_seconds=0.6)
    folder = tmp_path / "train" / "one"
    tracker.start(folder, "outage", {}, {})
    outage.off = True
    for step in range(20):
        tracker.metrics({"rollout/success_rate": 0.5}, step)
    tracker.finish("FINISHED")
    assert f"entries wait in {folder / 'tracking' / 'journal.jsonl'}" in caplog.text
    assert "python run.py task=sync" in caplog.text
    with Journal(folder).owner.acquire(timeout=5):  # the thread has let go
        pass
    with pytest.raises(ApsiError, match=r"1 of 1 runs could not be sent.*connection refused"):
        sync_below(tmp_path)
    outage.off = False
    assert sync_below(tmp_path)["runs"] == 1
    run = runs(tmp_path)[0]
    assert run.info.status == "FINISHED"
    assert len(client_at(tmp_path).get_metric_history(run.info.run_id, "rollout/success_rate")) == 20


def test_sync_leaves_a_run_that_goes_on_to_itself(tmp_path: Path, mlflow_database: Path) -> None:
    copy(mlflow_database, tmp_path)
    tracker = tracker_at(tmp_path)
    tracker.start(tmp_path / "train" / "one", "alive", {}, {})
    assert sync_below(tmp_path)["runs"] == 0
    tracker.finish("FINISHED")


def test_sync_ends_a_run_that_was_killed_and_drops_the_line_that_the_kill_cut_off(tmp_path: Path) -> None:
    store = MlflowStore(None, tmp_path)
    run_id = store.create_run("apsi", "killed", {})
    journal = Journal(tmp_path / "train" / "one")
    journal.begin(Header(store.uri, run_id))
    journal.append({"metrics": {"rollout/success_rate": 1.0}, "step": 1, "ms": 1})
    with journal.path.open("ab") as file:
        file.write(b'{"metrics": {"rollou')
    journal.owner.release()  # as the system does when a process is killed
    sync_below(tmp_path)
    run = runs(tmp_path)[0]
    assert run.info.status == "KILLED"
    assert run.data.metrics == {"rollout/success_rate": 1.0}


def test_a_journal_that_names_a_file_outside_its_run_is_not_obeyed(tmp_path: Path) -> None:
    store = MlflowStore(None, tmp_path)
    journal = Journal(tmp_path / "train" / "one")
    journal.begin(Header(store.uri, store.create_run("apsi", "foreign", {})))
    (tmp_path / "secret.txt").write_text("secret")
    journal.append({"artifact": "../../secret.txt", "to": ""})
    journal.owner.release()
    with pytest.raises(ApsiError, match="outside"):
        sync_below(tmp_path)
    assert not list((tmp_path / "mlflow-artifacts").rglob("secret.txt"))


def test_a_password_in_the_uri_is_refused_and_not_repeated() -> None:
    with pytest.raises(ApsiError, match="MLFLOW_TRACKING_PASSWORD") as caught:
        MlflowTracker("http://ann:hunter2@127.0.0.1:5000", "apsi", "outputs", system_seconds=None, finish_seconds=1)
    assert "hunter2" not in str(caught.value)


def test_system_metrics_are_recorded_when_asked_for(tmp_path: Path, mlflow_database: Path) -> None:
    copy(mlflow_database, tmp_path)
    tracker = MlflowTracker(None, "apsi", str(tmp_path), system_seconds=0.05, finish_seconds=30)
    tracker.start(tmp_path / "one", "system", {}, {})
    time.sleep(0.3)
    tracker.finish("FINISHED")
    metrics = runs(tmp_path)[0].data.metrics
    assert metrics["system/process_memory_usage_megabytes"] > 50
    assert 0 <= metrics["system/cpu_utilization_percentage"] <= 100


def test_a_run_id_leads_to_its_latest_checkpoint(output_dir: Path, tmp_path: Path) -> None:
    tracker = tracker_at(output_dir)
    (tmp_path / "checkpoints").mkdir()
    last = tmp_path / "checkpoints" / "last.zip"
    last.write_bytes(b"zip")
    tracker.start(tmp_path, "second", {}, {"apsi.folder": str(tmp_path)})
    tracker.files()
    tracker.finish("FINISHED")
    run_id = runs(output_dir)[0].info.run_id
    assert tracker_at(output_dir).find_checkpoint(run_id) == last
    last.unlink()  # the run's folder is gone: the artefact is left
    assert tracker_at(output_dir).find_checkpoint(run_id).read_bytes() == b"zip"


def test_a_database_that_was_left_half_made_is_made_anew(tmp_path: Path) -> None:
    """As a kill in the middle of the first run leaves it."""
    (tmp_path / ".mlflow.db.partial").write_bytes(b"half")
    tracker = tracker_at(tmp_path)
    tracker.start(tmp_path / "run", "run", {}, {})
    tracker.finish("FINISHED")
    assert runs(tmp_path)[0].info.status == "FINISHED"
    assert not list(tmp_path.glob(".mlflow.db.partial*"))


def test_an_unknown_run_id_is_an_error_that_names_the_place(output_dir: Path) -> None:
    with pytest.raises(ApsiError, match=r"no run 0123.*sqlite"):
        tracker_at(output_dir).find_checkpoint("0123456789abcdef0123456789abcdef")
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

    with pytest.raises(RuntimeError, match="first"), tracked(config, folder):
        (folder.path / "run.log").touch()
        monkeypatch.setattr(MlflowTracker, "files", full)
        raise RuntimeError("first")
    assert runs(output_dir)[0].info.status == "FAILED"


def test_the_journal_is_json_lines_that_hold_all_that_was_said(output_dir: Path, tmp_path: Path) -> None:
    tracker = tracker_at(output_dir)
    tracker.start(tmp_path, "lines", {"seed": "1"}, {})
    tracker.metrics({"val/success_rate": 0.25}, 10)
    tracker.finish("FINISHED")
    entries = [json.loads(line) for line in (tmp_path / "tracking" / "journal.jsonl").read_text().splitlines()]
    assert entries[0] == {"params": {"seed": "1"}}
    assert entries[1]["metrics"] == {"val/success_rate": 0.25} and entries[1]["step"] == 10
    assert entries[2]["status"] == "FINISHED"
