"""Several runs from one command."""

import json
from pathlib import Path

import psutil
import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf

from apsi import multirun
from apsi.config.compose import load_config
from apsi.console import console
from apsi.tracking.run_folder import FINISHED, RunFolder, find_unfinished
from tests.command_line import Place, read_json


def test_seeds_end_in_one_summary_and_a_run_that_fails_ends_no_other(tmp_path: Path, data_dir: Path) -> None:
    place = Place(tmp_path, data_dir)
    short = ("train.total_timesteps=64", "train.eval_every=64", "policy=[agent]", "train.images=0", "evaluate.images=0")
    outcome = place.run("--multirun", "seed=1,2", "env.max_steps=0,3", *short)
    outcome.failed(
        "2 of 4 runs",
        "0 (seed=1 env.max_steps=0): env.max_steps=0: input should be greater than 0",
        "2 (seed=2 env.max_steps=0)",
    )
    (folder,) = (tmp_path / "outputs" / "multirun").iterdir()
    content = read_json(folder / "multirun.json")
    (group,) = content["groups"]
    assert (group["name"], group["seed"], group["data_seed"]) == ("all runs", [1, 2], [42, 42])
    datasets = {read_json(folder / run / "summary.json")["dataset"] for run in group["runs"]}
    assert len(datasets) == 1  # the same photos, which are prepared once
    assert outcome.said.count(str(folder / "multirun.html")) == 1
    assert len(content["failed"]) == 2

    pair = f"groups={{a:[{folder / group['runs'][0]}],b:[{folder / group['runs'][1]}]}}"
    compared = place.run("task=compare", pair, tiny=False).succeeded()
    assert "8 episodes" in compared.said
    place.run("task=compare", f"run_ids=[{folder}]", tiny=False).succeeded()  # stands for its runs


def test_runs_that_fall_short_are_whole_and_summarised_and_the_command_ends_with_3(
    tmp_path: Path, data_dir: Path
) -> None:
    place = Place(tmp_path, data_dir)
    short = ("train.total_timesteps=64", "train.eval_every=64", "policy=[nothing]", "train.images=0")
    required = ("evaluate.images=0", "evaluate.require=nothing.mean_gain>1", "quiet=true")
    outcome = place.run("--multirun", "seed=1,2", *short, *required)
    assert outcome.code == 3, outcome.err
    said = json.loads(outcome.out)  # one line
    (folder,) = (tmp_path / "outputs" / "multirun").iterdir()
    assert said["folder"] == str(folder) and said["result"] == read_json(folder / "multirun.json")
    assert said["result"]["groups"][0]["runs"] == ["0", "1"] and not said["result"]["failed"]
    assert {read_json(folder / run / "run.json")["status"] for run in "01"} == {"finished"}
    assert "2 of 2 runs" in outcome.said and "1 (seed=2): evaluate.require: nothing.mean_gain>1 failed" in outcome.said


def test_quiet_prints_one_line_also_where_the_jobs_ran_elsewhere_and_left_no_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "quiet", False)  # as it is where no job ran in this process
    RunFolder(tmp_path / "0").path.mkdir()
    RunFolder(tmp_path / "0").finish(FINISHED)
    hydra = {"sweep": {"dir": str(tmp_path)}, "sweeper": {"_target_": "hydra._internal.BasicSweeper"}}
    multirun.MultirunEnd().on_multirun_end(OmegaConf.create({"quiet": True, "hydra": hydra}))
    multirun.summarise_multiruns()
    assert json.loads(capsys.readouterr().out) == {"folder": str(tmp_path), "result": None}


def test_a_run_that_was_interrupted_is_found_by_the_same_multirun_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config(["debug=tiny", "task=train"])
    earlier = RunFolder.create(tmp_path / "first" / "1", config)
    earlier.last_checkpoint.parent.mkdir()
    earlier.last_checkpoint.touch()
    gone = psutil.Popen(["true"])
    earlier.note(process=[gone.pid, gone.create_time()])
    gone.wait()
    current = RunFolder.create(tmp_path / "second" / "0", config)
    assert find_unfinished(current) is None  # a run by itself
    hydra = {"mode": RunMode.MULTIRUN, "sweeper": {"_target_": "hydra._internal.BasicSweeper"}}
    monkeypatch.setattr(HydraConfig.instance(), "cfg", OmegaConf.create({"hydra": hydra}))
    assert find_unfinished(current) == earlier
