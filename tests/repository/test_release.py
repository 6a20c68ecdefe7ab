"""A release has the notes of its version, and packages that hold all they should and nothing else."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from apsi import __version__
from tests.command_line import REPOSITORY

SCRIPT = REPOSITORY / ".github" / "release_notes.py"
CHANGELOG = """# Changelog

## 0.3.0 (unreleased)

- Later.

## 0.2.0 (2027-01-31)

- New,
  and more.
- `##` too.

## 0.1.0 (2026-12-01)

"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = spec_from_file_location("release_notes", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def repository(folder: Path, version: str) -> Path:
    """The files that name a version, and `CHANGELOG`."""
    (folder / "apsi").mkdir()
    (folder / "apsi" / "__init__.py").write_text(f'__version__ = "{version}"\n')
    (folder / "pyproject.toml").write_text(f'[project]\nname = "apsi"\nversion = "{version}"\n')
    (folder / "CITATION.cff").write_text(f"cff-version: 1.2.0\nversion: {version}\n")
    (folder / "CHANGELOG.md").write_text(CHANGELOG)
    return folder


def test_the_notes_are_the_section_of_the_version(script: ModuleType, tmp_path: Path) -> None:
    notes = script.release_notes("v0.2.0", repository(tmp_path, "0.2.0"))
    assert notes == "- New,\n  and more.\n- `##` too.\n"


@pytest.mark.parametrize(
    ("tag", "version", "says"),
    [
        ("0.2.0", "0.2.0", "not the tag of a release"),
        ("", "0.2.0", "not the tag of a release"),
        ("v0.2.0", "0.2.1", "pyproject.toml has version 0.2.1"),
        ("v0.3.0", "0.3.0", r"needs one section .* '## 0.3.0 \("),
        ("v0.4.0", "0.4.0", r"needs one section .* '## 0.4.0 \("),
        ("v0.1.0", "0.1.0", "says nothing below '## 0.1.0"),
    ],
)
def test_without_fitting_notes_there_is_no_release(
    script: ModuleType, tag: str, version: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=says):
        script.release_notes(tag, repository(tmp_path, version))


def test_all_files_name_one_version_and_the_changelog_has_it(script: ModuleType) -> None:
    for name, pattern in script.VERSIONS.items():
        assert re.findall(pattern, (REPOSITORY / name).read_text(encoding="utf-8"), re.MULTILINE) == [__version__]
    assert f"\n## {__version__} (" in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_script_ends_with_one_message() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "v9.9.9"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == f"Error: pyproject.toml has version {__version__}, the tag is v9.9.9: make them the same\n"


def kept_files() -> list[str]:
    """What the repository consists of: what git keeps, or would."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted({name for name in listed if name and (REPOSITORY / name).is_file()})


@pytest.mark.slow
@pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="only git knows which files are the repository's")
def test_the_packages_of_the_workflow_pass_its_checks_and_hold_the_files_of_the_repository(tmp_path: Path) -> None:
    kept = kept_files()
    for name in kept:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, tmp_path / name)
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))
    (build,) = [step["run"] for step in workflow["jobs"]["build"]["steps"] if step.get("name") == "Build both packages"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", "-euo", "pipefail", "-c", build]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    packages = {package.name: package for package in (tmp_path / "dist").iterdir()}
    assert set(packages) == {f"apsi-{__version__}.tar.gz", f"apsi-{__version__}-py3-none-any.whl"}
    with tarfile.open(packages[f"apsi-{__version__}.tar.gz"]) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
    held = {member.name.removeprefix(f"apsi-{__version__}/") for member in members}
    assert held == {*kept, "PKG-INFO"}
    assert sum(member.size for member in members) < 20e6  # no photos, no runs
