"""The command line does what it says: help, the whole pipeline, each task by itself."""

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from apsi import __version__
from apsi.agent.checkpoint import read_checkpoint, read_run_state
from apsi.evaluate.truth import MEASURES, Truth
from apsi.photo.write import write_png
from tests.command_line import REPOSITORY, Outcome, Place, read_json
from tests.conftest import natural_photo

HEAVY = ("torch", "mlflow", "stable_baselines3")
POLICIES = ["agent", "nothing", "random", "greedy"]
COLUMNS = [
    *("policy", "photo", "image", "degradation", "actions", "recipe"),
    *("start_score", "target_score", "final_score", "success", "steps", "juror_calls", "original"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    root = tmp_path_factory.mktemp("cli")
    return Place(root, root / "data")


@pytest.fixture(scope="module")
def pipeline(place: Place) -> tuple[Outcome, Path]:
    """One run of the whole pipeline: what it printed and its folder."""
    outcome = place.run(warm=False).succeeded()
    return outcome, place.folder("pipeline")


@pytest.fixture(scope="module")
def checkpoint(pipeline: tuple[Outcome, Path]) -> Path:
    return pipeline[1] / "checkpoints" / "best.zip"


@pytest.fixture(scope="module")
def other_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("others")
    for i in range(4):
        write_png(folder / f"{i}.png", natural_photo(100 + i, 60, 80))
    return folder


@pytest.fixture(scope="module")
def evaluated_elsewhere(place: Place, checkpoint: Path, other_photos: Path) -> Path:
    """The folder of one evaluation of the agent on other photos."""
    arguments = ["dataset=folder", f"dataset.path={other_photos}", "split=all", "evaluate.episodes=null"]
    place.run("task=evaluate", f"checkpoint={checkpoint}", *arguments, tiny=False).succeeded()
    return place.folder("evaluate")


def groups() -> Iterator[tuple[str, list[str]]]:
    """Every group of `conf/` with its options."""
    conf = REPOSITORY / "conf"
    for folder in sorted(path for path in conf.rglob("*") if path.is_dir()):
        if options := sorted(path.stem for path in folder.glob("*.yaml")):
            yield folder.relative_to(conf).as_posix(), options


def light(*arguments: str) -> str:
    """What `run.py` prints, having imported no heavy library."""
    command = [sys.executable, "-X", "importtime", "run.py", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    imported = set(re.findall(r"^import time:.*\|\s*(\w+)$", done.stderr, re.MULTILINE))
    assert "hydra" in imported
    assert imported.isdisjoint(HEAVY)
    return done.stdout


def test_help_lists_every_group_with_every_option_and_imports_no_heavy_library() -> None:
    text = light("--help")
    blocks = dict(block.split("\n", 1) for block in text.split("\n\n") if "\n  " in block)
    listed = dict(groups())
    assert len(listed) >= 16
    for group, options in listed.items():
        rows = [line.strip().split("  ", 1) for line in blocks[group].splitlines()]
        assert {option for option, _ in rows} >= set(options), group
        assert all(about.strip() for _, about in rows), group
        starts = [line.index(about.strip()) for line, (_, about) in zip(blocks[group].splitlines(), rows, strict=True)]
        assert len(set(starts)) == 1, group  # one column
    assert "basic" in blocks["hydra/launcher"] and "pruning" in blocks["hydra/sweeper"]
    assert "python run.py dataset=folder dataset.path=" in text
    assert "python run.py task=evaluate checkpoint=" in text


def test_cfg_job_shows_the_configuration_and_imports_no_heavy_library() -> None:
    config = yaml.safe_load(light("--cfg", "job", "algo=dqn", "seed=7"))
    assert config["algo"]["_target_"] == "apsi.algo.dqn.Dqn"
    assert config["seed"] == 7


def test_a_task_that_trains_nothing_imports_no_heavy_library(tmp_path: Path) -> None:
    light("task=list_photos", f"output_dir={tmp_path}", f"data_dir={tmp_path}")


LIST = ["task=list_photos", "debug=tiny", "tracking=none"]


@pytest.mark.parametrize("arguments", [["--help"], LIST, [*LIST, "quiet=true"]], ids=str)
def test_it_ends_quietly_where_nobody_reads_what_it_prints(arguments: list[str], tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)  # as head does when it has its lines
    command = [sys.executable, str(REPOSITORY / "run.py"), *arguments, f"output_dir={tmp_path}"]
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert ended.returncode == 128 + signal.SIGPIPE
    assert "Error" not in ended.stderr and "Traceback" not in ended.stderr


def test_pipeline_leaves_a_folder_named_by_date_that_holds_every_result(pipeline: tuple[Outcome, Path]) -> None:
    folder = pipeline[1]
    assert re.match(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", folder.name)
    found = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"
    }
    assert found - {"git.diff"} == {  # which is there while apsi's own code has uncommitted changes
        *("config.yaml", "overrides.yaml", "run.json", "run.log", "scores.json", "timings.json"),
        *("results.csv", "undegraded.csv", "summary.json", "report.html", "parameter_groups.json"),
        *("checkpoints/best.zip", "checkpoints/last.zip"),
        *("images/mosaic.png", "images/mosaic_random.png", "images/mosaic_greedy.png"),
        *(f"images/before_after_{i:02d}.png" for i in range(1, 5)),
        *("images/training/step_00000256.png", "images/training/step_00000512.png", "images/training.mp4"),
    }


def test_pipeline_prints_where_its_report_is(pipeline: tuple[Outcome, Path]) -> None:
    outcome, folder = pipeline
    assert str(folder / "report.html") in outcome.out
    assert str(folder / "results.csv") in outcome.out


def test_paths_in_piped_output_are_not_broken_and_the_table_is_in_the_log(pipeline: tuple[Outcome, Path]) -> None:
    outcome, folder = pipeline
    assert f"Run folder: {folder}\n" in outcome.err
    kept = (folder / "run.log").read_text()
    table = [line for line in outcome.out.splitlines() if " agent " in line]
    assert len(table) == 1 and table[0] in kept
    assert str(folder / "report.html") in kept


def test_outputs_latest_leads_to_the_run_that_finished_last(place: Place, pipeline: tuple[Outcome, Path]) -> None:
    place.run("task=preprocess", "run_name=named").succeeded()
    assert (place.outputs / "latest").resolve() == (place.outputs / "preprocess" / "named").resolve()
    assert read_json(place.outputs / "latest" / "run.json")["status"] == "finished"
    place.run("task=preprocess", "run_name=named").succeeded()
    assert (place.outputs / "latest").resolve().name == "named-2"


@pytest.mark.parametrize("name", ["../up", "a b", "-x", "", "con/aux", "x" * 101])
def test_a_run_name_that_is_no_safe_folder_is_refused_and_nothing_made(place: Place, name: str, tmp_path: Path) -> None:
    place.run(f"run_name={name}", f"output_dir={tmp_path / 'none'}").failed(f"run_name={name}", "letters, digits")
    assert not (tmp_path / "none").exists()


def test_quiet_leaves_one_line_of_json_and_a_figure_that_is_not_reached_ends_with_3(
    place: Place, checkpoint: Path
) -> None:
    evaluate = ("task=evaluate", f"checkpoint={checkpoint}", "policy=[agent,nothing]", "quiet=true")
    outcome = place.run(*evaluate, "evaluate.require=agent.success_rate>=0, nothing.success_rate<=0", tiny=False)
    assert outcome.succeeded().out.count("\n") == 1
    said = json.loads(outcome.out)
    assert said["result"] == read_json(Path(said["folder"]) / "summary.json")
    outcome = place.run(*evaluate, "evaluate.require=agent.success_rate>=0,nothing.mean_gain>1", tiny=False)
    assert outcome.code == 3
    assert json.loads(outcome.out)["result"]["split"] == "test"
    assert outcome.err.strip() == "Error: evaluate.require: nothing.mean_gain>1 failed, it is 0"
    assert read_json(Path(json.loads(outcome.out)["folder"]) / "run.json")["status"] == "finished"


def test_pipeline_records_what_was_run_on_what_and_how_it_ended(pipeline: tuple[Outcome, Path]) -> None:
    record = read_json(pipeline[1] / "run.json")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert record["status"] == "finished"
    assert "run.py" in record["command"] and record["command"].endswith("debug=tiny")
    assert record["git"]["commit"] == (head.stdout.strip() or None)
    assert isinstance(record["git"]["dirty"], bool) or head.returncode
    assert record["apsi"] == __version__
    assert record["python"] == sys.version.split()[0]
    assert set(record["libraries"]) > {"torch", "numpy", "gymnasium"} and None not in record["libraries"].values()
    assert record["started"] <= record["ended"]


def test_pipeline_records_its_configuration_resolved_and_its_overrides(
    place: Place, pipeline: tuple[Outcome, Path]
) -> None:
    text = (pipeline[1] / "config.yaml").read_text()
    config = yaml.safe_load(text)
    assert "${" not in text
    assert config["degradation"]["labels"] == config["transform"]["labels"]
    assert config["train"]["total_timesteps"] == 512
    overrides = yaml.safe_load((pipeline[1] / "overrides.yaml").read_text())
    assert overrides == [f"output_dir={place.outputs}", f"data_dir={place.data}", "tracking=none", "debug=tiny"]


def test_results_have_one_row_for_each_policy_and_episode(pipeline: tuple[Outcome, Path]) -> None:
    with (pipeline[1] / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    measures = (*MEASURES, "clipped", "saturation", "warmth", "distance")
    measured = [f"{when} {name}" for name in measures for when in ("before", "after")]
    assert list(rows[0]) == [*COLUMNS, *measured]
    assert [row["policy"] for row in rows] == [policy for policy in POLICIES for _ in range(8)]
    for policy in POLICIES:
        played = [row for row in rows if row["policy"] == policy]
        assert len({row["image"] for row in played}) == 8
        assert [row["image"] for row in played] == [row["image"] for row in rows[:8]]


def test_summary_has_the_promised_structure_and_agrees_with_the_rows(pipeline: tuple[Outcome, Path]) -> None:
    summary = read_json(pipeline[1] / "summary.json")
    assert summary["split"] == "test"
    assert summary["episodes"] == 8
    assert set(summary["seconds"]) == {"prepare", "train", "evaluate"}
    assert min(summary["seconds"].values()) > 0
    assert list(summary["policies"]) == POLICIES
    with (pipeline[1] / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for policy, figures in summary["policies"].items():
        assert set(figures) == {
            *("success_rate", "success_ci95", "mean_gain", "mean_gain_ci95", "photos"),
            *("mean_steps", "juror_calls", "measures", "sees_original", "undegraded"),
            *vars(Truth()),
        }
        played = [row for row in rows if row["policy"] == policy]
        assert figures["success_rate"] == np.mean([int(row["success"]) for row in played])
        assert (
            figures["photos"] == summary["photos"] == len({row["original"] for row in played}) == 1
        )  # a cup of coffee
        assert figures["success_ci95"] is figures["mean_gain_ci95"] is None
        gains = [float(row["final_score"]) - float(row["start_score"]) for row in played]
        assert figures["mean_gain"] == pytest.approx(np.mean(gains))
        assert figures["mean_steps"] == np.mean([int(row["steps"]) for row in played])
        assert figures["juror_calls"] == sum(int(row["juror_calls"]) for row in played)


def test_report_needs_no_other_file_and_no_network(pipeline: tuple[Outcome, Path]) -> None:
    page = (pipeline[1] / "report.html").read_text()
    links = re.findall(r"""(?:src|href|url|action|srcset|poster)\s*[=(]\s*["']?([^"')\s>]+)""", page)
    assert len(links) > 5
    assert {link.partition(":")[0] for link in links if not link.startswith("#")} == {"data"}
    assert "<script" not in page and "<link" not in page and "@import" not in page


def test_the_same_seed_gives_the_same_results_byte_for_byte(place: Place, pipeline: tuple[Outcome, Path]) -> None:
    place.run().succeeded()
    again = place.folder("pipeline")
    assert again != pipeline[1]
    assert (again / "results.csv").read_bytes() == (pipeline[1] / "results.csv").read_bytes()


def test_another_data_seed_deals_the_photos_out_anew_so_no_agent_is_tested_on_what_it_learned_from(
    place: Place, checkpoint: Path
) -> None:
    outcome = place.run("task=evaluate", f"checkpoint={checkpoint}", "data_seed=43", tiny=False)
    outcome.failed("the split 'test'", str(checkpoint), "was trained on", "use its data_seed")


def test_preprocess_by_itself_prepares_and_trains_nothing(place: Place) -> None:
    outcome = place.run("task=preprocess").succeeded()
    assert "Prepared 96 train, 8 val, 8 test episodes" in outcome.said
    assert not (place.folder("preprocess") / "checkpoints").exists()


def test_train_by_itself_says_how_to_evaluate_its_agent(place: Place) -> None:
    place.run("task=train").succeeded()
    folder = place.folder("train")
    log = (folder / "run.log").read_text()
    assert f"python run.py task=evaluate checkpoint={folder / 'checkpoints' / 'best.zip'}" in log
    assert not (folder / "results.csv").exists()


def test_evaluate_gives_the_results_that_the_pipeline_gave(
    place: Place, pipeline: tuple[Outcome, Path], checkpoint: Path
) -> None:
    place.run("task=evaluate", f"checkpoint={checkpoint}", tiny=False).succeeded()
    folder = place.folder("evaluate")
    assert (folder / "results.csv").read_bytes() == (pipeline[1] / "results.csv").read_bytes()
    assert (folder / "report.html").is_file()


def test_evaluate_judges_other_photos_with_the_juror_that_the_agent_was_trained_with(
    pipeline: tuple[Outcome, Path], evaluated_elsewhere: Path
) -> None:
    summary, trained = (read_json(f / "summary.json") for f in (evaluated_elsewhere, pipeline[1]))
    assert summary["juror"] == trained["juror"]
    assert summary["dataset"] != trained["dataset"]
    assert summary["split"] == "all"
    with (evaluated_elsewhere / "results.csv").open(newline="") as file:
        assert {row["photo"] for row in csv.DictReader(file)} == {f"{i}.png" for i in range(4)}


def test_evaluate_leaves_other_photos_as_many_as_they_are(
    place: Place, evaluated_elsewhere: Path, other_photos: Path
) -> None:
    with (evaluated_elsewhere / "results.csv").open(newline="") as file:
        images = {row["image"].rpartition("-d")[0] for row in csv.DictReader(file)}
    assert len(images) == 4  # the checkpoint enlarged its own data set, this one asks for one version of each photo
    log = (evaluated_elsewhere / "run.log").read_text()
    assert "The photos are degraded before the agent gets them" in log

    command = next(line for line in log.splitlines() if "as they are: python run.py task=evaluate" in line)
    arguments = shlex.split(command.partition("python run.py ")[2])
    assert arguments[-4:] == ["degradation=none", "env=optimise", "env.observation_size=[36,36]", "env.stop=false"]
    arguments = [a.replace(str(other_photos), str(other_photos / "2.png")) for a in arguments]  # a single file
    place.run(*arguments, tiny=False).succeeded()
    with (place.folder("evaluate") / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["photo"], row["degradation"]) for row in rows} == {("2.png", "")}
    assert "degraded before" not in (place.folder("evaluate") / "run.log").read_text()


@pytest.mark.parametrize("choice", ["algo=dqn", "transform=reversible_exact", "algo.gamma=0.5"])
def test_what_the_checkpoint_decides_is_refused_beside_it(place: Place, checkpoint: Path, choice: str) -> None:
    outcome = place.run("task=evaluate", f"checkpoint={checkpoint}", choice, tiny=False)
    outcome.failed(choice, str(checkpoint), "leave it out")


def test_a_preset_is_refused_beside_a_checkpoint(place: Place, checkpoint: Path) -> None:
    place.run("task=evaluate", f"checkpoint={checkpoint}").failed("debug=tiny", "name the single values")


def test_training_from_a_checkpoint_is_called_resume(place: Place, checkpoint: Path) -> None:
    outcome = place.run("task=train", f"checkpoint={checkpoint}", tiny=False)
    outcome.failed(str(checkpoint), f"resume={checkpoint}")


@pytest.mark.slow
def test_dqn_with_another_reward_keeps_its_replay_buffer_in_the_checkpoint(place: Place) -> None:
    small = ["train.total_timesteps=256", "algo.learning_starts=128", "algo.batch_size=32"]
    place.run("task=train", "algo=dqn", "reward=sigmoid_bonus", *small).succeeded()
    last = place.folder("train") / "checkpoints" / "last.zip"
    checkpoint = read_checkpoint(last)
    run = read_run_state(checkpoint)
    assert run is not None
    assert len(run["replay"]["dones"]) * 8 == checkpoint.state.timesteps == 256
    assert read_run_state(read_checkpoint(last.with_name("best.zip"))) is None  # small, to be passed on


def test_optimise_without_degradation_runs_the_whole_pipeline(place: Place) -> None:
    few = (
        "dataset.enlarge={train:2,val:1,test:2}",
        "train.total_timesteps=64",
        "train.images=0",
    )  # to learn a juror of
    place.run("env=optimise", "degradation=none", "juror.edits=[exposure_up,exposure_down]", *few).succeeded()
    summary = read_json(place.folder("pipeline") / "summary.json")
    assert summary["policies"]["nothing"]["mean_gain"] == 0
    assert summary["policies"]["greedy"]["mean_gain"] > 0
