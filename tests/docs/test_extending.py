"""The examples of docs/extending.md work as they stand there, and take no edit beside them."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from apsi.dataset.sample import PHOTOS, Sample
from tests.command_line import REPOSITORY

PAGE = (REPOSITORY / "docs" / "extending.md").read_text(encoding="utf-8")
SHOWN = dict(re.findall(r"^```(?:python|yaml)\n# (\S+/\S+)\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL))
"""What the page shows, by the place where it belongs"""
FILES = {file: text for file, text in SHOWN.items() if not (REPOSITORY / file).exists()}
"""The examples that are added"""
COMMANDS = re.findall(r"^python run\.py (.+)$", PAGE, re.MULTILINE)
COPIED = ("apsi", "conf", "docs", "tests", "CHANGELOG.md", "README.md", "mkdocs.yml", "pyproject.toml", "run.py")
TINY = ["debug=tiny", "device=cpu", "tracking=none", "train.total_timesteps=256", "train.images=0"]


def test_each_kind_is_shown_with_its_one_or_two_files_and_a_command() -> None:
    modules = [file.split("/") for file in FILES if file.endswith(".py")]
    assert {room for _, room, _ in modules} == {"transform", "reward", "juror", "algo", "task", "dataset", "policy"}
    for _, room, name in modules:
        option = f"conf/{room}/{Path(name).stem}.yaml"
        assert (option in FILES) == (room != "transform"), option
    assert len(COMMANDS) == len(modules) + 1  # a set of actions is one YAML file
    assert all(len(text.splitlines()) <= 45 for text in FILES.values())


def test_a_file_that_is_there_already_is_shown_as_it_is() -> None:
    for file in SHOWN.keys() - FILES.keys():
        assert SHOWN[file] == (REPOSITORY / file).read_text(encoding="utf-8"), file


@pytest.mark.parametrize("file", [file for file in FILES if file.endswith(".py")])
def test_an_example_defines_what_its_file_of_settings_names(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, room, name = file.split("/")
    (tmp_path / name).write_text(FILES[file], encoding="utf-8")
    module = f"apsi.{room}.{Path(name).stem}"
    spec = importlib.util.spec_from_file_location(module, tmp_path / name)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, module, loaded)
    spec.loader.exec_module(loaded)
    if room == "transform":
        assert all(transform.advice.endswith(".") for transform in loaded.TRANSFORMS)
        return
    content = yaml.safe_load(FILES[f"conf/{room}/{Path(name).stem}.yaml"])
    content = content.get(Path(name).stem, content)
    assert getattr(loaded, content["_target_"].removeprefix(f"{module}.")) is not None


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with every example added, and nothing else changed."""
    root = tmp_path_factory.mktemp("extended")
    for name in COPIED:
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, root / name)
    for file, text in FILES.items():
        (root / file).write_text(text, encoding="utf-8")
    photos = [str(file.path) for file in Sample({}).listing().files]
    assert len(photos) == len(PHOTOS)
    (root / "photos.txt").write_text("\n".join(photos), encoding="utf-8")
    return root


def run(root: Path, *command: str) -> str:
    """Runs a command of this environment in the copy, with the copy's apsi; what it printed."""
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "NO_MKDOCS_2_WARNING": "1"}
    program = str(Path(sys.executable).parent / command[0])
    done = subprocess.run(
        [program, *command[1:]], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_of_an_example_runs(command: str, extended: Path) -> None:
    said = run(extended, "python", "run.py", *shlex.split(command), *TINY)
    assert "Run folder: " in said


@pytest.mark.slow
def test_help_and_the_site_show_the_examples_without_a_further_edit(extended: Path) -> None:
    text = run(extended, "python", "run.py", "--help")
    run(extended, "mkdocs", "build", "--strict", "--quiet")
    pages = "".join((extended / "site" / name).read_text() for name in ("configuration.html", "jurors.html"))
    for file in FILES:
        if file.startswith("conf/"):
            assert re.search(rf"^  {Path(file).stem} +\S", text, re.MULTILINE)
            assert f"<code>{Path(file).stem}</code>" in pages
    assert "Measuring colourfulness" in pages


@pytest.mark.slow
def test_the_examples_pass_the_checks_and_the_tests_that_walk_all_options(extended: Path) -> None:
    for tool in ("ruff format --check apsi", "ruff check apsi", "mypy"):
        run(extended, *tool.split())
    tests = ("python", "-m", "pytest", "-n", "0", "-q")
    names = " or ".join(Path(file).stem for file in FILES)
    run(
        extended, *tests, "tests/test_conf.py", "tests/docs/test_hooks.py", "-k", f"{names} or hydra_sees or test_hooks"
    )
    run(extended, *tests, "tests/test_matrix.py", "tests/transform", "-k", f"{names} or full_is")
