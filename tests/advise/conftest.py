"""An editor that finds by search what is known to be right."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from apsi.advise.editor import Editor
from apsi.advise.series import Job
from apsi.advise.words import Words
from apsi.config.compose import load_config
from tests.conftest import Redness, natural_photo

SEARCH = [
    *("task=advise", "policy=greedy", "env.max_steps=3", "preprocess.steps.resize.size=64"),
    "transform.labels=[warmth,coolness,swap_rb]",
]


@pytest.fixture(scope="session")
def editor() -> Editor:
    """Takes what makes photos redder, by trying."""
    return Editor(load_config(SEARCH), Redness())


@pytest.fixture
def job(editor: Editor, tmp_path: Path) -> Job:
    return Job(tmp_path / "out", Words(), "key", editor=editor, workers=2)


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Writes a made photo as a file: `save("a.jpg", seed)`."""

    def write(name: str, seed: int = 0, height: int = 90, width: int = 120, **options: object) -> Path:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(natural_photo(seed, height, width)).save(path, **options)
        return path

    return write
