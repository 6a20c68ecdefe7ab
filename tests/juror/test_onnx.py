"""Jurors out of ONNX files: what they are given, how their outputs are read, clear errors."""

from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from apsi.config.instantiate import instantiate
from apsi.errors import ApsiError
from apsi.photo.hash import file_hash, value_hash
from tests.juror.small_models import (
    WEIGHTS,
    flat,
    juror,
    onnx_juror,
)


def test_onnx_gets_the_pixels_that_its_configuration_describes(models: Path) -> None:
    plain = onnx_juror(models / "mean.onnx", "juror.mean=[0,0,0]", "juror.std=[1,1,1]")
    np.testing.assert_allclose(plain.native([flat(0), flat(51), flat(255)]), [0, 0.2, 1], atol=1e-6)
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    by_channel = onnx_juror(models / "mean.onnx", "juror.mean=[0.5,0,0]", "juror.std=[0.25,1,1]")
    np.testing.assert_allclose(by_channel.native([red]), [2 / 3], atol=1e-6)
    other_layout = onnx_juror(models / "mean_nhwc.onnx", "juror.layout=NHWC", "juror.mean=[0.5,0,0]")
    np.testing.assert_allclose(other_layout.native([red]), [1 / 3], atol=1e-6)


def test_onnx_maps_either_direction_to_scores(models: Path) -> None:
    linear = ("juror/mapping=linear", "juror.mapping.worst=1", "juror.mapping.best=0")
    falling = onnx_juror(models / "mean.onnx", "juror.mean=[0,0,0]", "juror.std=[1,1,1]", *linear)
    np.testing.assert_allclose(falling.score([flat(0), flat(51), flat(255)]), [10, 8, 0], atol=1e-5)
    rising = onnx_juror(models / "mean.onnx", "juror.mapping.centre=0", "juror.mapping.scale=0.1")
    low, middle, high = rising.score([flat(0), flat(128), flat(255)])
    assert 0 < low < middle < high < 10
    assert middle == pytest.approx(5, abs=0.2)


def test_onnx_reads_a_distribution_as_its_mean(models: Path) -> None:
    settings = ("juror.mean=[0,0,0]", "juror.std=[1,1,1]", "juror.activation=softmax_mean")
    bins = onnx_juror(models / "bins.onnx", *settings)
    weights = np.exp(np.arange(10) * 1.0)
    np.testing.assert_allclose(bins.native([flat(0), flat(255)]), [5.5, weights @ np.arange(1, 11) / weights.sum()])
    with pytest.raises(ApsiError, match=r"softmax_mean"):
        onnx_juror(models / "bins.onnx").score([flat(0)])


def test_what_a_checkpoint_of_old_holds_is_the_same_juror_still(models: Path) -> None:
    settings = {"size": 16, "mean": [0.5] * 3, "std": [0.5] * 3, "layout": "NCHW", "output": None, "activation": "none"}
    mapping = {"_target_": "apsi.juror.mapping.Logistic", "centre": -10.0, "scale": 5.0}
    path = models / "mean.onnx"
    old = {"_target_": "apsi.juror.onnx.OnnxJuror", "path": str(path), **settings, "mapping": mapping}
    built = instantiate(OmegaConf.create({**old, "batch_size": None, "threads": None}))
    key = value_hash([*settings.values(), "Logistic(centre=-10.0, scale=5.0)"])
    assert built.fingerprint == f"onnx-{file_hash(path)[:12]}-{key[:6]}"
    assert built.score([flat(0)]).tolist() == onnx_juror(path).score([flat(0)]).tolist()


def test_onnx_errors_name_what_is_wrong(models: Path, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"juror.path is not set.*juror.path=MODEL.onnx"):
        juror("juror=onnx")
    with pytest.raises(ApsiError, match=r"nowhere.onnx is not a file"):
        juror("juror=onnx", "juror.path=nowhere.onnx")
    (tmp_path / "mean.onnx").write_bytes((models / "mean.onnx").read_bytes())
    (tmp_path / "preprocessor_config.json").write_text('{"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 1, 1]}')
    with pytest.raises(ApsiError) as unset:
        juror("juror=onnx", f"juror.path='{tmp_path / 'mean.onnx'}'")
    for part in (
        "juror.size, juror.mean, juror.std, juror.mapping.centre, juror.mapping.scale not set",
        "juror.layout=NCHW juror.size=16",
        "juror.mean=[0.1,0.2,0.3] juror.std=[1.0,1.0,1.0]",
        "task=calibrate_juror",
    ):
        assert part in str(unset.value)
    with pytest.raises(ApsiError, match=r"onnx: juror.mapping.best not set"):
        onnx_juror(models / "mean.onnx", "juror/mapping=linear", "juror.mapping.worst=1")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ApsiError, match=r"not a model"):
        onnx_juror(tmp_path / "broken.onnx").score([flat(0)])
    with pytest.raises(ApsiError, match=r"it has: y"):
        onnx_juror(models / "mean.onnx", "juror.output=z").score([flat(0)])
    with pytest.raises(ApsiError, match=r"check size and layout"):
        onnx_juror(models / "mean.onnx", "juror.size=17").score([flat(0)])


@pytest.mark.skipif(not WEIGHTS.is_dir(), reason="the published weights are not here")
def test_golden_scores_of_a_real_onnx_juror() -> None:
    real = onnx_juror(WEIGHTS / "ranked_naturalness.onnx", "juror.size=224")
    from skimage import data

    photo = data.astronaut()
    scores = real.score([photo, 255 - photo, photo[..., ::-1]])
    np.testing.assert_allclose(scores, [8.78075, 7.42386, 8.17380], atol=1e-3)
