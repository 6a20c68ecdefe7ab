"""`apsi/PhotoEdit-v0` as people meet it: arguments, errors, `info` and pictures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env as gymnasium_check
from stable_baselines3.common.env_checker import check_env as sb3_check

import apsi.env  # registers apsi/PhotoEdit-v0
from apsi.config import build
from apsi.config.environment import from_overrides
from apsi.console import track
from apsi.env import gym_env
from apsi.env.core import EnvComponents
from apsi.env.frame import CAPTION, SIDE, frame
from apsi.env.gym_env import PhotoEditEnv
from apsi.episodes.fresh import FreshEpisodes
from apsi.episodes.prepared import PreparedEpisodes
from apsi.errors import ApsiError
from apsi.photo.prepared import PreparedSplit
from apsi.transform.recipe import Recipe
from tests.conftest import LABELS, InOrder, context, natural_photo

TINY = ["debug=tiny", "degradation=single"]
SWAP_RB, STOP = 3, 4


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
    prepare = build.prepare

    def as_if_for_the_first_time(config: Any) -> Any:
        list(track(range(2), "Preparing", 2))
        return prepare(config)

    monkeypatch.setattr(build, "prepare", as_if_for_the_first_time)
    shown = []
    for quiet in (True, False):
        from_overrides(TINY, data_dir=data_dir, quiet=quiet).close()
        shown.append("Preparing" in "".join(capsys.readouterr()))
    assert shown == [False, True]


def test_several_threads_of_torch_are_warned_of_once(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gym_env, "_warned", [])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    with pytest.warns(UserWarning, match=r"4 threads.*torch\.set_num_threads\(1\)") as caught:
        for _ in range(2):
            from_overrides(TINY, data_dir=data_dir).close()
    assert len([warning for warning in caught if "threads" in str(warning.message)]) == 1


def test_an_invalid_action_is_an_error_that_lists_the_actions(optimise: EnvComponents, split: PreparedSplit) -> None:
    env = PhotoEditEnv(optimise, PreparedEpisodes(context(split)))
    env.reset(seed=1)
    for action in (5, -1, 0.5, "swap_rb"):
        with pytest.raises(ApsiError, match=r"is no action: .* from 0 to 4 \(0 invert_r, .* 3 swap_rb, 4 stop\)"):
            env.step(action)
    assert env.action_labels == [*LABELS, "stop"]


def test_info_says_which_photo_what_was_done_to_it_and_how_it_scores(
    optimise: EnvComponents, split: PreparedSplit
) -> None:
    env = PhotoEditEnv(optimise, InOrder(context(split)))
    _, info = env.reset()
    first = split.episodes[0]
    assert info == {
        "photo": "0.jpg",
        "degradation": ("swap_rb",),
        "score": first.start_score,
        "start_score": first.start_score,
        "target_score": first.target_score,
        "step": 0,
        "action": "",
        "recipe": (),
    }
    _, _, _, _, info = env.step(SWAP_RB)
    assert (info["action"], info["recipe"], info["step"], info["is_success"]) == ("swap_rb", ("swap_rb",), 1, True)
    assert info["score"] == info["target_score"]
    assert Recipe.of(info["recipe"]).labels == ["swap_rb"]
    _, _, terminated, _, last = env.step(STOP)
    assert terminated and (last["action"], last["recipe"]) == ("stop", ("swap_rb",))
    env.reset()
    assert env._info()["recipe"] == ()
    assert not any(isinstance(value, np.ndarray) for value in last.values())
    assert all(f"`{key}`" in (PhotoEditEnv.__doc__ or "") for key in last)


def test_a_photo_cut_on_the_fly_names_its_file_too(split: PreparedSplit) -> None:
    sources = {start.source for start in FreshEpisodes(context(split), 0.5).draw(20)}
    assert sources == {"0.jpg", "1.jpg", "2.jpg"}


def test_pictures_have_one_size_and_show_photo_score_and_action(restore: EnvComponents, split: PreparedSplit) -> None:
    env = PhotoEditEnv(restore, InOrder(context(split)), render_mode="rgb_array")
    pictures = []
    for _ in range(3):  # photos of different sizes
        env.reset()
        pictures.append(env.render())
    env.step(0)
    pictures.append(env.render())
    assert all(p is not None and (p.shape, p.dtype) == ((440, 384, 3), np.uint8) for p in pictures)
    assert (SIDE + CAPTION, SIDE) == (440, 384)
    assert "(440, 384, 3)" in (PhotoEditEnv.render.__doc__ or "")
    before, after = pictures[-2:]
    assert before is not None and after is not None
    assert (before[SIDE:] != after[SIDE:]).any()
    assert PhotoEditEnv(restore, InOrder(context(split))).render() is None


@pytest.mark.parametrize("shape", [(48, 64), (64, 48), (2, 900), (384, 384)])
def test_a_frame_holds_the_whole_photo_and_its_text(shape: tuple[int, int]) -> None:
    photo = np.minimum(natural_photo(0, *shape), 200)
    shown = frame(photo, "one", "two")
    h, w = shape
    scale = SIDE / max(h, w)
    covered = (shown[:SIDE] < 250).all(axis=2)
    assert abs(int(covered.any(axis=0).sum()) - w * scale) <= 1 and abs(int(covered.any(axis=1).sum()) - h * scale) <= 1
    lines = np.split(shown[SIDE:], 2)
    assert all((line < 100).any() for line in lines)
    assert (frame(photo)[SIDE:] == 255).all()
