"""Configurations are what the command line would run; what a checkpoint brings is found again on another machine."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from apsi.config import compose
from apsi.config.compose import load_config


def test_an_acquired_data_set_follows_this_runs_means_and_folder_unless_it_has_its_own() -> None:
    def followed(dataset: str) -> DictConfig:
        written = load_config([f"dataset={dataset}", "acquire=direct", "data_dir=there"])
        saved = OmegaConf.create(OmegaConf.to_container(written, resolve=True))
        assert isinstance(saved, DictConfig)
        compose._follow_acquire(saved)
        saved.data_dir, saved.acquire = "here", {"_target_": "apsi.acquire.local.Local"}
        return saved

    bsds500, lhq = followed("bsds500"), followed("lhq")
    assert bsds500.dataset.acquire._target_ == "apsi.acquire.local.Local"
    assert lhq.dataset.acquire._target_ == "apsi.acquire.yandex.Yandex"
    assert {bsds500.dataset.folder, lhq.dataset.folder} == {"here/acquired"}


def test_paths_need_no_quotes_as_on_the_command_line() -> None:
    config = load_config(["dataset=folder", "dataset.path=~/Grün, 2024"])
    assert config.dataset.path == str(Path.home() / "Grün, 2024")
