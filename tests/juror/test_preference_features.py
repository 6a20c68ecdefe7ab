"""What a model of a person sees: nearly the same at every size, only what was asked for, never made up."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.juror.framed import FramedPhoto
from apsi.juror.preference_features import BOX, COLOUR, GROUPS, FeatureMaker, box_features, colour
from apsi.photo.read import read_photo
from apsi.preference.photos import framed
from apsi.transform.recipe import Recipe
from tests.conftest import natural_photo

PHOTOS = Path(__file__).parents[3] / "shared" / "osie" / "photos"


def test_each_group_has_a_name_and_a_number_for_each_feature() -> None:
    photo = natural_photo(1)
    one = FramedPhoto(photo[10:, 8:], photo)
    maker = FeatureMaker(("box", "attention", "colour", "statistics"), faces=False)
    assert maker([one]).shape == (1, len(maker.names))
    assert len(set(maker.names)) == len(maker.names) > 100
    assert maker.names[:2] == ("box.area", "box.tight") and maker.names[-1].startswith("statistics.")
    assert pickle.loads(pickle.dumps(maker)).fingerprint == maker.fingerprint


def test_a_photo_does_not_depend_on_the_others() -> None:
    maker = FeatureMaker(("box", "attention", "colour"), faces=False)
    photos = [
        framed(natural_photo(seed, 96, 128), Recipe.of(["crop(0.100,0.000,0.900,0.800)"]), 96) for seed in range(3)
    ]
    assert np.array_equal(maker(photos)[1:2], maker(photos[1:2]))


def test_the_whole_photo_is_the_zero_of_boxes() -> None:
    whole, mirrored = np.array([[0.0, 0, 1, 1]]), np.array([[0.1, 0.2, 0.7, 0.9], [0.3, 0.2, 0.9, 0.9]])
    assert not box_features(whole, np.ones(1)).any() and box_features(whole, np.ones(1)).shape == (1, len(BOX))
    left, right = box_features(mirrored, np.ones(2))
    assert left == pytest.approx(right)


def test_colours_are_told_apart_in_the_right_direction() -> None:
    photo = natural_photo(3, 128, 128)
    names = list(COLOUR)

    def more(label: str, name: str) -> bool:
        place = names.index(name)
        return bool(colour(Recipe.of([label])(photo))[place] > colour(photo)[place])

    assert more("temperature(+0.500)", "warmth") and not more("temperature(-0.500)", "warmth")
    assert more("contrast(+0.500)", "contrast") and more("exposure(+0.500)", "light")
    assert more("saturation(+0.500)", "saturation") and more("tint(+0.500)", "magenta")
    assert not more("blur_sharpen(-0.500)", "sharpness")


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="needs photos")
def test_features_are_nearly_the_same_at_the_sizes_of_environments() -> None:
    maker = FeatureMaker(("box", "attention", "colour"), faces=False)
    photos = [read_photo(path) for path in sorted(PHOTOS.iterdir())[:8]]
    labels = [[], ["exposure(+0.400)"], ["crop(0.100,0.100,0.800,0.900)"], ["crop(0.300,0.000,1.000,0.700)", "warmth"]]
    large, small = (
        np.stack([maker([framed(photo, Recipe.of(some), size) for some in labels]) for photo in photos])
        for size in (512, 128)
    )
    spread = np.std(large.reshape(-1, large.shape[2]), axis=0) + 1e-9
    off = np.abs(large - small).mean(axis=(0, 1)) / spread
    assert off.max() < 0.15, dict(zip(maker.names, off.round(3).tolist(), strict=True))


def test_what_is_unknown_or_lacks_a_network_is_refused() -> None:
    assert GROUPS[-1] == "neural"
    with pytest.raises(ApsiError, match="Did you mean 'colour'"):
        FeatureMaker(("color",), faces=False)
    with pytest.raises(ApsiError, match="there is none: name a neural juror"):
        FeatureMaker(("box", "neural"), faces=False)
    with pytest.raises(ApsiError, match="at least one group"):
        FeatureMaker((), faces=False)
