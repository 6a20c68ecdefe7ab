"""A juror of crops that never looks at the photo: what can be said of a crop by its box alone."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.special import expit

from apsi.juror.base import SCORE_MAX, About, FramingJuror, require_scores
from apsi.juror.crop_preference import PARTS, CropPreference, load_fitted
from apsi.juror.framed import FramedPhoto
from apsi.photo import Floats
from apsi.photo.hash import value_hash

PARAMETERS = Path(__file__).with_name("crop_prior.json")
"""Weights, and what they were fitted on; models/crop_prior/make.py makes them"""


class CropPrior(FramingJuror):
    """Prefers large crops near the centre, as people do who compare crops that they know nothing else of.

    The score is ten times the probability that people prefer the crop over the whole photo, by a Bradley-Terry model of
    its box; the whole photo has 5, and no crop has more. A crop that contains another never scores lower. It is the
    figure that a juror of crops has to beat, and in a mix what holds it back from crops that are small for no reason.
    """

    about = About(
        native_range="log-odds against the whole photo, at most 0",
        mapping="10 x probability; 5 for the whole photo",
        reference="Bradley, Terry 1952; votes of Chen et al. 2017 (FCDB)",
        licence="MIT, part of apsi; votes: MIT",
        knows="how large a crop is and where it lies, from votes on crops of 25 to 64 % of the area in the photo's own "
        "shape: nothing of what is shown, of other shapes, or of smaller and larger crops",
    )

    @cached_property
    def preference(self) -> CropPreference:
        """The model that comes with apsi."""
        return load_fitted(PARAMETERS).preference

    @property
    def fingerprint(self) -> str:
        return f"crop_prior-1-{value_hash(list(vars(self.preference).values()))}"

    @property
    def part_names(self) -> tuple[str, ...]:
        return PARTS

    def parts(self, framed: Sequence[FramedPhoto]) -> dict[str, Floats]:
        """Log-odds by area, by distance from the centre and by height in the photo; their sum makes the score."""
        return self.preference.parts(_boxes(framed))

    def score_framed(self, framed: Sequence[FramedPhoto]) -> Floats:
        return require_scores(SCORE_MAX * expit(self.preference.log_odds(_boxes(framed))), self)


def _boxes(framed: Sequence[FramedPhoto]) -> Floats:
    return np.array([one.box.array for one in framed], np.float64).reshape(-1, 4)
