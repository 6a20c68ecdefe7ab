"""Searches as a user runs them: `python run.py --multirun ...`, killed, repeated, shared."""

import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.search.settings import read_settings
from apsi.search.storage import open_storage, storage_url
from apsi.search.sweep import Sweep
from apsi.search.trial import COMPLETE, Outcome
from tests.command_line import REPOSITORY, Place, read_json

optuna = pytest.importorskip("optuna")

TINY = [
    "--multirun",
    "hparams_search=ppo_optuna",
    "hydra.sweeper.study_name=s",
    "train.total_timesteps=128",
    "train.eval_every=64",
    "train.checkpoint_every=64",
    "algo.n_steps=8",
    "algo.n_epochs=1",
]


@pytest.fixture
def place(tmp_path: Path, data_dir: Path) -> Place:
    return Place(tmp_path, data_dir)


def trials(place: Place) -> list[Any]:
    url = storage_url(None, place.outputs)
    return list(optuna.load_study(study_name="s", storage=open_storage(url)).trials)


def states(place: Place) -> list[str]:
    return [trial.state.name for trial in trials(place)]


@pytest.mark.slow
def test_a_search_goes_on_to_its_number_of_trials_and_a_failed_one_does_not_end_it(place: Place) -> None:
    values = ["hydra/sweeper/sampler=random", "train.n_envs=choice(8)", "algo.gamma=choice(0.5,0.9)"]
    first = place.run(*TINY, *values, "hydra.sweeper.n_trials=2").succeeded()
    assert states(place) == ["COMPLETE", "COMPLETE"]
    assert "2 COMPLETE" in first.said
    place.run(*TINY, *values, "hydra.sweeper.n_trials=2").succeeded()
    assert len(trials(place)) == 2
    place.run(*TINY, *values, "hydra.sweeper.n_trials=3").succeeded()
    assert states(place) == ["COMPLETE"] * 3
    folder = place.outputs / "search" / "s"
    assert [read_json(folder / f"000{i}" / "run.json")["status"] for i in range(3)] == ["finished"] * 3
    with (folder / "trials.csv").open() as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["COMPLETE"] * 3
    page = (folder / "report.html").read_text()
    assert "val_best, trial after trial" in page and page.count("<svg") >= 3
    best = max(trials(place), key=lambda trial: trial.value)
    rerun = place.run("--config-dir", str(folder), "experiment=best", "task=train", tiny=False).succeeded()
    assert f"validation success {best.value:.3f}" in rerun.said  # the same agent, as it is the same run


@pytest.mark.slow
def test_a_trial_that_raises_is_recorded_with_its_error_and_the_rest_runs(place: Place) -> None:
    grid = ["hydra/sweeper/sampler=grid", "train.n_envs=choice(0,8)"]
    outcome = place.run(*_without_params(), *grid).succeeded()
    assert Counter(states(place)) == {"FAIL": 1, "COMPLETE": 1}
    (failed,) = (trial for trial in trials(place) if trial.state.name == "FAIL")
    assert "train.n_envs=0 must be at least 1" in failed.user_attrs["error"]
    assert "train.n_envs=0 must be at least 1" in outcome.said


def _without_params() -> list[str]:
    return [argument for argument in TINY if not argument.startswith("hparams_search")] + [
        "hydra/sweeper=pruning",
        "task=train",
    ]


@pytest.mark.slow
def test_a_killed_search_tries_the_interrupted_trial_again(place: Place) -> None:
    command = [*TINY, "hydra.sweeper.n_trials=4", "train.total_timesteps=1024"]
    third = place.outputs / "search" / "s" / "0002" / "checkpoints" / "last.zip"
    place.start(*command).send(signal.SIGKILL, once=third.exists)
    assert states(place)[2] == "RUNNING"
    again = place.run(*command).succeeded()
    ended = trials(place)
    assert Counter(trial.state.name for trial in ended)["FAIL"] == 1
    assert ended[2].user_attrs["error"] == "the process that ran it died"
    assert ended[3].params == ended[2].params and ended[3].state.name in ("COMPLETE", "PRUNED")
    assert "Continuing" in again.said  # from the checkpoint
    assert len(ended) == 5


@pytest.mark.slow
def test_an_interrupted_search_leaves_no_trial_running(place: Place) -> None:
    command = [*TINY, "hydra.sweeper.n_trials=2", "train.total_timesteps=4096"]
    running = place.outputs / "search" / "s" / "0000" / "checkpoints" / "last.zip"
    ended = place.start(*command).send(signal.SIGINT, once=running.exists)
    assert ended.code == 130 and "Interrupted" in ended.err
    assert states(place) == ["FAIL", "WAITING"]


@pytest.mark.slow
def test_several_seeds_count_by_their_mean(place: Place) -> None:
    place.run(*TINY, "hydra.sweeper.n_trials=1", "hydra.sweeper.seeds=[1,2]").succeeded()
    (trial,) = trials(place)
    by_seed = [row[0] for row in trial.user_attrs["values by seed"]]
    assert len(by_seed) == 2 and trial.value == pytest.approx(sum(by_seed) / 2)
    assert {path.name for path in (place.outputs / "search" / "s").glob("0000-*")} == {"0000-seed-1", "0000-seed-2"}


@pytest.mark.parametrize("returned", [{"val_mean_gain": 0.1, "val_best": 0.7}, {"val_mean_gain": 0.1}])
def test_a_pruner_compares_the_same_figure_of_every_seed_whatever_the_objective(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, returned: dict[str, float]
) -> None:
    launched: list[str] = []

    def launch(sweep: Sweep, launcher: None, trials: list[Any], jobs: list[list[str]]) -> list[Outcome]:
        launched.extend(jobs[0])
        trials[0].report(0.7, len(launched))
        return [Outcome(COMPLETE, returned)]

    monkeypatch.setattr(Sweep, "_launch", launch)
    url, config = storage_url(None, tmp_path), load_config()
    settings = read_settings(
        {"sampler": {}, "objective": ["val_mean_gain"], "direction": ["maximize"], "n_trials": 1, "n_jobs": 1}
        | {"seeds": [1, 2], "storage": None, "study_name": "s", "max_failures": 5, "params": {}, "pruner": {}}
    )
    sweep = Sweep(settings, url, None, None, config)  # type: ignore[arg-type]
    sweep._name, sweep._fixed, sweep._storage = "s", [], open_storage(url, make=True)
    sweep._study = optuna.create_study(study_name="s", storage=sweep._storage, direction="maximize")
    trial = sweep._study.ask()
    if "val_best" in returned:
        sweep._run_trials(None, [trial])
        assert [job for job in launched if "earlier" in job] == ["++search.earlier=[]", "++search.earlier=[0.7]"]
    else:
        with pytest.raises(ApsiError, match="must return val_best"):
            sweep._run_trials(None, [trial])


@pytest.mark.slow
def test_several_objectives_give_a_preset_for_each_best_trial(place: Place) -> None:
    place.run(*TINY, "hparams_search=success_and_calls", "hydra.sweeper.n_trials=2").succeeded()
    assert all(len(trial.values) == 2 for trial in trials(place))
    assert list((place.outputs / "search" / "s" / "experiment").glob("best_*.yaml"))


def test_a_search_whose_trials_all_fail_ends_with_the_reason(place: Place) -> None:
    settings = ["train.n_envs=0", "hydra.sweeper.n_trials=9", "hydra.sweeper.max_failures=2"]
    place.run(*TINY, *settings).failed("2 trials failed one after the other", "train.n_envs=0 must be at least 1")
    assert states(place) == ["FAIL", "FAIL"]


def test_a_mistyped_parameter_ends_the_search_at_once(place: Place) -> None:
    place.run(*TINY, "algo.gama=interval(0.1,0.2)").failed("gama", "gamma")
    assert states(place) == ["FAIL"]


@pytest.mark.slow
def test_trials_in_processes_of_joblib_are_child_runs_in_mlflow(place: Place) -> None:
    from mlflow import MlflowClient

    together = [
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
        "hydra.sweeper.n_jobs=2",
        "hydra.sweeper.n_trials=2",
    ]
    place.run(*TINY, *together, "tracking=mlflow", warm=False).succeeded()
    assert states(place) == ["COMPLETE", "COMPLETE"]
    client = MlflowClient(f"sqlite:///{place.outputs / 'mlflow.db'}")
    runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    (parent,) = (run for run in runs if run.info.run_name == "search s")
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert sorted(run.data.tags["apsi.trial"] for run in children) == ["0", "1"]
    assert {artifact.path for artifact in client.list_artifacts(parent.info.run_id)} == {"best.yaml", "report.html"}


def test_a_search_that_lacks_multirun_says_so(place: Place) -> None:
    place.run("hparams_search=ppo_optuna").failed("--multirun hparams_search=ppo_optuna")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["hydra.sweeper.n_trials=0"], "hydra.sweeper.n_trials=0"),
        (["hydra.sweeper.direction=[up]"], "hydra.sweeper.direction.0='up'"),
        (["hydra.sweeper.objective=[a,b]"], "one direction for each"),
        (["hydra.sweeper.seeds=[1,1]"], "names a seed twice"),
        (["hydra.sweeper.study_name=../up"], "hydra.sweeper.study_name"),
        (["hydra.sweeper.sampler._target_=os.system"], "os.system is not allowed"),
        (["hydra.sweeper.storage=postgresql://u:secret@127.0.0.1/x"], "PGPASSWORD"),
    ],
)
def test_a_wrong_setting_is_one_clear_error_before_anything_runs(place: Place, arguments: list[str], said: str) -> None:
    message = place.run(*TINY, *arguments).failed(said)
    assert "secret" not in message
    assert not (place.outputs / "search" / "s" / "0000").exists()


def test_the_name_of_another_search_is_refused(place: Place) -> None:
    url = storage_url(None, place.outputs)
    study = optuna.create_study(study_name="s", storage=open_storage(url, make=True), direction="maximize")
    study.set_user_attr("fixed", "something else")
    study.set_user_attr("settings", {"config": {"seed": 7}})
    place.run(*TINY).failed("study_name=s belongs to another search")


@pytest.fixture
def postgres() -> Iterator[str]:
    """A PostgreSQL server of this test's own on 127.0.0.1, run by a user without rights; yields a URL."""
    found = shutil.which("initdb") or next(iter(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
    if found is None:
        pytest.skip("PostgreSQL is not installed")
    pytest.importorskip("psycopg")
    binaries = Path(found).resolve().parent
    user: dict[str, Any] = {"user": "nobody"} if os.getuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if user:
        shutil.chown(folder, "nobody")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def call(name: str, *arguments: str) -> None:
        subprocess.run([binaries / name, "-D", folder / "db", *arguments], check=True, cwd=folder, stdout=-3, **user)

    password = folder / "password"
    password.write_text("only-here")
    password.chmod(0o644)
    call("initdb", "--username=apsi", "--auth=scram-sha-256", f"--pwfile={password}", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    call("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", options)
    try:
        yield f"postgresql://apsi@127.0.0.1:{port}/postgres"
    finally:
        call("pg_ctl", "stop", "-m", "immediate")
        shutil.rmtree(folder)


@pytest.mark.slow
def test_two_sweeps_share_one_study_on_postgresql(
    place: Place, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "only-here")
    place.run("task=preprocess").succeeded()
    command = [*TINY, "hydra.sweeper.n_trials=6", f"hydra.sweeper.storage={postgres}"]
    usual = [f"data_dir={place.data}", "debug=tiny", "tracking=none"]
    runs = [
        subprocess.Popen(
            [sys.executable, "run.py", *command, *usual, f"output_dir={tmp_path / name}"],
            cwd=REPOSITORY,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("here", "there")
    ]
    for run in runs:
        _, said = run.communicate(timeout=300)
        assert run.returncode == 0, said
    study = optuna.load_study(study_name="s", storage=open_storage(storage_url(postgres, tmp_path)))
    assert [trial.number for trial in study.trials] == list(range(6))
    assert {trial.state.name for trial in study.trials} <= {"COMPLETE", "PRUNED"}
    folders = [sorted(p.name for p in (tmp_path / name / "search" / "s").glob("00*")) for name in ("here", "there")]
    assert all(folders)  # both had some
    assert sorted(folders[0] + folders[1]) == [f"{i:04d}" for i in range(6)]  # each trial ran once, in one place
    for config in tmp_path.rglob("config.yaml"):
        assert "only-here" not in config.read_text()
