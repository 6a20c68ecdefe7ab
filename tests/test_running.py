"""A run from Python is the run that the command line makes."""

import json
import logging
import shlex
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from apsi.console import console
from apsi.errors import ApsiError
from apsi.running import run
from apsi.tracking.run_folder import RunFolder

LIST = ("task=list_photos", "quiet=true", "tracking=none")


def test_it_leaves_a_folder_with_the_records_of_a_run_and_the_process_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["ipykernel_launcher.py", "-f", "kernel.json"])
    before = HydraConfig.instance().cfg, console.quiet, logging.getLogger().level, logging.getLogger().handlers[:]
    made = run(*LIST, f"output_dir={tmp_path}/über, hier", "seed=7")
    assert made.result == {"photos": 8, "skipped": 0}
    assert made.folder.parent == tmp_path / "über, hier" / "list_photos"
    record = json.loads((made.folder / "run.json").read_text())
    assert record["status"] == "finished"
    assert shlex.split(record["command"])[:3] == ["python", "run.py", "task=list_photos"]
    assert record["choices"]["dataset"] == "sample"
    assert OmegaConf.load(made.folder / "config.yaml").seed == 7
    assert "seed=7" in OmegaConf.load(made.folder / "overrides.yaml")
    assert "8 photos, 0 files skipped" in (made.folder / "run.log").read_text()
    assert (tmp_path / "über, hier" / "latest").resolve() == made.folder
    assert before == (
        HydraConfig.instance().cfg,
        console.quiet,
        logging.getLogger().level,
        logging.getLogger().handlers,
    )


def test_in_a_notebook_it_prints_text_or_nothing_and_the_log_has_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rich would show HTML in place of all that is printed, to files too."""
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    made = run(LIST[0], LIST[2], f"output_dir={tmp_path}")
    assert "8 photos, 0 files skipped" in capsys.readouterr().out
    log = (made.folder / "run.log").read_text()
    assert "8 photos, 0 files skipped" in log and "\x1b" not in log
    run(*LIST, f"output_dir={tmp_path}")
    assert not capsys.readouterr().out


def test_a_folder_of_options_counts_as_with_config_dir(tmp_path: Path) -> None:
    mine = tmp_path / "it's mine"
    (mine / "reward").mkdir(parents=True)
    (mine / "reward" / "dear.yaml").write_text(
        "defaults:\n  - step_penalized\n  - _self_\npenalty: 0.5\n", encoding="utf-8"
    )
    made = run(*LIST, f"output_dir={tmp_path}", "reward=dear", config_dir=mine)
    assert OmegaConf.load(made.folder / "config.yaml").reward.penalty == 0.5


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("tsak=train",), "task"),
        (("task=tarin",), "train"),
        (("task=train", "--multirun"), "for the command line"),
        (("dataset=folder",), "dataset.path"),
    ],
)
def test_what_the_command_line_refuses_is_refused_with_one_message(
    overrides: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ApsiError, match=said):
        run(f"output_dir={tmp_path}", "quiet=true", *overrides)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("error", [RuntimeError("broken"), ApsiError("can't go on")], ids=["crash", "for the user"])
def test_a_run_that_fails_midway_says_so_in_its_record(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(config: DictConfig, folder: RunFolder) -> None:
        (folder.path / "photos.csv").touch()
        raise error

    monkeypatch.setattr("apsi.config.instantiate.instantiate", lambda node: fail)
    with pytest.raises(type(error), match=str(error)):
        run(*LIST, f"output_dir={tmp_path}")
    (folder,) = (tmp_path / "list_photos").iterdir()
    assert json.loads((folder / "run.json").read_text())["status"] == "failed"


@pytest.mark.parametrize("wrong", [("algo=sac",), ("env.extras=[step_left]",), ("task=export",)], ids=str)
def test_an_error_of_the_configuration_leaves_no_folder_behind(wrong: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(ApsiError):
        run("debug=tiny", "quiet=true", "tracking=none", f"output_dir={tmp_path}", f"data_dir={tmp_path}/data", *wrong)
    assert not list(tmp_path.glob("*/*"))
