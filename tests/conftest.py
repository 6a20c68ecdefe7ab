"""Shared by all tests: made photos, a juror that is easy to predict, prepared episodes."""

import gc
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from apsi.degradation.single import Single
from apsi.env.core import EnvComponents
from apsi.env.optimise import Optimise
from apsi.env.restore import Restore
from apsi.episodes.base import EpisodeContext, EpisodeSource, Start
from apsi.juror.base import Juror
from apsi.photo import Floats, Photo
from apsi.photo.prepared import Episode, PhotoStore, PreparedSplit
from apsi.photo.write import write_png
from apsi.reward.bonus import NoBonus
from apsi.reward.score_difference import ScoreDifference
from apsi.torchvision_ops import define_missing
from apsi.tracking.mlflow_store import MlflowStore
from apsi.transform.action_set import DiscreteActions
from apsi.transform.catalogue import by_label

if TYPE_CHECKING:
    from apsi.policy.base import Policy
    from apsi.policy.rollout import EpisodeResult

_STATE = tempfile.TemporaryDirectory()
os.environ["XDG_STATE_HOME"] = _STATE.name  # the key by which apsi knows its own checkpoints
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # dozens of processes begin here: what one compiled the next reads
sys.dont_write_bytecode = False
os.environ["APSI_CACHE_DIR"] = f"{_STATE.name}/cache"  # what is measured here is no setting for the user

LABELS = ["invert_r", "invert_g", "invert_b", "swap_rb"]


def natural_photo(seed: int, height: int = 48, width: int = 64) -> Photo:
    """A made photo with a bright sky, a darker ground and correlated colours: something a juror can tell from noise."""
    rng = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(rng.normal(0, 60, (height, width)).astype(np.float32), (0, 0), 2)
    light = np.linspace(190, 70, height, dtype=np.float32)[:, None] + texture
    tint = np.array([1.0, 0.95, 0.85]) + rng.normal(0, 0.03, 3)
    return np.clip(light[..., None] * tint, 0, 255).astype(np.uint8)


class Redness(Juror):
    """Likes red, dislikes blue; remembers the sizes of its batches."""

    fingerprint = "redness"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def score(self, photos: Sequence[Photo]) -> Floats:
        self.batches.append(len(photos))
        means = np.array([photo.mean(axis=(0, 1)) for photo in photos])
        return 5 + (means[:, 0] - means[:, 2]) / 51


def pytest_collection() -> None:
    """Where tests are collected: the process that only hands them out need not wait for torch."""
    define_missing()


def pytest_collection_finish() -> None:
    """What was imported stays: looking through it for garbage again and again takes a tenth of the time of all else."""
    gc.collect()
    gc.freeze()


_LONGEST = (
    *("test_matrix.py", "test_cli.py", "test_errors.py", "test_exact_resume.py", "test_record.py", "test_conf.py"),
    *("test_checkpoint.py", "test_interrupt.py", "test_neural.py", "test_rewards.py", "test_flaws.py"),
    *(
        "test_multirun.py",
        "test_steps.py",
        "test_lossless.py",
        "test_full_information.py",
        "test_cube.py",
        "test_ray.py",
    ),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take longest come first, so that no worker is left with one of them at the end."""
    items.sort(key=lambda item: _LONGEST.index(item.path.name) if item.path.name in _LONGEST else len(_LONGEST))


@pytest.fixture(scope="session", autouse=True)
def configuration_files_are_read_once() -> Iterator[None]:
    from tests.configurations import read_once

    with pytest.MonkeyPatch.context() as patch:
        read_once(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_thread_for_each_worker() -> Iterator[None]:
    """As there are workers for all cores: threads that wait for each other slow tests side by side."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session", autouse=True)
def databases_wait_for_no_disk() -> None:
    from tests.databases import wait_for_no_disk

    wait_for_no_disk()


@pytest.fixture
def photo() -> Photo:
    return natural_photo(0)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of prepared photos for all tests of a worker: what one test prepared the next finds."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database to copy, made once for all workers: making one takes seconds."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "mlflow"
    shared.mkdir(exist_ok=True)
    MlflowStore(None, shared).client  # noqa: B018  # makes it, or waits for who does
    return shared / "mlflow.db"


@pytest.fixture
def juror() -> Redness:
    return Redness()


@pytest.fixture
def split(tmp_path: Path) -> PreparedSplit:
    """Two reddish photos of different sizes with red and blue exchanged, and a third with red inverted."""
    episodes = []
    for i, (label, shape) in enumerate((("swap_rb", (40, 50)), ("swap_rb", (64, 64)), ("invert_r", (41, 37)))):
        noise = np.random.default_rng(i).integers(0, 90, (*shape, 3), dtype=np.uint8)
        original = noise + np.array([150, 60, 0], np.uint8)
        degraded = by_label(label)(original)
        write_png(tmp_path / f"{i}.png", degraded)
        write_png(tmp_path / f"o{i}.png", original)
        start, target = Redness().score([degraded, original]).tolist()
        episodes.append(
            Episode(tmp_path / f"{i}.png", tmp_path / f"o{i}.png", f"{i}.jpg", f"hash{i}", (label,), start, target)
        )
    return PreparedSplit("train", tuple(episodes), "redness", 0, (tmp_path,), "digest")


def context(split: PreparedSplit, seed: int = 0) -> EpisodeContext:
    """What sources of training episodes are made from; degrades by one of `LABELS`."""
    return EpisodeContext(split, Single(LABELS), Redness(), PhotoStore(), np.random.default_rng(seed))


class InOrder(EpisodeSource):
    """The episodes of a split again and again."""

    taken = 0

    def draw(self, count: int) -> list[Start]:
        episodes = self.context.split.episodes
        drawn = [Start.of(episodes[(self.taken + i) % len(episodes)], self.context.store) for i in range(count)]
        self.taken += count
        return drawn

    def reseed(self, seed: int) -> None:
        self.taken = 0


@pytest.fixture
def restore(juror: Redness) -> EnvComponents:
    """Repairing within 3 steps, with the actions of `LABELS`."""
    return EnvComponents(
        Restore(3, [36, 36], stop=False, extras=[]),
        DiscreteActions(LABELS),
        ScoreDifference(NoBonus(planned=False)),
        juror,
    )


@pytest.fixture
def optimise(juror: Redness) -> EnvComponents:
    """Improving within 3 steps, with the actions of `LABELS` and STOP."""
    return EnvComponents(
        Optimise(3, [36, 36], stop=True, extras=[]),
        DiscreteActions(LABELS, stop=True),
        ScoreDifference(NoBonus(planned=False)),
        juror,
    )


@pytest.fixture
def results(restore: EnvComponents, split: PreparedSplit) -> "dict[str, list[EpisodeResult]]":
    """The episodes of `split` played by two policies."""
    from apsi.evaluate.measure import distance
    from apsi.policy.base import PolicyContext
    from apsi.policy.greedy import Greedy
    from apsi.policy.nothing import Nothing
    from apsi.policy.rollout import roll_out

    def play(kind: "type[Policy]") -> "list[EpisodeResult]":
        policy = kind(PolicyContext(restore, None, np.random.default_rng(0)))
        taken = roll_out(
            policy,
            restore,
            split.episodes,
            batch_size=2,
            store=PhotoStore(),
            pictures=2,
            measures={"distance": distance},
        )
        return list(taken)

    return {"greedy": play(Greedy), "nothing": play(Nothing)}


@pytest.fixture
def heeded_ctrl_c() -> Iterator[None]:
    """SIGINT interrupts this process; it is ignored where a shell started the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
