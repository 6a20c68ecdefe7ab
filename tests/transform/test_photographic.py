"""Light, colour, detail and cuts: the formulas and their traps."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.errors import ApsiError
from apsi.photo import Floats, Photo
from apsi.photo.resample import resample
from apsi.transform.action_set import NoNumberError
from apsi.transform.adjust import ADJUSTMENTS, Adjust
from apsi.transform.base import STOP_LABEL
from apsi.transform.catalogue import by_label, catalogue
from apsi.transform.parametric import ParametricActions
from apsi.transform.recipe import Recipe


def pixel(*values: int) -> Photo:
    return np.array([[values]], np.uint8)


def large_photo(side: int = 512) -> Photo:
    """Soft shapes, texture and a slanted edge, at a size that has detail finer than 128 pixels show."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] / side
    shapes = 120 + 70 * np.sin(7 * x + 3 * y) + 40 * (y > 0.55)
    texture = cv2.GaussianBlur(rng.normal(0, 300, (side, side)), (0, 0), side / 60)
    return np.clip((shapes + texture)[..., None] * np.array([1.0, 0.9, 0.75]), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("label", "before", "after"),
    [
        ("brightness_down", (10, 50, 255), (0, 10, 215)),  # an absolute value would make 30 of the 10
        ("brightness_up_strong", (10, 200, 255), (70, 255, 255)),
        ("contrast_up_strong", (0, 100, 200), (0, 72, 255)),
        ("contrast_down_strong", (0, 100, 255), (64, 114, 191)),
        ("gamma_up", (0, 64, 255), (0, 84, 255)),  # 0.8 brightens
        ("gamma_down", (0, 64, 255), (0, 49, 255)),
        ("exposure_up_strong", (0, 100, 188), (0, 138, 255)),
        ("exposure_down_strong", (0, 188, 255), (0, 137, 188)),
        ("warmth", (100, 100, 100), (115, 100, 85)),
        ("coolness", (100, 100, 250), (85, 100, 255)),
        ("gray_luma", (255, 0, 0), (76, 76, 76)),
        ("gray_mean", (255, 0, 0), (85, 85, 85)),
        ("saturation_up_strong", (200, 150, 150), (200, 100, 100)),
        ("saturation_down", (200, 100, 100), (200, 140, 140)),
        ("vibrance", (200, 100, 100), (200, 75, 75)),
        ("invert_all", (0, 100, 255), (255, 155, 0)),
        ("gamma_auto", (64, 64, 64), (128, 128, 128)),
    ],
)
def test_a_pixel_becomes_what_the_formula_says(label: str, before: tuple[int, ...], after: tuple[int, ...]) -> None:
    assert by_label(label)(pixel(*before))[0, 0].tolist() == pytest.approx(after, abs=1)


STRENGTHS = ("up_weak", "up", "up_strong", "down_weak", "down", "down_strong")
CONTRASTS = dict(zip(STRENGTHS, (1.2, 1.5, 2.0, 0.8, 0.6, 0.5), strict=True))
AMOUNTS = dict(zip(STRENGTHS, (20, 40, 60, -20, -40, -60), strict=True))
CURVES: dict[str, Callable[[float], float]] = {
    **{f"contrast_{name}": lambda x, a=a: a * (x - 127.5) + 127.5 for name, a in CONTRASTS.items()},
    **{f"brightness_{name}": lambda x, b=b: x + b for name, b in AMOUNTS.items()},
    "gamma_up": lambda x: 255 * (x / 255) ** 0.8,
    "gamma_down": lambda x: 255 * (x / 255) ** 1.2,
    "invert_all": lambda x: 255 - x,
}


@pytest.mark.parametrize("label", CURVES)
def test_a_curve_is_its_formula_on_the_whole_scale_saturating(label: str) -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    expected = [min(255.0, max(0.0, CURVES[label](x))) for x in range(256)]
    found = by_label(label)(ramp).astype(float)
    for channel in range(3):
        assert np.abs(found[..., channel].ravel() - expected).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("label", [f"exposure_{name}" for name in ("up", "up_strong", "down", "down_strong")])
def test_an_exposure_multiplies_linear_light(label: str) -> None:
    stops = (0.5 if label in ("exposure_up", "exposure_down") else 1.0) * (1 if "up" in label else -1)
    ramp = np.arange(30, 181, dtype=np.uint8).reshape(1, -1, 1).repeat(3, axis=2)

    def linear(photo: Photo) -> Floats:
        encoded = photo.astype(float) / 255
        light: Floats = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
        return light

    assert linear(by_label(label)(ramp)) == pytest.approx(linear(ramp) * 2**stops, abs=0.005)


def test_warmth_and_coolness_are_the_same_the_other_way_round() -> None:
    photo = large_photo(32)
    assert np.array_equal(by_label("coolness")(photo), by_label("warmth")(photo[..., ::-1])[..., ::-1])


def test_gray_has_no_colour_and_weighs_as_rec_601_or_alike() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    for label, weights in (("gray_luma", (0.299, 0.587, 0.114)), ("gray_mean", (1 / 3, 1 / 3, 1 / 3))):
        gray = by_label(label)(photo).astype(float)
        assert np.abs(gray - (photo @ np.array(weights))[..., None]).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("factor", [1.2, 1.5, 2.0, 0.8, 0.6, 0.4])
def test_saturation_is_multiplied_and_hue_and_value_stay(factor: float) -> None:
    label = {1.2: "up_weak", 1.5: "up", 2.0: "up_strong", 0.8: "down_weak", 0.6: "down", 0.4: "down_strong"}[factor]
    photo = np.random.default_rng(0).integers(100, 180, (16, 16, 3), dtype=np.uint8)  # at 2.0 none is full
    found = by_label(f"saturation_{label}")(photo).astype(float)
    value = photo.max(axis=2, keepdims=True).astype(float)
    assert np.abs(found - (value - factor * (value - photo))).max() <= 0.51  # in RGB: away from the largest channel


def test_white_balance_makes_the_channel_means_equal() -> None:
    photo = (large_photo() * 0.6).astype(np.uint8)
    means = by_label("white_balance")(photo).mean(axis=(0, 1))
    assert means.max() - means.min() < 1


@pytest.mark.parametrize("level", [0, 1, 3, 7, 249, 252, 254, 255])
def test_auto_gamma_leaves_a_nearly_black_or_white_photo(level: int) -> None:
    noise = np.random.default_rng(0).integers(-2, 3, (32, 40, 3))
    photo = np.clip(level + noise, 0, 255).astype(np.uint8)
    assert np.array_equal(by_label("gamma_auto")(photo), photo)


@pytest.mark.parametrize("level", [14, 240])
def test_auto_gamma_brings_a_dark_or_bright_photo_to_the_middle(level: int) -> None:
    photo = np.full((8, 8, 3), level, np.uint8)
    assert by_label("gamma_auto")(photo).mean() == pytest.approx(127.5, abs=1)


@pytest.mark.parametrize("channel", [0, 1, 2])
@pytest.mark.parametrize("level", [0, 1, 5])
def test_white_balance_leaves_a_photo_with_a_nearly_empty_channel(channel: int, level: int) -> None:
    photo = np.random.default_rng(0).integers(60, 140, (32, 40, 3), dtype=np.uint8)
    photo[..., channel] = np.random.default_rng(1).integers(0, level + 1, (32, 40))
    assert np.array_equal(by_label("white_balance")(photo), photo)


def test_auto_contrast_uses_the_whole_scale_of_each_channel() -> None:
    photo = (large_photo() // 3 + 60).astype(np.uint8)
    stretched = by_label("auto_contrast")(photo)
    assert stretched.min(axis=(0, 1)).tolist() == [0, 0, 0]
    assert stretched.max(axis=(0, 1)).tolist() == [255, 255, 255]


def test_clahe_raises_local_contrast() -> None:
    photo = (large_photo() // 4 + 90).astype(np.uint8)
    assert by_label("clahe")(photo).std() > 1.15 * photo.std()


@pytest.mark.parametrize("label", ["sharpen_4", "sharpen_8", "unsharp", "clarity"])
def test_sharpening_adds_detail_and_blurring_takes_it_away(label: str) -> None:
    photo = resample(large_photo(), 128, 128)

    def detail(p: Photo) -> float:
        return float(np.abs(np.diff(p.astype(int), axis=1)).mean())

    assert detail(by_label(label)(photo)) > detail(photo)
    assert all(detail(by_label(f"blur_{kind}_5")(photo)) < detail(photo) for kind in ("box", "gauss", "median"))


@pytest.mark.parametrize(("ratio", "size"), [("16_9", (108, 192)), ("1_1", (120, 120)), ("4_5", (120, 96))])
def test_a_crop_is_the_largest_centred_part_of_its_shape(ratio: str, size: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (120, 192, 3), dtype=np.uint8)
    cut = by_label(f"crop_{ratio}")(photo)
    assert cut.shape[:2] == size
    top, left = (120 - size[0]) // 2, (192 - size[1]) // 2
    assert np.array_equal(cut, photo[top : top + size[0], left : left + size[1]])


def test_the_thirds_crop_brings_what_stands_out_to_a_third() -> None:
    photo = np.full((100, 100, 3), 90, np.uint8)
    photo[40:46, 40:46] = 250
    cut = by_label("crop_thirds")(photo)
    y, x = np.argwhere(cut[..., 0] > 200).mean(axis=0) / 80
    assert (x, y) == (pytest.approx(1 / 3, abs=0.05), pytest.approx(1 / 3, abs=0.05))


@pytest.mark.parametrize("lean", [-5, 4])
def test_a_crooked_horizon_becomes_level_and_a_level_one_stays(lean: float) -> None:
    y, x = np.mgrid[:200, :300]
    photo = np.where(y > 100 + np.tan(np.radians(lean)) * (x - 150), 60, 200).astype(np.uint8)[..., None].repeat(3, 2)
    levelled = by_label("level_horizon")(photo)
    edge = (levelled[..., 0] > 128).sum(axis=0)
    assert np.ptp(edge) <= 3
    assert levelled.shape[0] < 200
    assert np.array_equal(by_label("level_horizon")(levelled), levelled)
    plain = np.full((50, 60, 3), 7, np.uint8)
    assert np.array_equal(by_label("level_horizon")(plain), plain)


def test_an_adjustment_is_written_down_and_read_back() -> None:
    recipe = Recipe((Adjust("exposure", 0.35004), Adjust("temperature", -1)))
    assert recipe.labels == ["exposure(+0.350)", "temperature(-1.000)"]
    assert Recipe.from_json(recipe.to_json()) == recipe
    photo = large_photo(64)
    assert np.array_equal(Recipe.from_json(recipe.to_json())(photo), recipe(photo))


@pytest.mark.parametrize("label", ["exposure(+1.001)", "exposur(+0.100)"])
def test_an_impossible_adjustment_is_an_error(label: str) -> None:
    with pytest.raises(ApsiError, match=r"must be in \[-1, 1\]|Did you mean 'exposure'"):
        by_label(label)


def test_strength_0_changes_nothing() -> None:
    photo = large_photo(64)
    assert all(np.array_equal(Adjust(name, 0.0)(photo), photo) for name in ADJUSTMENTS)


def test_a_continuous_action_is_a_recipe_of_the_strengths_outside_the_dead_zone() -> None:
    actions = ParametricActions(["exposure", "contrast", "gamma"], reach=0.5, dead_zone=0.1, stop=True)
    assert actions.recipe(np.array([1.0, -0.05, -0.5, 0.9])).labels == ["exposure(+0.500)", "gamma(-0.250)"]
    rows = np.vstack([actions.end(1), np.array([[0, 0, 0, 0.6], [1, 1, 1, 0.4]], np.float32)])
    assert actions.stops(rows).tolist() == [True, True, False]
    assert actions.space.shape == (4,)
    assert not ParametricActions(["gamma"], 1, 0).stops(np.array([[0.9]])).any()


def test_a_vector_that_is_no_action_is_an_error_that_says_what_is() -> None:
    actions = ParametricActions(["gamma", "contrast"], 1, 0, stop=True)
    for wrong in ([0, 0], [0, 0, 2], [0, np.nan, 0], "gamma", None, 0.5):
        with pytest.raises(ApsiError, match=r"is no action: .* 3 numbers from -1 to 1 \(gamma, contrast, stop\)"):
            actions.one(wrong)
    assert actions.one([0.5, -1, 1]).tolist() == [[0.5, -1, 1]]


def test_nan_is_no_end_but_an_error_and_older_ends_are_features_still() -> None:
    actions = ParametricActions(["gamma", "contrast"], 1, 0)
    actions.require_valid(actions.end(2))
    assert actions.stops(actions.end(2)).all()
    assert not actions.stops(np.array([[np.nan, np.nan]])).any()
    with pytest.raises(NoNumberError):
        actions.require_valid(np.array([[0.5, 0], [np.nan, np.nan]]))
    rows = np.array([*actions.end(1), [np.nan, np.nan], [0.5, -2]])
    assert actions.features(rows).tolist() == [[0, 0], [0, 0], [0.5, -1]]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("transform.adjustments=[exposur]", "Did you mean 'exposure'"),
        ("transform.adjustments=[]", "must name one or more"),
        ("transform.reach=2", "reach=2"),
    ],
)
def test_impossible_continuous_actions_are_errors(override: str, message: str) -> None:
    with pytest.raises(ApsiError, match=message):
        instantiate(load_config(["transform=parametric", override]).transform)


def test_full_is_everything_and_sensible_undoes_what_it_does() -> None:
    assert set(load_config(["transform=full"]).transform.labels) == set(catalogue()) - {STOP_LABEL}
    sensible = load_config(["transform=sensible"]).transform.labels
    photo = large_photo(128)
    for there, back in (
        *(("exposure_up", "exposure_down"), ("contrast_down_weak", "contrast_up_weak"), ("gamma_up", "gamma_down")),
        *(("saturation_down_weak", "saturation_up_weak"), ("warmth", "coolness"), ("blur_gauss_3", "unsharp")),
    ):
        assert {there, back} <= set(sensible)
        worse = by_label(there)(photo)
        off, after = (np.abs(p.astype(int) - photo).mean() for p in (worse, by_label(back)(worse)))
        assert after < 0.75 * off, (there, off, after)


def test_actions_of_ones_own_are_named_on_the_command_line() -> None:
    config = load_config(["transform.labels=[crop_1_1,clahe]"])
    assert instantiate(config.transform, stop=True).labels == ["crop_1_1", "clahe", "stop"]
