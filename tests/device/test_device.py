"""The device of a run: what is refused, and computing the same each time."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from apsi.device.device import Device
from apsi.errors import ApsiError

HERE = Device("cpu", 1)
WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(WORKSPACE, "")  # restored afterwards
    monkeypatch.delenv(WORKSPACE)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.deterministic = False


def test_deterministic_is_told_to_torch_and_cublas_and_taken_back_by_the_next_run() -> None:
    replace(HERE, deterministic=True).activate()
    assert torch.are_deterministic_algorithms_enabled() and torch.backends.cudnn.deterministic
    assert os.environ[WORKSPACE] == ":4096:8"
    HERE.activate()
    assert not torch.are_deterministic_algorithms_enabled() and not torch.backends.cudnn.deterministic


def test_what_torch_can_not_do_the_same_each_time_is_an_error_that_names_it() -> None:
    values, indices = torch.zeros(4), torch.tensor([0, 0])
    replace(HERE, deterministic=True).activate()
    with pytest.raises(RuntimeError, match="put_"):
        values.put_(indices, torch.ones(2), accumulate=False)
    HERE.activate()
    values.put_(indices, torch.ones(2), accumulate=False)


def test_a_choice_of_the_user_stays_and_one_that_is_not_deterministic_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(WORKSPACE, ":16:8")
    replace(HERE, deterministic=True).activate()
    assert os.environ[WORKSPACE] == ":16:8"
    monkeypatch.setenv(WORKSPACE, ":0:0")
    with pytest.raises(ApsiError, match=r"CUBLAS_WORKSPACE_CONFIG to be one of :4096:8 and :16:8.*it is :0:0"):
        replace(HERE, deterministic=True).activate()


def test_one_training_on_several_gpus_is_refused_with_what_to_do_with_them() -> None:
    for name in ("cuda:1", "cuda:0,1"):
        with pytest.raises(ApsiError, match=rf"{name}: a training uses one GPU.*CUDA_VISIBLE_DEVICES"):
            Device(name, None)
    with pytest.raises(ApsiError, match="must be one of: auto, cpu"):
        Device("gpu", None)
