"""`gymnasium.make("apsi/PhotoEdit-v0")`: arguments, errors and what it warns of."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import pytest
import torch
from gymnasium.utils.env_checker import check_env as gymnasium_check
from stable_baselines3.common.env_checker import check_env as sb3_check

import apsi.env  # registers apsi/PhotoEdit-v0
from apsi.config import environment
from apsi.config.environment import from_overrides
from apsi.console import track
from apsi.errors import ApsiError

TINY = ["debug=tiny", "degradation=single"]


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.filterwarnings("error")
@pytest.mark.usefixtures("one_thread")
def test_gymnasium_makes_the_registered_environment_and_both_checkers_pass(data_dir: Path) -> None:
    assert apsi.env.__doc__
    arguments: dict[str, Any] = {"overrides": TINY, "data_dir": data_dir, "quiet": True, "render_mode": "rgb_array"}
    env = gymnasium.make("apsi/PhotoEdit-v0", **arguments)
    observation, info = env.reset(seed=1)
    assert observation.shape == (3, 36, 36)
    assert 0 <= info["score"] < info["target_score"] <= 10
    sb3_check(env.unwrapped)
    gymnasium_check(env.unwrapped, skip_render_check=True)
    env.close()


@pytest.mark.usefixtures("one_thread")
def test_the_split_is_what_the_argument_or_an_override_says_and_they_must_agree(data_dir: Path) -> None:
    for overrides, argument, expected in (
        ([], None, "train"),
        (["split=val"], None, "val"),
        (["split=val"], "val", "val"),
    ):
        env = from_overrides([*TINY, *overrides], split=argument, data_dir=data_dir)
        assert env._core.source.context.split.name == expected
        env.close()
    with pytest.raises(ApsiError, match=r"split='test' contradicts overrides, where it is 'val'"):
        from_overrides([*TINY, "split=val"], split="test", data_dir=data_dir)
    with pytest.raises(ApsiError, match=r"data_dir=.* contradicts overrides, where it is '/else'"):
        from_overrides([*TINY, "data_dir=/else"], data_dir=data_dir)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("alog=dqn", r"Could not override 'alog'\.\nKey 'alog' not in 'Config'\. Did you mean: 'algo'"),
        ("env.max_step=3", "Did you mean: 'max_steps'"),
        ("algo=dqqn", "Did you mean 'dqn'"),
        ("split=vall", "expected one of .*'val'"),
        ("env.max_steps=many", r"env\.max_steps='many': input should be a valid integer"),
        ("dataset=folder", r'dataset\.path has no value; add "dataset\.path=\.\.\." to overrides'),
    ],
)
def test_an_override_that_cannot_be_is_an_error_that_suggests_what_can(override: str, says: str) -> None:
    with pytest.raises(ApsiError, match=says) as raised:
        from_overrides([override])
    assert "+" not in str(raised.value)


def test_quiet_shows_no_progress_bar_and_a_first_time_otherwise_does(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare = environment.prepare

    def as_if_for_the_first_time(config: Any) -> Any:
        list(track(range(2), "Preparing", 2))
        return prepare(config)

    monkeypatch.setattr(environment, "prepare", as_if_for_the_first_time)
    shown = []
    for quiet in (True, False):
        from_overrides(TINY, data_dir=data_dir, quiet=quiet).close()
        shown.append("Preparing" in "".join(capsys.readouterr()))
    assert shown == [False, True]


def test_several_threads_of_torch_are_warned_of_once(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_warned", [])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    with pytest.warns(UserWarning, match=r"4 threads.*torch\.set_num_threads\(1\)") as caught:
        for _ in range(2):
            from_overrides(TINY, data_dir=data_dir).close()
    assert len([warning for warning in caught if "threads" in str(warning.message)]) == 1
