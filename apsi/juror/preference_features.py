"""What a model of a person sees of a photo: its box, where people look, colour and light, statistics, an embedding.

All are measured on small copies of one size, so that a photo has nearly the same at every size that an environment
works at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias, get_args

import cv2
import numpy as np

from apsi.errors import ApsiError, did_you_mean
from apsi.juror import flaw_statistics
from apsi.juror.attention import Attention
from apsi.juror.framed import FramedPhoto, photos_of
from apsi.juror.neural import NeuralJuror
from apsi.photo import Floats, Photo
from apsi.photo.faces import has_detector
from apsi.photo.hash import value_hash
from apsi.photo.resample import resample

Group: TypeAlias = Literal["box", "attention", "colour", "statistics", "neural"]
GROUPS: tuple[str, ...] = get_args(Group)
FRAMED = ("box", "attention")
"""Groups that depend on what a photo was cut from"""
VERSION = 1

_SIDE = 128  # pixels of the longer side of what colour and light are measured on
_LEAST = 0.05  # area: smaller crops are as small as this

BOX = {
    "area": "the share of the photo that is kept",
    "tight": "how much smaller than half of the photo, where people see it most",
    "off_centre_x": "distance from the middle, sideways",
    "off_centre_y": "distance from the middle, up or down",
    "lower": "lying lower in the photo",
    "wider": "wider than the photo's own shape",
    "elongated": "long and narrow",
}
LOOKS = {
    "kept": "what people look at is kept",
    "uncut": "nothing that people look at is cut",
    "filled": "what people look at fills the picture",
    "placed": "what people look at lies near a third",
}
COLOUR = {
    "light": "lighter",
    "off_middle": "far from middle lightness",
    "contrast": "more contrast",
    "shadows": "lighter shadows",
    "highlights": "lighter highlights",
    "saturation": "more saturated",
    "warmth": "warmer, from blue to yellow",
    "magenta": "from green to magenta",
    "sharpness": "more fine detail",
    "busy": "busier: more edges",
}
WORDS = {
    f"{group}.{name}": words
    for group, names in (("box", BOX), ("attention", LOOKS), ("colour", COLOUR))
    for name, words in names.items()
}
"""What more of a feature means, by its full name"""


@dataclass(frozen=True, eq=False)
class FeatureMaker:
    """Makes the chosen groups of features of photos."""

    groups: tuple[str, ...]
    faces: bool
    """whether faces attract attention"""
    backbone: NeuralJuror | None = None
    """a neural juror whose network's outputs are the group `neural`"""
    _attention: Attention = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for group in self.groups:
            if group not in GROUPS:
                raise ApsiError(
                    f"features: '{group}' is none of {', '.join(GROUPS)}.{did_you_mean(group, list(GROUPS))}"
                )
        if not self.groups or len(set(self.groups)) < len(self.groups):
            raise ApsiError(f"features={list(self.groups)} must name at least one group, each once")
        if "neural" in self.groups and self.backbone is None:
            raise ApsiError(
                "the features 'neural' are the outputs of a network, and there is none: name a neural juror with "
                "trained weights as the backbone, such as siglip_v2_5, nima or onnx, or leave them out"
            )
        if self.faces and not has_detector():
            raise ApsiError("this model of a person looks at faces: pip install 'apsi[faces]'")
        object.__setattr__(self, "_attention", Attention(dict.fromkeys(LOOKS, 1.0), faces=self.faces))

    @property
    def fingerprint(self) -> str:
        """Names what is measured, and how."""
        network = self.backbone.fingerprint if self.backbone is not None and "neural" in self.groups else None
        parts = [VERSION, list(self.groups), self.faces if "attention" in self.groups else None, network]
        if "statistics" in self.groups:
            parts.append(flaw_statistics.VERSION)
        if "attention" in self.groups:
            parts.append(self._attention.fingerprint)
        return value_hash(parts)

    @property
    def sees_frame(self) -> bool:
        """Whether a photo's features depend on what it was cut from."""
        return any(group in FRAMED for group in self.groups)

    def __call__(self, framed: Sequence[FramedPhoto]) -> Floats:
        """Features `(N, F)` of photos, those of each group together; a photo's do not depend on the others."""
        return np.concatenate([self._makers[group](framed) for group in self.groups], axis=1)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the features, `group.name`, in their order; those of a network are told by their number."""
        example = FramedPhoto(np.zeros((32, 32, 3), np.uint8))
        found: list[str] = []
        for group in self.groups:
            known = [name.partition(".")[2] for name in WORDS if name.startswith(f"{group}.")]
            count = len(known) or self._makers[group]([example]).shape[1]
            found += [f"{group}.{name}" for name in known or map(str, range(count))]
        return tuple(found)

    @property
    def _makers(self) -> dict[str, Callable[[Sequence[FramedPhoto]], Floats]]:
        return {
            "box": lambda framed: box_features(
                np.array([one.box.array for one in framed]).reshape(-1, 4),
                np.array([one.photo.shape[1] / one.photo.shape[0] for one in framed]),
            ),
            "attention": self._looks,
            "colour": lambda framed: _stacked([colour(one.photo) for one in framed], len(COLOUR)),
            "statistics": lambda framed: np.stack([flaw_statistics.features(one.photo) for one in framed]),
            "neural": self._embedding,
        }

    def _looks(self, framed: Sequence[FramedPhoto]) -> Floats:
        parts = self._attention.parts(framed)
        return np.column_stack([parts[name] for name in LOOKS])

    def _embedding(self, framed: Sequence[FramedPhoto]) -> Floats:
        assert self.backbone is not None
        return self.backbone.through(
            photos_of(framed), lambda outputs: np.asarray(outputs, np.float64).reshape(len(outputs), -1)
        )


def _stacked(rows: list[Floats], width: int) -> Floats:
    return np.stack(rows) if rows else np.empty((0, width))


def box_features(boxes: Floats, ratios: Floats) -> Floats:
    """`(N, 7)`, as `BOX` names them, of boxes `(N, 4)` as shares of the sides.

    The area by its logarithm and by -1 / a, which tells 25 % from 36 % more than 49 % from 64 %, as people do; the
    place as in `apsi.juror.crop_preference`, alike in a photo and its mirror image.

    Args:
        boxes: x1, y1, x2, y2.
        ratios: `(N,)`: width to height of what is left, in pixels.
    """
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    dx, dy = ((boxes[:, i] + boxes[:, i + 2] - 1) / 2 for i in (0, 1))
    area = np.maximum(width * height, _LEAST)
    columns = [
        np.log(area),
        1 / area - 1,
        dx * dx / width,
        dy * dy / height,
        dy,
        np.log(width / height),
        np.abs(np.log(ratios)),
    ]
    return np.column_stack(columns) + 0.0  # no -0


def colour(photo: Photo) -> Floats:
    """`(10,)`, as `COLOUR` names them: CIELAB of a copy of 128 pixels, lightness from 0 to 100."""
    small = _working_size(photo)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).astype(np.float64)
    light, red, yellow = (lab[..., i] for i in range(3))
    low, high = np.percentile(light, [5, 95])
    smooth = cv2.GaussianBlur(lab[..., 0].astype(np.float32), (0, 0), 1.0)
    steps = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.125))
    fine = np.abs(lab[..., 0] - smooth)
    mean = light.mean()
    return np.array(
        [
            mean,
            ((mean - 50) / 10) ** 2,
            light.std(),
            low,
            high,
            np.hypot(red, yellow).mean(),
            yellow.mean(),
            red.mean(),
            np.log(fine.mean() + 0.05),
            np.log(steps.mean() + 0.05),
        ],
        np.float64,
    )


def _working_size(photo: Photo) -> Photo:
    height, width = photo.shape[:2]
    scale = _SIDE / max(height, width)
    return np.ascontiguousarray(resample(photo, max(1, round(width * scale)), max(1, round(height * scale))))
