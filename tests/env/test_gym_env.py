"""`apsi/PhotoEdit-v0` as people meet it: arguments, errors, `info` and pictures."""

import gymnasium
import numpy as np
import pytest
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.utils import is_masking_supported

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


def test_maskable_ppo_gets_the_actions_that_make_sense(optimise: EnvComponents, split: PreparedSplit) -> None:
    env = PhotoEditEnv(optimise, InOrder(context(split)))
    env.reset()
    assert env.action_masks().tolist() == [True] * 5
    env.step(SWAP_RB)
    assert env.action_masks().tolist() == [True, True, True, False, True]
    wrapped = gymnasium.wrappers.OrderEnforcing(env)  # as gymnasium.make does
    assert is_masking_supported(wrapped)
    MaskablePPO("CnnPolicy", wrapped, n_steps=4, batch_size=4, n_epochs=1, device="cpu").learn(4)


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
