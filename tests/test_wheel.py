"""apsi as people install it: the wheel holds what is needed and no more, and works where no checkout is."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from apsi import __version__
from apsi.photo.write import write_png
from tests.command_line import REPOSITORY, Outcome, read_json
from tests.conftest import natural_photo

OWN_REWARD = """
from dataclasses import dataclass
from apsi.photo import Floats
from apsi.reward.base import Reward, Transition


@dataclass(frozen=True)
class Hurried(Reward):
    price: float

    def __call__(self, transition: Transition) -> Floats:
        return transition.after - transition.before - self.price * transition.step
"""
OWN_OPTION = "# Score difference, each step dearer\n_target_: my_rewards.Hurried\nprice: 0.02\n"
GYMNASIUM = """
import {imports}
env = gymnasium.make("{name}apsi/PhotoEdit-v0", overrides=["debug=tiny"], quiet=True, render_mode="rgb_array")
observation, info = env.reset(seed=1)
print(observation.shape, env.step(0)[4]["step"])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from this checkout, with what is installed here."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel; the libraries are this environment's, the checkout is out of sight."""

    environment: Path
    root: Path

    def run(self, *command: str, allow: str = "", path: str = "") -> Outcome:
        """Runs a program of the environment in a folder of its own."""
        variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        variables |= {"OMP_NUM_THREADS": "1", "APSI_ALLOW": allow, "PYTHONPATH": path}
        program = str(self.environment / ("Scripts" if os.name == "nt" else "bin") / command[0])
        done = subprocess.run(
            [program, *command[1:]], cwd=self.root, env=variables, capture_output=True, text=True, check=False
        )
        return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    place = Installed(environment, tmp_path_factory.mktemp("anywhere"))
    (packages,) = place.run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").out.split()
    Path(packages, "libraries.pth").write_text(sysconfig.get_path("purelib"))  # none of the .pth files in there count
    pip = [sys.executable, "-m", "pip", "--python", str(environment), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--ignore-installed", str(wheel)], check=True, capture_output=True)
    return place


def files(folder: str, suffixes: Sequence[str] = ()) -> set[str]:
    """What belongs into a wheel below a folder of the checkout."""
    paths = [path for path in (REPOSITORY / folder).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return {path.relative_to(REPOSITORY).as_posix() for path in paths if not suffixes or path.suffix in suffixes}


def test_the_wheel_holds_the_code_every_option_and_every_template_and_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        about = f"apsi-{__version__}.dist-info"
        metadata = archive.read(f"{about}/METADATA").decode()
        entry_points = archive.read(f"{about}/entry_points.txt").decode()
    options = {f"apsi/{name}" for name in files("conf", [".yaml"])}
    assert {name for name in names if not name.startswith(about)} == files("apsi") | options
    assert len(options) > 100
    assert {
        "apsi/conf/config.yaml",
        "apsi/web/style.css",
        "apsi/evaluate/templates/report.html.j2",
        "apsi/studio/static/advice.js",
        "apsi/advise/words/de.po",
        "apsi/agent/repair/repair.zip",
    } <= names
    assert f"{about}/licenses/LICENSE" in names and "# apsi: Agentic Photography Instructor" in metadata
    assert "apsi = apsi.main:main" in entry_points


@pytest.mark.slow
def test_the_installed_command_runs_the_whole_pipeline_in_whatever_folder(installed: Installed) -> None:
    outcome = installed.run("apsi", "debug=tiny").succeeded()
    run = (installed.root / "outputs" / "latest").resolve()
    assert run.parent == installed.root / "outputs" / "pipeline"
    assert (run / "report.html").is_file() and (run / "run.log").is_file()
    assert (installed.root / "data" / "prepared").is_dir() and (installed.root / "outputs" / "mlflow.db").is_file()
    assert read_json(run / "run.json")["git"] == {"commit": None, "dirty": None}
    assert str(run / "report.html") in outcome.out
    where = installed.run("python", "-c", "import apsi; print(apsi.__file__)").out.strip()
    assert Path(where).is_relative_to(installed.environment)


@pytest.mark.slow
def test_the_installed_command_advises_on_a_photo(installed: Installed) -> None:
    write_png(installed.root / "photo.png", natural_photo(0, 90, 120))
    said = installed.run("apsi", "task=advise", "photo=photo.png", "language=de").succeeded().out
    assert (installed.root / "outputs" / "latest" / "advice.html").is_file() and "photo.png: " in said


@pytest.mark.slow
def test_the_installed_command_takes_what_run_py_takes(installed: Installed) -> None:
    text = installed.run("apsi", "--help").succeeded().out
    assert "apsi dataset=folder dataset.path=" in text and "run.py" not in text
    assert "Dqn" in installed.run("apsi", "--cfg", "job", "algo=dqn").succeeded().out
    installed.run("apsi", "alog=dqn").failed("'alog'", "'algo'")
    assert "-F hydra_bash_completion apsi" in installed.run("apsi", "-sc", "install=bash").succeeded().out
    several = ("task=preprocess", "debug=tiny", "tracking=none", "run_name=several")
    installed.run("apsi", "--multirun", "seed=1,2", *several).succeeded()
    assert (installed.root / "outputs" / "multirun" / "several" / "1" / "run.log").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(("imports", "name"), [("apsi.env, gymnasium", ""), ("gymnasium", "apsi.env:")])
def test_gymnasium_makes_the_environment(installed: Installed, imports: str, name: str) -> None:
    code = GYMNASIUM.format(imports=imports, name=name)
    assert installed.run("python", "-c", code).succeeded().out.strip() == "(3, 36, 36) 1"


@pytest.mark.slow
def test_options_of_ones_own_run_out_of_a_folder_of_ones_own(installed: Installed) -> None:
    mine = installed.root / "mine"
    (mine / "reward").mkdir(parents=True)
    (mine / "my_rewards.py").write_text(OWN_REWARD)
    (mine / "reward" / "hurried.yaml").write_text(OWN_OPTION)
    command = ("apsi", "--config-dir=mine", "reward=hurried", "debug=tiny", "policy=[agent]", "tracking=none")
    assert "hurried" in installed.run("apsi", "--config-dir=mine", "--help").succeeded().out
    installed.run(*command).failed("my_rewards.Hurried is not allowed", "APSI_ALLOW=my_rewards")
    installed.run(*command, allow="my_rewards").failed("No module named 'my_rewards'", "PYTHONPATH")
    installed.run(*command, allow="my_rewards", path="mine").succeeded()
    checkpoint = installed.root / "outputs" / "latest" / "checkpoints" / "best.zip"
    evaluate = ("apsi", "task=evaluate", f"checkpoint={checkpoint}", "tracking=none")
    installed.run(*evaluate).failed("reward._target_=my_rewards.Hurried is not allowed")
    installed.run(*evaluate, allow="my_rewards", path="mine").succeeded()
