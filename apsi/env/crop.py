"""Framing photos: an agent looks for the crop that a juror scores highest."""

import logging
from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar, Self

import numpy as np
from pydantic import PositiveInt

from apsi.env.crop_limits import CropLimits
from apsi.env.crop_state import CropState
from apsi.env.edit_state import EditState, Observation
from apsi.env.optimise import Optimise
from apsi.errors import ApsiError
from apsi.juror.framed import FramedPhoto
from apsi.photo import Floats, Photo
from apsi.photo.box import ORIGINAL, Ratio, largest_of_ratio, parse_ratio, sides_of
from apsi.photo.faces import find_faces, require_detector
from apsi.transform.action_set import ActionSet, DiscreteActions
from apsi.types import PositiveFraction

_NO_FACES: Floats = np.zeros((0, 4))
_SMALLEST = 16  # pixels of a side

log = logging.getLogger(__name__)


@cache
def _warn_once(message: str) -> None:
    log.warning("%s", message)


@dataclass(frozen=True)
class Framing(Optimise):
    """As `Optimise`, of the crop first of all: each view is cut from the photo, and the whole of it is observed."""

    shows_cost: ClassVar[bool] = False
    frames: ClassVar[bool] = True

    view_size: PositiveInt
    """longer side, in pixels, of what the juror gets"""
    aspect: str | None
    """width:height that every crop has, `original` for that of the photo; None: any"""
    min_area: PositiveFraction
    """smallest crop, as a share of the photo"""
    max_elongation: float
    """longer side of a crop by its shorter one, at most"""
    faces: str | None
    """`keep`: no crop cuts a face or leaves one out"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.view_size < _SMALLEST:
            raise ApsiError(f"env.view_size={self.view_size} must be at least {_SMALLEST} pixels")
        if not 0 < self.min_area <= 1:
            raise ApsiError(f"env.min_area={self.min_area} must be above 0 and at most 1, a share of the photo")
        if self.max_elongation < 1:
            raise ApsiError(f"env.max_elongation={self.max_elongation} must be at least 1: longer by shorter side")
        if self.aspect is not None:
            parse_ratio(self.aspect, "env.aspect")
        if self.faces not in (None, "keep"):
            raise ApsiError(f"env.faces={self.faces} must be keep or null")
        if self.faces is not None:
            require_detector("env.faces=keep")

    def require_fitting(self, actions: ActionSet) -> None:
        if not isinstance(actions, DiscreteActions) or not any(one.reframes for one in actions.transforms):
            raise ApsiError(
                "env=crop needs actions that frame: add transform=crop_edges degradation=none, or crop_moves, "
                "crop_anchors or crop_and_edit in place of crop_edges"
            )

    def view_size_of(self, photo: Photo) -> int:
        """Longer side, in pixels, of what the juror gets of a photo, so that none of its crops is enlarged.

        Raises:
            ApsiError: its smallest crops are too small to be looked at.
        """
        height, width = photo.shape[:2]
        smallest = self._smallest_of(photo)
        if smallest >= self.view_size:
            return self.view_size
        said = (
            f"a crop of env.min_area={self.min_area} of a photo of {width} x {height} has about {smallest} pixels a "
            f"side, less than env.view_size={self.view_size}"
        )
        factor = self.view_size / max(1, smallest)
        remedy = (
            f"take photos of at least {round(factor * max(height, width))} pixels (preprocess.steps.resize.size), a "
            "larger env.min_area, or a smaller env.view_size"
        )
        if smallest < _SMALLEST:
            raise ApsiError(f"{said}, and less than the {_SMALLEST} that a juror can look at: {remedy}")
        _warn_once(
            f"{said}: the juror gets {smallest} of this and all such photos, as crops are not enlarged; {remedy}"
        )
        return smallest

    def _smallest_of(self, photo: Photo) -> int:
        """Side, in pixels, of the smallest crops."""
        height, width = photo.shape[:2]
        return int((self.min_area * height * width) ** 0.5)

    def fitted_to(self, photo: Photo) -> Self | None:
        """With a `view_size` that all crops of a photo have; None where none is allowed, or large enough to look at."""
        (height, width), smallest, area = photo.shape[:2], self._smallest_of(photo), 1.0
        if self._ratio is not None:
            across, down = largest_of_ratio(height, width, self._ratio)
            area = across * down
        if smallest < _SMALLEST or area < self.min_area:
            return None
        return replace(self, view_size=min(self.view_size, smallest))

    def limits(self, photo: Photo) -> CropLimits:
        """What holds for the crops of a photo."""
        height, width = photo.shape[:2]
        faces = find_faces(photo) if self.faces == "keep" else _NO_FACES
        return CropLimits(height, width, self._ratio, self.min_area, self.max_elongation, faces)

    @property
    def _ratio(self) -> Ratio | None:
        return None if self.aspect is None else parse_ratio(self.aspect, "env.aspect")

    def begin(self, photo: Photo, actions: ActionSet) -> EditState:
        return CropState.begin(photo, actions, self.observation_size, self.limits(photo), self.view_size_of(photo))

    def first_view(self, photo: Photo) -> FramedPhoto:
        return self.begin(photo, NO_ACTIONS).framed

    def trial_photo(self) -> Photo:
        across, down = (1, 1) if self._ratio is None else sides_of(self._ratio, 1, 1)
        unit = 2 * self.view_size / (self.min_area**0.5 * min(across, down))  # large enough for the smallest crop
        return np.random.default_rng(0).integers(0, 256, (round(unit * down), round(unit * across), 3), dtype=np.uint8)

    @property
    def shows(self) -> str:
        return f"view_size={self.view_size} aspect={self.aspect} faces={self.faces}"

    def from_observation(self, observation: Observation, actions: ActionSet) -> EditState:
        height, width = observation.shape[1:]
        ratio = self._ratio if self.aspect == ORIGINAL else None  # what shape the photo has can't be told of others
        limits = CropLimits(height, width, ratio, self.min_area, self.max_elongation, _NO_FACES)
        return CropState.of_observation(observation, actions, limits, self.view_size)


NO_ACTIONS = DiscreteActions(["crop_left(+0.050)"])
"""Actions that nobody takes"""
