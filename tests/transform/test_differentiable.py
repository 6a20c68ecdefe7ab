"""The adjustments in torch are those of NumPy, and a gradient reaches their strengths."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import deltaE_ciede2000, rgb2lab

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.transform.adjust import Adjust
from apsi.transform.differentiable import ADJUSTMENTS, adjust, colour_difference, require_differentiable, to_lab
from apsi.transform.recipe import Recipe
from tests.conftest import natural_photo

# pairs of Lab colours and their CIEDE2000, from the test data of Sharma, Wu, Dalal 2005, table 1
SHARMA = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


def tensor(*photos: Photo) -> torch.Tensor:
    return torch.from_numpy(np.stack(photos).transpose(0, 3, 1, 2).astype(np.float32) / 255)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(ADJUSTMENTS)),
    st.integers(-1000, 1000),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 1000),
)
def test_an_adjustment_is_that_of_numpy_within_one_level(name: str, milli: int, h: int, w: int, seed: int) -> None:
    photo = np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)
    photo[::2] = natural_photo(seed, h, w)[::2]
    expected = Adjust(name, milli / 1000)(photo).astype(int)
    found = adjust(tensor(photo), [name], torch.tensor([[milli / 1000]]))
    assert np.abs((255 * found[0].numpy().transpose(1, 2, 0)).round().astype(int) - expected).max() <= 1


def test_several_are_applied_in_order_with_strengths_of_each_photo() -> None:
    photos = [natural_photo(0), natural_photo(1)]
    strengths = torch.tensor([[0.5, -0.3, 0.2], [-0.4, 0.6, 0.0]])
    names = ["exposure", "contrast", "saturation"]
    found = adjust(tensor(*photos), names, strengths)
    for i, photo in enumerate(photos):
        recipe = Recipe(tuple(map(Adjust, names, strengths[i].tolist())))
        assert np.abs(255 * found[i].numpy().transpose(1, 2, 0) - recipe(photo)).max() <= 3


@pytest.mark.parametrize("name", sorted(ADJUSTMENTS))
def test_following_the_gradient_finds_the_strength_that_was_used(name: str) -> None:
    photo = natural_photo(3, 16, 16)
    given, wanted = tensor(photo), 0.4
    target = adjust(given, [name], torch.tensor([[wanted]]))
    strength = torch.zeros((1, 1), requires_grad=True)
    optimizer = torch.optim.Adam([strength], 0.1)
    for _ in range(30):
        optimizer.zero_grad()
        colour_difference(adjust(given, [name], strength), target).sum().backward()
        assert torch.isfinite(strength.grad).all()
        optimizer.step()
    assert strength.item() == pytest.approx(wanted, abs=0.05)


def test_black_white_and_grey_have_finite_gradients() -> None:
    photos = torch.stack([torch.zeros(3, 4, 4), torch.ones(3, 4, 4), torch.full((3, 4, 4), 0.5)])
    strengths = torch.zeros((3, len(ADJUSTMENTS)), requires_grad=True)
    colour_difference(adjust(photos, sorted(ADJUSTMENTS), strengths), photos.flip(0)).sum().backward()
    assert torch.isfinite(strengths.grad).all()


def test_the_colour_difference_is_scikit_images() -> None:
    one, other = natural_photo(0), np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    assert np.abs(to_lab(tensor(one))[0].permute(1, 2, 0).numpy() - rgb2lab(one)).max() < 0.01
    expected = deltaE_ciede2000(rgb2lab(one), rgb2lab(other)).mean()
    assert colour_difference(tensor(one), tensor(other)).item() == pytest.approx(expected, rel=1e-3)
    assert colour_difference(tensor(one), tensor(one)).item() < 1e-3


@pytest.mark.parametrize(("one", "other", "difference"), SHARMA)
def test_the_colour_difference_has_the_values_of_its_test_data(
    one: tuple[float, ...], other: tuple[float, ...], difference: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apsi.transform.differentiable.to_lab", lambda lab: lab)
    first, second = (torch.tensor(lab, dtype=torch.float64).reshape(1, 3, 1, 1) for lab in (one, other))
    assert colour_difference(first, second).item() == pytest.approx(difference, abs=2e-4)


def test_what_has_no_gradient_is_refused_by_name() -> None:
    require_differentiable(["exposure", "gamma"])
    with pytest.raises(ApsiError, match="'blur_sharpen' has no gradient"):
        require_differentiable(["exposure", "blur_sharpen"])
