"""Twenty small photos, a juror that can be watched, and preparing in one call."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from apsi.dataset.folder import Folder
from apsi.degradation.base import Degradation
from apsi.degradation.sequential import Sequential
from apsi.juror.base import FittedJuror, Juror, Parameters
from apsi.photo import Floats, Photo
from apsi.photo.write import write_png
from apsi.preprocess.annotate import Annotate
from apsi.preprocess.base import Context
from apsi.preprocess.degrade import Degrade
from apsi.preprocess.engine.base import Engine
from apsi.preprocess.engine.local import Local
from apsi.preprocess.enlarge import Enlarge
from apsi.preprocess.fit_juror import FitJuror
from apsi.preprocess.resize import Resize
from apsi.preprocess.score import Score
from apsi.preprocess.split import Split
from apsi.preprocess.steps import Prepared, Steps
from apsi.worker_pool.inline import InlinePool

SEQUENTIAL = Sequential(["swap_rb", "invert_r", "invert_g"])


class Warmth(FittedJuror):
    """Likes red, dislikes blue and takes no notice of green; remembers what it was given."""

    def __init__(self) -> None:
        self.fitted_on: list[Photo] = []
        self.scored = 0
        self._level: float | None = None

    @property
    def is_fitted(self) -> bool:
        return self._level is not None

    @property
    def fingerprint(self) -> str:
        return f"warmth-{self._level}"

    def fit(self, photos: Iterable[Photo]) -> None:
        self.fitted_on += photos
        self._level = float(np.mean([photo.mean() for photo in photos]))

    def parameters(self) -> Parameters:
        return {"level": np.array(self._level)}

    def load_parameters(self, parameters: Parameters) -> None:
        self._level = float(parameters["level"])

    def score(self, photos: Sequence[Photo]) -> Floats:
        assert self._level is not None
        self.scored += len(photos)
        means = np.array([photo.mean(axis=(0, 1)) for photo in photos])
        return 5 + (means[:, 0] - means[:, 2]) / 51 * self._level / 255


class Prepare(Protocol):
    """Prepares a folder of photos with settings small enough for a test."""

    def __call__(
        self,
        folder: Path,
        data_dir: Path,
        *,
        juror: Juror | None = None,
        degradation: Degradation = ...,
        seed: int = 0,
        size: int = 32,
        per_photo: int = 3,
        versions: int = 1,
        open_pool: Callable[[Juror], AbstractContextManager[Juror]] = InlinePool,
        engine: Engine | None = None,
        keep_all: bool = False,
    ) -> Prepared: ...


@pytest.fixture(scope="session")
def prepare() -> Prepare:
    def run(
        folder: Path,
        data_dir: Path,
        *,
        juror: Juror | None = None,
        degradation: Degradation = SEQUENTIAL,
        seed: int = 0,
        size: int = 32,
        per_photo: int = 3,
        versions: int = 1,
        open_pool: Callable[[Juror], AbstractContextManager[Juror]] = InlinePool,
        engine: Engine | None = None,
        keep_all: bool = False,
    ) -> Prepared:
        enlarge = {"train": versions, "val": versions, "test": versions}
        pipeline = Steps(
            {
                "resize": Resize(size, "square", min_side=16),
                "split": Split(0.7, 0.15, 0.15),
                "enlarge": Enlarge(min_scale=0.5),
                "annotate": Annotate(),
                "fit_juror": FitJuror(),
                "score": Score(batch_size=8),
                "degrade": Degrade({"train": per_photo, "val": per_photo, "test": per_photo}),
            },
            engine or Local(None),
        )
        return pipeline.run(
            dataset=Folder(str(folder), enlarge, []),
            degradation=degradation,
            juror=juror or Warmth(),
            open_pool=open_pool,
            data_dir=data_dir,
            seed=seed,
            keep_all=keep_all,
        )

    return run


@pytest.fixture(scope="session")
def new_juror() -> Callable[[], Warmth]:
    return Warmth


@pytest.fixture(scope="session")
def new_photo() -> Callable[[int], Photo]:
    """A photo with much red, less green and little blue; another one for every seed."""

    def make(seed: int) -> Photo:
        noise = np.random.default_rng(seed).integers(0, 90, (36, 44, 3), dtype=np.uint8)
        return noise + np.array([150, 60, 0], np.uint8)

    return make


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory, new_photo: Callable[[int], Photo]) -> Path:
    """A folder of twenty photos, not to be changed."""
    folder = tmp_path_factory.mktemp("photos")
    for i in range(20):
        write_png(folder / f"{i:02d}.png", new_photo(i))
    return folder


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, photos: Path, prepare: Prepare) -> Prepared:
    """The twenty photos, two versions of each, prepared without a break; not to be changed."""
    return prepare(photos, tmp_path_factory.mktemp("whole"), versions=2)


@pytest.fixture
def context(photos: Path, tmp_path: Path) -> Context:
    """What the first step is given, with no folder filled yet."""
    dataset = Folder(str(photos), {"train": 1, "val": 1, "test": 1}, [])
    return Context(dataset, SEQUENTIAL, Warmth(), InlinePool, tmp_path / "data", seed=0)
