"""TensorBoard's own reader finds in the files what was recorded: scalars, pictures, settings; also after a kill."""

import json
from pathlib import Path

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit
from apsi.photo.read import decode_photo
from apsi.photo.write import write_png
from apsi.tracking import tensorboard as module
from apsi.tracking.names import row_of
from apsi.tracking.tensorboard import TensorBoardTracker
from tests.command_line import Place
from tests.conftest import natural_photo

reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
ALL = {"images": 0, "scalars": 0, "tensors": 0}


def read(folder: Path) -> "reading.EventAccumulator":
    """What TensorBoard would show of a folder."""
    return reading.EventAccumulator(str(folder), ALL).Reload()


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Step and value by name."""
    read_back = read(folder)
    found = {}
    for tag in read_back.Tags()["tensors"]:
        events = read_back.Tensors(tag)
        if read_back.SummaryMetadata(tag).plugin_data.plugin_name == "scalars":
            found[tag] = [(event.step, float(_number(event.tensor_proto))) for event in events]
    return found


def _number(proto: object) -> np.float64:
    from tensorboard.util.tensor_util import make_ndarray

    return make_ndarray(proto).item()


def begun(run: Path, **settings: object) -> TensorBoardTracker:
    tracker = TensorBoardTracker(**({"folder": None, "system_seconds": None} | settings))  # type: ignore[arg-type]
    (run / "config.yaml").write_text("seed: 3\n", encoding="utf-8")
    tracker.start(run, "ppo seed 3", {"seed": "3", "algo.gamma": "0.9", "quiet": "False"}, {"apsi.version": "1"})
    return tracker


def test_scalars_are_on_disk_at_once_with_all_digits(tmp_path: Path) -> None:
    tracker = begun(tmp_path)
    tracker.metrics({"eval/success_rate": 1 / 3, "train/loss": 2.0}, 256)
    tracker.metrics({"eval/success_rate": 0.5}, 512)
    found = scalars(tmp_path / "tensorboard")  # without an end, as after kill -9
    assert found["eval/success_rate"] == [(256, 1 / 3), (512, 0.5)]
    assert found["train/loss"] == [(256, 2.0)]
    tracker.finish("FINISHED")


def test_pictures_are_shown_once_under_the_steps_that_they_are_of(tmp_path: Path) -> None:
    tracker, photo = begun(tmp_path), natural_photo(1)
    write_png(tmp_path / "images" / "training" / "step_00000256.png", photo)
    tracker.metrics({"eval/success_rate": 0.5}, 512)
    write_png(tmp_path / "images" / "mosaic_greedy.png", natural_photo(2))
    tracker.files()
    tracker.files()
    tracker.finish("FINISHED")
    shown = read(tmp_path / "tensorboard")
    assert [event.step for event in shown.Images("training")] == [256]
    assert (decode_photo(shown.Images("training")[0].encoded_image_string, 10**6) == photo).all()
    assert len(shown.Images("evaluation/mosaic_greedy")) == 1


def test_settings_are_hyperparameters_and_the_configuration_is_text(tmp_path: Path, split: PreparedSplit) -> None:
    from tensorboard.plugins.hparams import plugin_data_pb2

    tracker = begun(tmp_path)
    tracker.dataset(split, "train")
    tracker.finish("FAILED")
    shown = read(tmp_path / "tensorboard")
    session = plugin_data_pb2.HParamsPluginData.FromString(
        shown.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    ).session_start_info.hparams
    assert session["algo.gamma"].number_value == 0.9
    assert session["quiet"].bool_value is False
    texts = {
        tag: shown.Tensors(tag)[-1].tensor_proto.string_val[0].decode()
        for tag in shown.Tags()["tensors"]
        if "text" in tag
    }
    assert "seed: 3" in texts["config.yaml/text_summary"]
    assert texts["status/text_summary"] == "FAILED"
    assert json.loads(texts["data/train/text_summary"])["digest"] == split.digest


def test_the_machines_load_is_recorded_beside_it(tmp_path: Path) -> None:
    tracker = begun(tmp_path, system_seconds=0.05)
    tracker.finish("FINISHED")  # takes the last sample
    found = scalars(tmp_path / "tensorboard")
    assert found["system/process_memory_usage_megabytes"][0][1] > 10
    assert all(row_of(name) for name in found)


def test_a_start_that_fails_leaves_nothing_and_results_stay(tmp_path: Path) -> None:
    tracker = begun(tmp_path)
    assert tracker.discard()
    assert not (tmp_path / "tensorboard").exists()
    other = begun(tmp_path)
    other.metrics({"eval/success_rate": 0.5}, 1)
    assert not other.discard()
    other.finish("FAILED")
    assert scalars(tmp_path / "tensorboard")


def test_a_folder_for_all_runs_gets_one_of_each(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    tracker = begun(tmp_path / "run", folder=str(tmp_path / "boards"))
    tracker.finish("FINISHED")
    place = "-".join(("trainings", *(tmp_path / "run").parts[-3:]))
    assert [path.name for path in (tmp_path / "boards").iterdir()] == [place]
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ApsiError, match=r"tracking\.tensorboard\.folder"):
        begun(tmp_path / "run", folder=str(file))


def test_jobs_and_folds_of_the_same_name_have_folders_of_their_own(tmp_path: Path) -> None:
    runs = [tmp_path / "multirun" / when / job for when in ("first", "second") for job in ("0", "0/fold-1", "1/fold-1")]
    for run in runs:
        run.mkdir(parents=True, exist_ok=True)
        tracker = begun(run, folder=str(tmp_path / "boards"))
        tracker.metrics({"eval/success_rate": 0.5}, 1)
        tracker.finish("FINISHED")
    assert len(list((tmp_path / "boards").iterdir())) == len(runs)


def test_a_start_that_fails_takes_no_record_but_its_own(tmp_path: Path) -> None:
    earlier = begun(tmp_path)
    earlier.metrics({"eval/success_rate": 0.5}, 1)
    earlier.finish("FINISHED")
    assert begun(tmp_path).discard()
    assert scalars(tmp_path / "tensorboard")["eval/success_rate"] == [(1, 0.5)]


def test_a_missing_package_is_told_before_anything_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ApsiError, match=r"apsi\[tensorboard\]"):
        TensorBoardTracker(None, None)


@pytest.mark.slow
def test_a_run_has_the_same_figures_in_tensorboard_and_mlflow(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    place = Place(tmp_path, tmp_path / "data")
    place.run("tracking=[mlflow,tensorboard]", "seed=5").succeeded()
    run = place.folder("pipeline")
    client = MlflowClient(f"sqlite:///{place.outputs / 'mlflow.db'}")
    run_id = json.loads((run / "tracking" / "run.json").read_text())["run_id"]
    shown = {name: values for name, values in scalars(run / "tensorboard").items() if not name.startswith("system/")}
    recorded = {name for name in client.get_run(run_id).data.metrics if not name.startswith("system/")}
    assert set(shown) == recorded and len(recorded) > 20
    for name, values in shown.items():
        assert sorted((m.step, m.value) for m in client.get_metric_history(run_id, name)) == sorted(values), name
    pictures = read(run / "tensorboard").Tags()["images"]
    assert {"training", "evaluation/mosaic"} <= set(pictures)
    assert not list(client.list_artifacts(run_id, "tensorboard"))
