"""The site, built once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import REPOSITORY


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what `make docs` makes."""
    folder = tmp_path_factory.mktemp("site")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "NO_MKDOCS_2_WARNING": "1"}
    mkdocs = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    subprocess.run(mkdocs, cwd=REPOSITORY, env=environment, check=True)
    return folder
