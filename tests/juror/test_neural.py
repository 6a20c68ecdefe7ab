"""Neural jurors: scores that depend on the photo alone, in batches that fit the memory."""

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from apsi.device.calibration import Outputs, Setting
from apsi.errors import ApsiError
from apsi.juror.cache import CachedJuror
from apsi.juror.mapping import Linear
from apsi.juror.mix import Mix
from apsi.juror.neural import NeuralJuror
from apsi.photo import Floats, Photo
from apsi.worker_pool.inline import InlinePool
from apsi.worker_pool.shared_memory import SharedMemoryPool
from tests.juror.small_models import (
    WEIGHTS,
    assert_one_score_in_any_batch,
    every_juror,
    juror,
    onnx_juror,
    photos,
    settled,
    small_resnet,
)


@pytest.mark.slow
def test_a_photo_has_one_score_in_any_batch(siglip: Path, files: dict[str, Path], models: Path) -> None:
    resnet, *others = small_resnet(files), *every_juror(siglip, files, models)[:2], onnx_juror(models / "mean.onnx")
    for each in (resnet, *others):
        assert_one_score_in_any_batch(each, 12)
    mixed = Mix({"a": others[0], "b": others[-1]}, {"a": 0.3, "b": 0.7})
    assert_one_score_in_any_batch(CachedJuror(InlinePool(mixed), 3), 12)


def test_a_batch_size_that_is_chosen_keeps_the_score_too(files: dict[str, Path]) -> None:
    each = small_resnet(files, "juror.batch_size=3")
    assert_one_score_in_any_batch(each, 12)
    assert each.setting.batch == 3


@pytest.mark.slow
@pytest.mark.skipif(not WEIGHTS.is_dir(), reason="the published weights are not here")
def test_a_real_onnx_juror_gives_one_score_in_any_batch() -> None:
    real = onnx_juror(WEIGHTS / "ranked_naturalness.onnx", "juror.size=224")
    assert_one_score_in_any_batch(real, 10)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["mobilenet_v2", "mobilenet_v3_large", "efficientnet_b0", "resnet18", "resnet50"])
def test_every_backbone_gives_one_score_in_any_batch(backbone: str, tmp_path: Path) -> None:
    settled(backbone, tmp_path / "weights.pth")
    nima = juror("juror=nima", f"juror.backbone={backbone}", f"juror.path='{tmp_path / 'weights.pth'}'")
    assert_one_score_in_any_batch(nima, 50)


@pytest.mark.slow
def test_workers_of_a_pool_give_the_scores_of_this_process(files: dict[str, Path], models: Path) -> None:
    for each in (
        juror("juror=nima", "juror.backbone=resnet18", f"juror.path='{files['resnet18']}'"),
        onnx_juror(models / "mean.onnx"),
    ):
        with SharedMemoryPool(each, workers=2, threads=1, chunk_size=4, timeout=60.0, start_timeout=60.0) as pool:
            assert_one_score_in_any_batch(pool, 20)
            assert pool.score(photos()).tolist() == each.score(photos()).tolist()


def test_what_was_measured_is_used_by_the_next_juror(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    first = small_resnet(files)
    first.warm_up()
    monkeypatch.setattr("apsi.juror.neural.find_shapes", None)
    monkeypatch.setattr("apsi.juror.neural.find_parallel", None)
    again = small_resnet(files)
    again.warm_up()
    assert again.setting == first.setting
    assert f"{first.setting} (remembered)" in caplog.text
    with pytest.raises(TypeError):  # of another shape nothing is known
        juror("juror=nima", "juror.backbone=resnet18", f"juror.path='{files['resnet18']}'").warm_up()


@pytest.mark.slow
def test_channels_last_and_passes_side_by_side_only_change_the_last_digits(files: dict[str, Path]) -> None:
    each = small_resnet(files)
    scores = each.score(photos())
    threads = torch.get_num_threads()
    unloaded = small_resnet(files)
    unloaded.setting = each.setting
    assert unloaded.score(photos()).tolist() == scores.tolist()
    for setting in (Setting((4,), channels_last=True), Setting((2, 4), workers=2), Setting((1,), threads=2)):
        each.setting = setting
        np.testing.assert_allclose(each.score(photos()), scores, rtol=0, atol=each.tolerance)
    assert torch.get_num_threads() == threads


@pytest.mark.slow
def test_a_juror_scores_the_same_in_another_process(siglip: Path, files: dict[str, Path], models: Path) -> None:
    batch = photos()[:2]
    for each in every_juror(siglip, files, models):
        scores = each.score(batch)
        again = pickle.loads(pickle.dumps(each))
        assert again.fingerprint == each.fingerprint
        assert again.score(batch).tolist() == scores.tolist()


class Narrow(NeuralJuror):
    """Runs out of memory with more than three photos a pass."""

    fingerprint = "narrow"
    model = None
    is_on_cpu = True

    def __init__(self, limit: int, error: Exception) -> None:
        super().__init__(Linear(0, 255), 16)
        self.limit, self.error, self.batches = limit, error, list[int]()

    def backend(self) -> dict[str, object]:
        return {"limit": self.limit, "error": str(self.error)}

    def outputs(self, photos: Sequence[Photo], setting: Setting) -> Outputs:
        self.batches.append(setting.rows(len(photos)))
        if self.batches[-1] > self.limit:
            raise self.error
        means = [photo.mean() for photo in photos]
        return np.array(means + [0.0] * (self.batches[-1] - len(photos)))

    def read(self, outputs: Outputs) -> Floats:
        return outputs


def test_a_batch_that_does_not_fit_is_halved_and_the_smaller_size_kept() -> None:
    narrow = Narrow(3, torch.OutOfMemoryError("CUDA out of memory"))
    narrow.setting = Setting((16,))
    batch = photos() * 2
    np.testing.assert_allclose(narrow.native(batch), [photo.mean() for photo in batch])
    assert narrow.batches == [16, 8, 4, 2, 2, 2, 2, 2, 2]
    narrow.native(batch[:3])
    assert narrow.setting.batch == 2


def test_a_batch_size_that_can_not_be_had_is_not_chosen() -> None:
    narrow = Narrow(3, torch.OutOfMemoryError("CUDA out of memory"))
    narrow.warm_up()
    assert narrow.setting.batch <= 2
    assert_one_score_in_any_batch(narrow, 10)


def test_no_memory_for_one_photo_is_an_error_and_other_errors_are_not_hidden() -> None:
    with pytest.raises(ApsiError, match=r"no memory for even one photo"):
        Narrow(0, MemoryError("too much")).score(photos())
    with pytest.raises(RuntimeError, match=r"shapes differ"):
        Narrow(0, RuntimeError("shapes differ")).score(photos())
