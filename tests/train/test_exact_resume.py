"""A training that was broken off and goes on ends exactly like one that was not (on the CPU)."""

import io
import json
import random
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.models
from omegaconf import DictConfig, OmegaConf
from stable_baselines3.common.save_util import load_from_zip_file
from stable_baselines3.common.utils import set_random_seed

from apsi.agent.checkpoint import RUN, STATE, read_checkpoint, read_run_state
from apsi.config.build import prepare
from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.state import State, read_state, write_state
from apsi.tracking.none import NoTracker
from apsi.tracking.run_folder import RunFolder
from apsi.train.callbacks import ProgressCallback
from apsi.train.loop import train_agent
from apsi.train.run_state import random_state_kept
from tests.command_line import Place
from tests.fast import ALGORITHMS, EACH_ALGORITHM

HALF = 96
SMALL = ("debug=tiny", "device=cpu", "device.threads=1", "task=train", "resume=never", "seed=6", "train.images=0")
TRAIN = (f"train.total_timesteps={2 * HALF}", f"train.eval_every={HALF}", f"train.keep_every={HALF}")


def config_of(data: Path, *overrides: str) -> DictConfig:
    return load_config([*SMALL, *TRAIN, f"data_dir={data}", *overrides])


def trained(config: DictConfig, path: Path) -> RunFolder:
    folder = RunFolder.create(path, config)
    train_agent(config, prepare(config), folder, NoTracker())
    return folder


def on_from(checkpoint: Path, config: DictConfig, path: Path) -> RunFolder:
    again = config.copy()
    again.resume = str(checkpoint)
    return trained(again, path)


def tensors_of(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of networks and optimisers, by name."""
    _, parameters, variables = load_from_zip_file(path, load_data=False, device="cpu")
    return dict(flat({**parameters, "variables": variables}))


def flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in flat(inner, f"{name}/{key}")]
    if isinstance(value, list | tuple):
        return [pair for i, inner in enumerate(value) for pair in flat(inner, f"{name}/{i}")]
    return [(name, value)]


def run_of(path: Path) -> State:
    with zipfile.ZipFile(path) as archive, archive.open(RUN) as member:
        return read_state(member)


def curve_of(path: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        rows = json.loads(archive.read(STATE))["history"]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def require_same(path: Path, expected: Path) -> None:
    """Holds two last checkpoints equal in all but the time they took: networks, optimisers, memory, random states."""
    assert curve_of(path) == curve_of(expected)
    ours, theirs = tensors_of(path), tensors_of(expected)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        same = torch.equal(ours[name], value) if isinstance(value, torch.Tensor) else ours[name] == value
        assert same, name
    run, expected_run = flat(run_of(path)), flat(run_of(expected))
    assert [name for name, _ in run] == [name for name, _ in expected_run]
    for (name, value), (_, wanted) in zip(run, expected_run, strict=True):
        assert np.array_equal(value, wanted), name
    assert read_checkpoint(path).state.best == read_checkpoint(expected).state.best
    assert read_checkpoint(path).state.counters == read_checkpoint(expected).state.counters


@pytest.mark.parametrize("algo", EACH_ALGORITHM)
def test_every_algorithm_goes_on_as_if_it_had_never_stopped(algo: str, data_dir: Path, tmp_path: Path) -> None:
    config = config_of(data_dir, f"algo={algo}", *ALGORITHMS[algo])
    unbroken = trained(config, tmp_path / "unbroken")
    assert len(unbroken.step_checkpoints) >= 1
    middle = unbroken.step_checkpoints[0]
    start = read_checkpoint(middle).state.timesteps
    assert HALF <= start < read_checkpoint(unbroken.last_checkpoint).state.timesteps
    broken = on_from(middle, config, tmp_path / "broken")
    require_same(broken.last_checkpoint, unbroken.last_checkpoint)
    moved = [name for name, value in tensors_of(middle).items() if isinstance(value, torch.Tensor)]
    after = tensors_of(broken.last_checkpoint)
    assert any(not torch.equal(tensors_of(middle)[name], after[name]) for name in moved)


VARIANTS = {
    "curriculum": ["algo=a2c", "episodes=curriculum", "episodes.window=4", "episodes.success_rate=0.1"],
    "paid_late": ["algo=a2c", "env=multi_step", "env.extras=[steps_left,score,last_action]"],
    "distance": ["algo=a2c", "episodes=fresh", "reward=multi_objective"],
    "episodes_counted": [
        *("algo=dqn", "algo.learning_starts=8", "algo.buffer_size=64", "algo.batch_size=16", "algo.prioritized=true"),
        *("train.total_episodes=40", "train.eval_every=20", "train.keep_every=20", "algo/schedule=linear"),
    ],
    "plateau": ["algo=a2c", "algo/schedule=plateau", "algo.schedule.patience=0"],
    "outcomes_tried": [
        *("algo=recover", "transform=sensible", "episodes=fresh", "degradation=photographic", "env=repair"),
        *("algo.batch_size=8", "algo.updates=3", "algo.margin=0.01", "algo.optimizer.learning_rate=0.02"),
    ],
    "photos_ahead": [
        *("algo=undo", "episodes=curriculum", "algo.batch_size=8", "algo.updates=3"),
        *("episodes.window=70", "episodes.success_rate=0.01"),  # one level up before the break, one after it
    ],
}
QUICK = ("distance",)


@pytest.mark.parametrize("variant", [v if v in QUICK else pytest.param(v, marks=pytest.mark.slow) for v in VARIANTS])
def test_so_does_everything_else_that_changes_in_training(variant: str, data_dir: Path, tmp_path: Path) -> None:
    config = config_of(data_dir, *VARIANTS[variant])
    unbroken = trained(config, tmp_path / "unbroken")
    broken = on_from(unbroken.step_checkpoints[0], config, tmp_path / "broken")
    require_same(broken.last_checkpoint, unbroken.last_checkpoint)


@pytest.mark.slow
def test_a_network_that_is_free_to_learn_stays_so(data_dir: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(torchvision.models.mobilenet_v2(weights=None).state_dict(), tmp_path / "weights.pth")
    frozen = ["feature_extractor=mobilenet_v2", f"feature_extractor.weights={tmp_path / 'weights.pth'}"]
    frozen += ["feature_extractor.freeze=all", "feature_extractor.unfreeze_after=64"]
    config = config_of(data_dir, "algo=a2c", "algo.n_steps=4", *frozen)
    unbroken = trained(config, tmp_path / "unbroken")
    broken = on_from(unbroken.step_checkpoints[0], config, tmp_path / "broken")
    require_same(broken.last_checkpoint, unbroken.last_checkpoint)


def test_looking_at_the_validation_split_changes_no_random_number() -> None:
    set_random_seed(1)
    expected = [random.random(), np.random.random(), torch.rand(1).item()]
    set_random_seed(1)
    with random_state_kept():
        random.random()
        np.random.random(3)
        torch.rand(3)
    assert [random.random(), np.random.random(), torch.rand(1).item()] == expected


@pytest.mark.slow
def test_how_often_one_looks_and_saves_changes_nothing_that_is_learned(data_dir: Path, tmp_path: Path) -> None:
    config = config_of(data_dir, "algo=dqn", *ALGORITHMS["dqn"])
    often, seldom = config.copy(), config.copy()
    often.train.eval_every = often.train.checkpoint_every = 32
    seldom.train.eval_every = seldom.train.checkpoint_every = 10_000
    seldom.train.keep_every = None
    ours, theirs = (
        tensors_of(trained(c, tmp_path / name).last_checkpoint) for c, name in ((often, "often"), (seldom, "seldom"))
    )
    for name, value in theirs.items():
        assert torch.equal(ours[name], value) if isinstance(value, torch.Tensor) else ours[name] == value, name


@pytest.fixture(scope="module")
def finished(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[DictConfig, RunFolder]:
    """A short training, which kept a checkpoint after every rollout of 32 steps but at most 3."""
    config = config_of(data_dir, "algo=a2c", "algo.n_steps=4", "train.keep_every=32", "train.keep_at_most=3", "seed=5")
    return config, trained(config, tmp_path_factory.mktemp("finished"))


def test_only_the_latest_of_the_checkpoints_that_stay_do(finished: tuple[DictConfig, RunFolder]) -> None:
    _, folder = finished
    names = [path.name for path in folder.step_checkpoints]
    assert names == ["step_00000128.zip", "step_00000160.zip", "step_00000192.zip"]
    assert [read_checkpoint(path).state.timesteps for path in folder.step_checkpoints] == [128, 160, 192]


def test_the_best_checkpoint_is_small_and_says_what_going_on_from_it_lacks(
    finished: tuple[DictConfig, RunFolder], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config, folder = finished
    assert read_run_state(read_checkpoint(folder.best_checkpoint)) is None
    assert folder.best_checkpoint.stat().st_size < folder.last_checkpoint.stat().st_size
    longer = config.copy()
    longer.train.total_timesteps = 4 * HALF
    on_from(folder.best_checkpoint, longer, tmp_path / "on")
    assert "holds the agent only: training resumes with new episodes" in caplog.text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", 4),
        *(pytest.param(*changed, marks=pytest.mark.slow) for changed in (("train.n_envs", 4), ("env.max_steps", 3))),
    ],
)
def test_other_episodes_than_before_are_begun_anew_and_said_so(
    key: str, value: int, finished: tuple[DictConfig, RunFolder], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config, folder = finished
    other = config.copy()
    OmegaConf.update(other, key, value)
    other.train.total_timesteps = 3 * HALF
    after = on_from(folder.last_checkpoint, other, tmp_path / "on")
    memory = "" if key == "seed" else " and an empty memory"
    assert f"new episodes{memory}, as these have changed: {key.partition('.max')[0]}" in caplog.text
    assert read_checkpoint(after.last_checkpoint).state.timesteps >= 3 * HALF


@pytest.mark.slow
def test_the_best_checkpoint_of_a_later_time_is_not_taken_for_one_of_then(
    finished: tuple[DictConfig, RunFolder], tmp_path: Path
) -> None:
    config, folder = finished
    early, best = folder.step_checkpoints[0], read_checkpoint(folder.best_checkpoint).state
    if best.timesteps <= read_checkpoint(early).state.timesteps:
        pytest.fail("the training got no better after its first look: choose another seed")
    again = on_from(early, config, tmp_path / "again")
    require_same(again.last_checkpoint, folder.last_checkpoint)
    assert read_checkpoint(again.best_checkpoint).state.best == best.best


def test_a_state_that_does_not_fit_or_is_damaged_is_one_clear_error(
    finished: tuple[DictConfig, RunFolder], tmp_path: Path
) -> None:
    config, folder = finished
    breaks: list[tuple[Callable[[State], object] | None, str]] = [
        (lambda state: state["episodes"]["env"]["core"]["starts"].pop(), "7 episodes where 8 are needed"),
        (lambda state: state["episodes"].pop("random"), "random"),
        (lambda state: state["episodes"]["random"].update(torch=np.zeros(3, np.uint8)), "RNG state"),
        (None, "is damaged"),
    ]
    for change, message in breaks:
        path = tmp_path / "checkpoints" / "last.zip"
        path.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(folder.last_checkpoint) as source, zipfile.ZipFile(path, "w") as target:
            for name in source.namelist():
                data = source.read(name)
                if name == RUN and change is None:
                    data = data[: len(data) // 2]
                elif name == RUN and change is not None:
                    change(state := read_state(io.BytesIO(data)))
                    write_state(changed := io.BytesIO(), state)
                    data = changed.getvalue()
                target.writestr(name, data)
        longer = config.copy()
        longer.train.total_timesteps = 4 * HALF
        with pytest.raises(ApsiError, match=message) as raised:
            on_from(path, longer, tmp_path / "on")
        assert str(path) in str(raised.value) and "resume=never" in str(raised.value)


@pytest.mark.usefixtures("heeded_ctrl_c")
def test_a_training_that_ctrl_c_ended_goes_on_with_the_loss_of_the_latest_update(
    finished: tuple[DictConfig, RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, unbroken = finished

    def press(self: ProgressCallback) -> bool:
        if self.num_timesteps == HALF + 16:
            signal.raise_signal(signal.SIGINT)
        return True

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ProgressCallback, "_on_step", press)
        trained(config, tmp_path / "broken")
    last = tmp_path / "broken" / "checkpoints" / "last.zip"
    assert HALF < read_checkpoint(last).state.timesteps < 2 * HALF
    require_same(on_from(last, config, tmp_path / "on").last_checkpoint, unbroken.last_checkpoint)


TOTAL = 640
SAVING = (f"train.total_timesteps={TOTAL}", "train.eval_every=320", "train.checkpoint_every=128")


@pytest.mark.parametrize(
    ("number", "algo"),
    [
        (signal.SIGKILL, "ppo"),
        pytest.param(signal.SIGTERM, "ppo", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, "dqn", marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, "full_q", marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, "undo", marks=pytest.mark.slow),
    ],
)
def test_the_same_command_again_after_a_signal_ends_as_if_there_had_been_none(
    number: signal.Signals, algo: str, data_dir: Path, tmp_path: Path
) -> None:
    command = ("task=train", "device=cpu", *SAVING, f"algo={algo}", *ALGORITHMS[algo])
    unbroken, broken = Place(tmp_path / "unbroken", data_dir), Place(tmp_path / "broken", data_dir)
    for place in (unbroken, broken):
        place.root.mkdir()
    unbroken.run(*command).succeeded()

    def last() -> Path:
        return RunFolder(broken.folder("train")).last_checkpoint

    outcome = broken.start(*command).send(number, once=lambda: bool(broken.folders("train")) and last().exists())
    assert outcome.code == (-number if number == signal.SIGKILL else 128 + number), outcome.err
    stopped = read_checkpoint(last()).state.timesteps
    assert 0 < stopped < TOTAL
    broken.run(*command).succeeded()
    assert len(broken.folders("train")) == 2
    require_same(last(), RunFolder(unbroken.folder("train")).last_checkpoint)
