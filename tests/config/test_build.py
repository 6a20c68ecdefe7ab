"""Seeds of the data and of the agent, the juror that is not trained on, and which degraded photos count."""

from dataclasses import replace
from pathlib import Path

import pytest
from omegaconf import DictConfig

from apsi.agent.checkpoint import Checkpoint, TrainState
from apsi.agent.jurors import second_juror
from apsi.config.build import episode_source, prepare
from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.juror.base import FittedJuror, Juror
from apsi.juror.parameters import pack_parameters
from apsi.photo.prepared import PreparedSplit
from apsi.photo.write import read_png
from apsi.preprocess.steps import Prepared, Steps


def configured(data_dir: Path, *more: str) -> DictConfig:
    return load_config(["debug=tiny", "device=cpu", f"data_dir={data_dir}", *more])


@pytest.fixture(scope="module")
def prepared(data_dir: Path) -> Prepared:
    return prepare(configured(data_dir))


def test_photos_depend_on_the_data_seed_and_not_on_the_agents(data_dir: Path, prepared: Prepared) -> None:
    again = prepare(configured(data_dir, "seed=7"))
    assert again.folder == prepared.folder
    assert again.juror.fingerprint == prepared.juror.fingerprint


@pytest.mark.slow
def test_another_data_seed_deals_them_out_anew(data_dir: Path, prepared: Prepared) -> None:
    other = prepare(configured(data_dir, "data_seed=43"))
    assert other.split("test").originals != prepared.split("test").originals


def trained(config: DictConfig, prepared: Prepared, fitted: bytes | None) -> Checkpoint:
    return Checkpoint(Path("best.zip"), config, [], TrainState(dataset=prepared.folder.name), None, fitted)


@pytest.fixture(scope="module")
def config(data_dir: Path) -> DictConfig:
    return configured(data_dir, "juror@second_juror=naturalness")


@pytest.fixture(scope="module")
def fitted(config: DictConfig, prepared: Prepared) -> FittedJuror:
    juror = second_juror(config, prepared)
    assert isinstance(juror, FittedJuror)
    return juror


def test_a_second_juror_is_fitted_on_the_training_photos(fitted: FittedJuror, prepared: Prepared) -> None:
    """Here it is of the same kind as the trained one, which is fitted on the same photos in another order."""
    photo = read_png(prepared.split("test").episodes[0].photo)
    assert fitted.score([photo]) == pytest.approx(prepared.juror.score([photo]))


def test_on_another_collection_it_is_the_one_of_the_training(
    config: DictConfig, fitted: FittedJuror, prepared: Prepared
) -> None:
    checkpoint = trained(config, prepared, pack_parameters(fitted))
    elsewhere = replace(prepared, folder=Path("others"))  # which has no photos to be fitted on
    brought = second_juror(config, elsewhere, checkpoint)
    assert brought is not None and brought.fingerprint == fitted.fingerprint


def test_a_checkpoint_without_one_is_evaluated_with_one_on_its_own_photos_only(
    config: DictConfig, fitted: FittedJuror, prepared: Prepared, data_dir: Path
) -> None:
    for its_own in (config, configured(data_dir)):
        checkpoint = trained(its_own, prepared, None)
        again = second_juror(config, prepared, checkpoint)
        assert again is not None and again.fingerprint == fitted.fingerprint
        with pytest.raises(ApsiError, match=r"second_juror=Naturalness is fitted on .* best\.zip holds none"):
            second_juror(config, replace(prepared, folder=Path("others")), checkpoint)


@pytest.mark.parametrize(("env", "kept"), [("restore", False), ("optimise", False), ("repair", True)])
def test_the_environment_says_whether_the_juror_decides_what_is_degraded(
    env: str, kept: bool, split: PreparedSplit, juror: Juror, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config([f"env={env}", "episodes=fresh"])
    assert episode_source(config, split, juror, 0).context.keep_all is kept
    asked: list[bool] = []
    monkeypatch.setattr(Steps, "run", lambda self, **given: asked.append(given["keep_all"]))
    prepare(config)
    assert asked == [kept]
