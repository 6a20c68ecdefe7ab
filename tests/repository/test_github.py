"""What the repository's host reads follows its schemas, and asks for no more than it needs."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema import main
from click.testing import CliRunner

from tests.command_line import REPOSITORY

HOST = REPOSITORY / ".github"
WORKFLOWS = sorted((HOST / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (HOST / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("custom.github-workflows-require-timeout", WORKFLOWS),
        ("vendor.dependabot", [HOST / "dependabot.yml"]),
        ("vendor.github-issue-forms", FORMS),
        ("vendor.github-issue-config", [HOST / "ISSUE_TEMPLATE" / "config.yml"]),
        ("vendor.citation-file-format", [REPOSITORY / "CITATION.cff"]),
    ],
)
def test_files_follow_their_schemas(schema: str, files: list[Path]) -> None:
    assert files
    done = CliRunner().invoke(main, ["--builtin-schema", schema, *map(str, files)])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_starts_without_permissions_and_takes_actions_by_their_commit(path: Path) -> None:
    assert read(path)["permissions"] == {}
    used = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    assert used and [one for one in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


def test_every_change_is_checked_on_the_python_versions_that_the_package_names() -> None:
    jobs = read(HOST / "workflows" / "ci.yml")["jobs"]
    named = [one.rpartition(" ")[2] for one in PYPROJECT["project"]["classifiers"] if "Python :: 3." in one]
    assert jobs["check"]["strategy"]["matrix"]["python"] == named
    assert PYPROJECT["project"]["requires-python"] == f">={named[0]}"
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{named[0].replace('.', '')}"
    assert PYPROJECT["tool"]["mypy"]["python_version"] == named[0]
    assert jobs["check"]["steps"][-1]["run"] == "bash .ci/run"
    assert jobs["slow"]["steps"][-1]["run"] == "make test-slow"


def test_hooks_before_a_commit_are_the_tools_that_the_constraints_name() -> None:
    pinned = {line.partition("==")[0] for line in (REPOSITORY / "constraints.txt").read_text().splitlines()}
    repos = read(REPOSITORY / ".pre-commit-config.yaml")["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    tools = {re.sub(r"^\.venv/bin/(\S+).*", r"\1", hook["entry"]) for hook in repos[0]["hooks"]}
    assert {"ruff", "mypy"} <= tools <= pinned


def test_the_pages_that_the_host_shows_link_to_files_and_headings_that_exist() -> None:
    pages = [REPOSITORY / f"{name}.md" for name in ("CONTRIBUTING", "CODE_OF_CONDUCT", "SECURITY")]
    links = [link for page in pages for link in re.findall(r"\]\((?!https:)([^)]+)\)", page.read_text("utf-8"))]
    assert len(links) >= 7
    for link in links:
        file, _, anchor = link.partition("#")
        headings = re.findall(r"^#+ (.+)$", (REPOSITORY / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert not anchor or anchor in [heading.lower().replace(" ", "-") for heading in headings], link


@pytest.mark.slow
def test_workflows_have_nothing_that_a_security_linter_minds() -> None:
    linter = shutil.which("zizmor")
    assert linter is not None, "pip install -e '.[dev]' -c constraints.txt"
    done = subprocess.run(
        [linter, "--offline", "--no-progress", str(HOST)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
