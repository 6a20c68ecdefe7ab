"""Where runs and data lie."""

from pathlib import Path

import pytest


@pytest.fixture
def output_dir(tmp_path: Path) -> Path:
    return tmp_path.resolve() / "outputs"


@pytest.fixture
def prepared_dir(tmp_path: Path) -> Path:
    return tmp_path.resolve() / "data" / "prepared"
