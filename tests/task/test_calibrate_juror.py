"""`task=calibrate_juror`: what it proposes can be pasted and scores as it said; twice the same."""

import csv
import shlex
from pathlib import Path

import numpy as np
import pytest

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.errors import ApsiError
from apsi.task.calibrate_juror import calibrate_juror
from apsi.tracking.run_folder import RunFolder
from tests.conftest import natural_photo, write_png

SHARED = Path(__file__).parents[3] / "shared"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos that are warm, and models that give warmth, coolness, or always the same."""
    import onnx
    from onnx import TensorProto, helper

    folder = tmp_path_factory.mktemp("calibration")
    for i in range(12):
        write_png(folder / "photos" / f"{i:02}.png", natural_photo(i))
    (folder / "photos" / "broken.png").write_bytes(b"no photo")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 16, 16])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1, 1, 1])
    for name, weights in {"warm": [9.0, 0.0, -9.0], "cool": [-1.0, 0.0, 1.0], "same": [0.0, 0.0, 0.0]}.items():
        nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("GlobalAveragePool", ["c"], ["y"])]
        graph = helper.make_graph(
            nodes, name, [x], [y], [helper.make_tensor("w", TensorProto.FLOAT, [1, 3, 1, 1], weights)]
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        onnx.save(model, folder / f"{name}.onnx")
    return folder


def given(place: Path, model: str, *more: str) -> list[str]:
    juror = ["juror=onnx", f"juror.path='{place / model}.onnx'", "juror.size=16"]
    juror += ["juror.mean=[0.5,0.5,0.5]", "juror.std=[0.5,0.5,0.5]"]
    data = ["dataset=folder", f"dataset.path='{place / 'photos'}'", f"data_dir='{place / 'data'}'"]
    return [*juror, *data, "degradation.labels=[swap_rb]", "preprocess.steps.resize.size=32", *more]


def calibrate(folder: Path, overrides: list[str], photos: int = 300) -> dict[str, object]:
    config = load_config(overrides)
    return calibrate_juror(config, RunFolder.create(folder, config, overrides), photos=photos)


def pasted(printed: str) -> list[str]:
    """The overrides of the command line that was printed."""
    (line,) = [line for line in printed.splitlines() if line.startswith("python run.py")]
    return shlex.split(line)[2:]


@pytest.mark.parametrize(("model", "mapping"), [("warm", "logistic"), ("cool", "linear")])
def test_the_command_that_is_printed_scores_as_the_page_says(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str, mapping: str
) -> None:
    numbers = calibrate(tmp_path, given(place, model, f"juror/mapping={mapping}"))
    printed = capsys.readouterr().out
    assert numbers["higher_is_better"] is (model == "warm") and numbers["preferred"] == 1 and numbers["photos"] == 12
    assert "juror.layout=NCHW juror.size=16" in printed and "##" in printed
    juror = instantiate(load_config(pasted(printed)).juror)
    with (tmp_path / "calibration.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [f"{i:02}.png" for i in range(12)]
    page = (tmp_path / "calibration.html").read_text()
    for row in rows[:3]:
        value, score = float(row["value"]), float(row["score"])
        assert juror.mapping(np.array([value])) == pytest.approx(score)
        assert score > float(row["degraded_score"])
    assert f"{model}.onnx" in page and page.count("<svg") == 2 and "<script" not in page


def test_twice_the_same(place: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        calibrate(tmp_path / name, given(place, "warm"), photos=5)
    for file in ("calibration.html", "calibration.csv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_without_degradation_it_works_and_warns(place: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    overrides = [one for one in given(place, "warm", "degradation=none") if not one.startswith("degradation.labels")]
    assert calibrate(tmp_path, overrides)["preferred"] is None
    assert "direction is a guess" in caplog.text
    assert "broken.png" in caplog.text


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["juror=naturalness"], r"a mapping, such as juror=onnx; Naturalness needs none"),
        (["juror.mean=null"], r"juror.mean not set.*juror.layout=NCHW juror.size=16"),
        (["preprocess.steps.resize.size=32", "dataset.path=nowhere"], "nowhere"),
    ],
)
def test_what_is_missing_is_said(place: Path, tmp_path: Path, overrides: list[str], message: str) -> None:
    usual = given(place, "warm")
    if overrides[0].startswith("juror="):
        usual = [one for one in usual if not one.startswith("juror")]
    with pytest.raises(ApsiError, match=message):
        calibrate(tmp_path, [*usual, *overrides])


def test_a_model_that_always_says_the_same_is_an_error(place: Path, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"the model gives 0 for each of 24 pictures"):
        calibrate(tmp_path, given(place, "same"))


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the real model and photos are not here")
def test_a_real_model_on_real_photos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overrides = ["juror=onnx", f"juror.path='{SHARED / 'weights' / 'ranked_naturalness.onnx'}'", "juror.size=224"]
    overrides += ["juror.mean=[0.5,0.5,0.5]", "juror.std=[0.5,0.5,0.5]"]
    overrides += ["dataset=folder", f"dataset.path='{SHARED / 'photos'}'", f"data_dir='{tmp_path / 'data'}'"]
    numbers = calibrate(tmp_path, overrides, photos=24)
    assert numbers["higher_is_better"] is True
    assert float(str(numbers["preferred"])) > 0.8
    assert -40 < float(str(numbers["centre"])) < 0 < float(str(numbers["scale"])) < 30
    assert instantiate(load_config(pasted(capsys.readouterr().out)).juror).mapping.scale == numbers["scale"]
