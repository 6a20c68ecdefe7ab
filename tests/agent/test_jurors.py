"""The jurors of an agent."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from omegaconf import DictConfig

from apsi.agent import jurors
from apsi.agent.checkpoint import Checkpoint, TrainState
from apsi.agent.jurors import second_juror
from apsi.config.compose import load_config
from apsi.juror.base import Juror
from apsi.juror.naturalness import Naturalness
from apsi.juror.parameters import pack_parameters
from apsi.photo.stream import PhotoStream
from tests.conftest import natural_photo


@pytest.fixture
def prepared_for(monkeypatch: pytest.MonkeyPatch) -> list[DictConfig]:
    """The configurations that photos are prepared for, which gives a juror of theirs."""
    asked: list[DictConfig] = []

    def prepare(config: DictConfig) -> SimpleNamespace:
        asked.append(config)
        return SimpleNamespace(juror="fitted on photos of dataset=")

    monkeypatch.setattr(jurors, "prepare", prepare)
    return asked


def of_advice(kind: str) -> DictConfig:
    return load_config(["task=advise", f"juror@second_juror={kind}"])


def trained_with(kind: str, juror: Juror) -> Checkpoint:
    return Checkpoint(Path("best.zip"), of_advice(kind), [], TrainState(dataset="d"), None, pack_parameters(juror))


def test_without_prepared_photos_the_second_juror_is_the_agents_where_that_brings_one_of_its_kind(
    prepared_for: list[DictConfig],
) -> None:
    juror = Naturalness()
    juror.fit(PhotoStream(lambda: (natural_photo(i, 96, 128) for i in range(8))))
    checkpoint = trained_with("naturalness", juror)
    brought = second_juror(of_advice("naturalness"), None, checkpoint)
    assert brought is not None and brought.fingerprint == juror.fingerprint and not prepared_for
    photo = natural_photo(9, 96, 128)
    assert np.array_equal(brought.score([photo]), juror.score([photo]))
    other = of_advice("flaws")
    assert second_juror(other, None, checkpoint) == "fitted on photos of dataset="
    assert [config.juror for config in prepared_for] == [other.second_juror]


@pytest.mark.parametrize("checkpoint", [None, Checkpoint(Path("best.zip"), load_config([]), [], TrainState(), None)])
def test_where_no_agent_brings_a_second_juror_the_photos_are_prepared_and_that_is_said(
    checkpoint: Checkpoint | None, prepared_for: list[DictConfig], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert second_juror(of_advice("naturalness"), None, checkpoint) == "fitted on photos of dataset="
    assert len(prepared_for) == 1
    assert "second_juror=Naturalness is fitted on the photos of dataset=, which are prepared for it" in caplog.text
