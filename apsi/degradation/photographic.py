"""Flaws as photographs have them, of any strength."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydantic import PositiveInt

from apsi.degradation.base import Degradation
from apsi.errors import ApsiError, did_you_mean
from apsi.transform.adjust import Adjust
from apsi.transform.base import Transform
from apsi.transform.flaws import Flaw, read_noise
from apsi.transform.recipe import Recipe

_Draw = Callable[[float, np.random.Generator], Transform]
"""A strength in (0, 1] and a generator for the rest -> a flaw"""

_SHOT = (1e-4, 1.2e-2)
"""Variance of shot noise at full light, drawn evenly in its log: Brooks et al., "Unprocessing images", CVPR 2019"""


def _either_way(strength: float, rng: np.random.Generator) -> float:
    return strength if rng.random() < 0.5 else -strength


def _adjust(name: str) -> _Draw:
    return lambda strength, rng: Adjust(name, _either_way(strength, rng))


def _noise(strength: float, rng: np.random.Generator) -> Flaw:
    shot = math.exp(math.log(_SHOT[0]) + strength * math.log(_SHOT[1] / _SHOT[0]))
    return Flaw("sensor_noise", (shot, read_noise(shot)))


FLAWS: dict[str, _Draw] = {
    "haze": lambda strength, rng: Flaw("haze", (1 - 0.5 * strength, rng.uniform(0.7, 1))),
    "defocus": lambda strength, rng: Flaw("defocus", (0.6 + 1.4 * strength,)),
    "motion_blur": lambda strength, rng: Flaw("motion_blur", (6 * strength, rng.uniform(0, 180))),
    "exposure": lambda strength, rng: Flaw("exposure_error", (1.5 * _either_way(strength, rng),)),
    "noise": _noise,
    "white_balance": lambda strength, rng: Flaw(
        "white_balance_error", (70 * _either_way(strength, rng), 0.012 * strength * rng.uniform(-1, 1))
    ),
    "contrast": _adjust("contrast"),
    "gamma": _adjust("gamma"),
    "saturation": _adjust("saturation"),
    "jpeg": lambda strength, rng: Flaw("jpeg", (round(80 - 70 * strength),)),
}
"""In the order in which light, lens, sensor, camera and hand cause them; at full strength:

haze half the light scattered (He et al. 2009 see most scenes below that); defocus a disc of 2 and motion 6 pixels of
128; exposure 1.5 stops, as in the sets of Afifi et al., CVPR 2021; noise the highest gain of Brooks et al. 2019; white
balance 70 mired, a lamp or deep shade taken for daylight, and 0.012 duv; contrast, gamma and saturation as in `Adjust`;
JPEG quality 10, the lowest of ImageNet-C (Hendrycks and Dietterich, ICLR 2019).
"""


@dataclass(frozen=True)
class Photographic(Degradation):
    """From `n_min` to `n_max` different flaws, each number equally likely, their strengths drawn evenly.

    No recipe reduces: each of its flaws changes something that none of the others does, and none has strength 0.
    """

    flaws: list[str]
    """names, of `FLAWS`"""
    n_min: PositiveInt
    n_max: PositiveInt
    weakest: float
    strongest: float

    def __post_init__(self) -> None:
        for name in self.flaws:
            if name not in FLAWS:
                raise ApsiError(
                    f"degradation.flaws: unknown '{name}'.{did_you_mean(name, FLAWS)} Known: {', '.join(FLAWS)}."
                )
        if len(set(self.flaws)) < len(self.flaws):
            raise ApsiError(f"degradation.flaws={self.flaws} must name each once")
        if not 1 <= self.n_min <= self.n_max <= len(self.flaws):
            raise ApsiError(
                f"degradation: n_min={self.n_min} and n_max={self.n_max} must be 1 <= n_min <= n_max <= "
                f"{len(self.flaws)}, the number of flaws"
            )
        if not 0.05 <= self.weakest <= self.strongest <= 1:
            raise ApsiError(
                f"degradation: weakest={self.weakest} and strongest={self.strongest} must be "
                "0.05 <= weakest <= strongest <= 1"
            )

    def sample(self, rng: np.random.Generator) -> Recipe:
        count = int(rng.integers(self.n_min, self.n_max, endpoint=True))
        chosen = set(rng.choice(self.flaws, count, replace=False).tolist())
        strengths = (float(rng.uniform(self.weakest, self.strongest)) for _ in range(count))
        return Recipe(tuple(FLAWS[name](next(strengths), rng) for name in FLAWS if name in chosen))
