"""Flaws such as cameras and people produce, each with its strength in its label: what photographs are degraded by.

Light is computed on linear values, by sRGB's transfer functions, where cameras expose, blur and add noise. Noise is
drawn from a generator seeded by the photo's own pixels: the same photo always gets the same noise.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from apsi.errors import ApsiError, did_you_mean
from apsi.photo import Photo
from apsi.photo.hash import pixel_hash
from apsi.transform.bands import by_bands
from apsi.transform.base import LabelParser, Transform
from apsi.transform.colour import look_up, to_bytes
from apsi.transform.detail import scale_of
from apsi.transform.lighting import BYTES_IN_LINEAR_LIGHT, linear_to_srgb

_Plane = npt.NDArray[np.float32]

DAYLIGHT = 6504.0
"""Kelvin of D65, sRGB's white"""
_FULL_FRAME_SHOT = 4e-4  # shot noise of a well exposed photo; Brooks et al. take 1e-4 to 1.2e-2
_STRIP = 256  # rows that noise is drawn for together, which bounds the memory
_FINEST = 24.0  # pixels; larger blurs are as good on a smaller version
_LABEL = re.compile(r"([a-z_]+)\(([+-]?[\d.]+(?:,[+-]?[\d.]+)*)\)")
_XYZ_TO_RGB = np.array(
    [[3.2404542, -1.5371385, -0.4985314], [-0.969266, 1.8760108, 0.041556], [0.0556434, -0.2040259, 1.0572252]]
)
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def read_noise(shot: float) -> float:
    """The variance of read noise that goes with a camera's shot noise at the same gain.

    The line that Brooks et al. fitted to real cameras: "Unprocessing images for learned raw denoising", CVPR 2019.
    """
    return math.exp(2.18 * math.log(shot) + 1.2)


def light_gains(mired: float, duv: float) -> tuple[float, float, float]:
    """What a light that the camera took for daylight does to linear RGB at equal luminance.

    Args:
        mired: 1e6 / kelvin of the light less that of daylight: positive is warmer.
        duv: distance from the Planckian locus in CIE 1960 uv: positive is greener.
    """
    rgb = _rgb_of(1e6 / (1e6 / DAYLIGHT + mired), duv) / _rgb_of(DAYLIGHT, 0.0)
    r, g, b = (rgb / (_LUMINANCE @ rgb)).tolist()
    return r, g, b


def _rgb_of(kelvin: float, duv: float) -> npt.NDArray[np.float64]:
    """Linear RGB of a Planckian radiator.

    Krystek: "An algorithm to calculate correlated colour temperature", Color Research & Application 10(1), 1985;
    good from 1,000 to 15,000 K.
    """
    u, v = _krystek(kelvin)
    along = np.subtract(_krystek(kelvin * 1.001), (u, v))
    across = np.array([along[1], -along[0]]) / np.hypot(*along)
    if across[1] < 0:  # greener is up in v
        across = -across
    u, v = np.array([u, v]) + duv * across
    x, y = 3 * u / (2 * u - 8 * v + 4), 2 * v / (2 * u - 8 * v + 4)
    rgb: npt.NDArray[np.float64] = np.maximum(_XYZ_TO_RGB @ np.array([x / y, 1, (1 - x - y) / y]), 1e-3)
    return rgb


def _krystek(t: float) -> tuple[float, float]:
    u = (0.860117757 + 1.54118254e-4 * t + 1.28641212e-7 * t**2) / (1 + 8.42420235e-4 * t + 7.08145163e-7 * t**2)
    v = (0.317398726 + 4.22806245e-5 * t + 4.20481691e-8 * t**2) / (1 - 2.89741816e-5 * t + 1.61456053e-7 * t**2)
    return u, v


def _exposure(photo: Photo, stops: float) -> Photo:
    """Overexposure clips; underexposure has fewer photons for the same read-out, so that lifting it shows noise."""
    linear = BYTES_IN_LINEAR_LIGHT * np.float32(2.0**stops)
    if stops >= 0:
        return look_up(photo, to_bytes(255 * linear_to_srgb(linear)))
    return _noisy(photo, linear, _FULL_FRAME_SHOT, read_noise(_FULL_FRAME_SHOT))


def _noisy(photo: Photo, linear: _Plane, shot: float, read: float) -> Photo:
    """Poisson and Gaussian noise of variance `shot * x + read` on linear light.

    Foi, Trimeche, Katkovnik, Egiazarian: "Practical Poissonian-Gaussian noise modeling and fitting for single-image
    raw-data", IEEE Transactions on Image Processing 17(10), 2008.

    Args:
        photo: `(H, W, 3)` `uint8`.
        linear: light of each byte value `(256,)`.
        shot: of the variance, at full light.
        read: of the variance, everywhere.
    """
    rng = np.random.default_rng(int.from_bytes(pixel_hash(photo), "big"))
    result = np.empty_like(photo)
    for top in range(0, len(photo), _STRIP):
        light = linear[photo[top : top + _STRIP]]
        counted = rng.poisson(light / shot) * shot if shot else light
        result[top : top + _STRIP] = to_bytes(
            255 * linear_to_srgb(counted + rng.normal(0, math.sqrt(read), light.shape))
        )
    return result


def _white_balance(photo: Photo, mired: float, duv: float) -> Photo:
    gains = np.array(light_gains(mired, duv))
    return look_up(photo, to_bytes(255 * linear_to_srgb(BYTES_IN_LINEAR_LIGHT[:, None] * gains)))


def _haze(photo: Photo, transmission: float, airlight: float) -> Photo:
    """Koschmieder's law at one distance: I = J t + A (1 - t); He, Sun, Tang, CVPR 2009."""
    return look_up(
        photo, to_bytes(255 * linear_to_srgb(BYTES_IN_LINEAR_LIGHT * transmission + airlight * (1 - transmission)))
    )


def _defocus(photo: Photo, radius: float) -> Photo:
    """A disc of confusion; Hendrycks and Dietterich take such discs too: ImageNet-C, ICLR 2019."""

    def disc(scale: float) -> npt.NDArray[np.float32]:
        reach = math.ceil(radius * scale)
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        return np.asarray(np.clip(radius * scale + 0.5 - np.hypot(x, y), 0, 1), np.float32)

    return _spread(photo, radius, disc)


def _motion(photo: Photo, length: float, angle: float) -> Photo:
    """Straight, even motion of the camera; angle in degrees, counter-clockwise from the horizontal."""

    def line(scale: float) -> npt.NDArray[np.float32]:
        half = length * scale / 2
        reach = math.ceil(half) + 1
        kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
        at = np.linspace(-half, half, 8 * math.ceil(half) + 9)
        xs, ys = reach + at * math.cos(math.radians(angle)), reach - at * math.sin(math.radians(angle))
        left, top = np.floor(xs).astype(int), np.floor(ys).astype(int)
        for right, weight_x in ((0, left + 1 - xs), (1, xs - left)):
            for below, weight_y in ((0, top + 1 - ys), (1, ys - top)):
                np.add.at(kernel, (top + below, left + right), (weight_x * weight_y).astype(np.float32))
        return kernel

    return _spread(photo, length / 2, line)


def _spread(photo: Photo, reach: float, kernel: Callable[[float], npt.NDArray[np.float32]]) -> Photo:
    """Spreads the light of each pixel by a kernel, made for a scale; `reach` in pixels at the reference side."""
    scale = scale_of(photo)
    factor = max(1, int(reach * scale / _FINEST))
    height, width = photo.shape[:2]
    light: npt.NDArray[Any] = BYTES_IN_LINEAR_LIGHT[photo]
    if factor > 1:
        small = (math.ceil(width / factor), math.ceil(height / factor))
        light = cv2.resize(light, small, interpolation=cv2.INTER_AREA)
    weights = kernel(scale / factor)
    light = cv2.filter2D(light, -1, weights / weights.sum(), borderType=cv2.BORDER_REFLECT)
    if factor > 1:
        light = cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR)
    return by_bands(lambda rows: to_bytes(255 * linear_to_srgb(rows)), light)


def _jpeg(photo: Photo, quality: float) -> Photo:
    encoded, data = cv2.imencode(".jpg", photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, round(quality)])
    if not encoded:
        raise ApsiError(f"a photo of {photo.shape[1]} x {photo.shape[0]} pixels can't be a JPEG: at most 65,535 a side")
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])


@dataclass(frozen=True)
class _Number:
    name: str
    low: float
    high: float
    written: str
    """format of the label's number"""


@dataclass(frozen=True)
class _Kind:
    apply: Callable[..., Photo]
    numbers: tuple[_Number, ...]
    words: Callable[..., str]
    neutral: Callable[..., bool]
    """whether these numbers leave every photo as it is"""


_KINDS = {
    "exposure_error": _Kind(
        _exposure,
        (_Number("stops", -3, 3, "+.2f"),),
        lambda stops: f"It was exposed {abs(stops):.1f} stops too {'long' if stops > 0 else 'short'}.",
        lambda stops: stops == 0,
    ),
    "white_balance_error": _Kind(
        _white_balance,
        (_Number("mired", -80, 250, "+.0f"), _Number("duv", -0.03, 0.03, "+.4f")),
        lambda mired, _: f"The light was {'warmer' if mired > 0 else 'colder'} than the camera took it for.",
        lambda mired, duv: mired == 0 and duv == 0,
    ),
    "haze": _Kind(
        _haze,
        (_Number("transmission", 0.2, 1, ".3f"), _Number("airlight", 0.5, 1, ".2f")),
        lambda *_: "There was haze between the camera and the subject.",
        lambda transmission, _: transmission == 1,
    ),
    "sensor_noise": _Kind(
        lambda photo, shot, read: _noisy(photo, BYTES_IN_LINEAR_LIGHT, shot, read),
        (_Number("shot", 0, 0.05, ".5f"), _Number("read", 0, 0.01, ".6f")),
        lambda *_: "There was little light: the sensor's noise shows.",
        lambda shot, read: shot == 0 and read == 0,
    ),
    "defocus": _Kind(
        _defocus,
        (_Number("radius", 0, 8, ".2f"),),
        lambda _: "The focus was not on the subject.",
        lambda radius: radius == 0,
    ),
    "motion_blur": _Kind(
        _motion,
        (_Number("length", 0, 32, ".2f"), _Number("angle", 0, 180, ".0f")),
        lambda *_: "The camera was moved while the shutter was open.",
        lambda length, _: length == 0,
    ),
    "jpeg": _Kind(
        _jpeg,
        (_Number("quality", 1, 100, ".0f"),),
        lambda _: "It was saved with too much compression.",
        lambda _: False,
    ),
}

FLAWS: tuple[str, ...] = tuple(_KINDS)
"""Names of all flaws"""


@dataclass(frozen=True)
class Flaw(Transform):
    """A flaw by its name and its numbers.

    - `exposure_error(stops)`: of linear light, with clipping, and with the noise of fewer photons where negative.
    - `white_balance_error(mired,duv)`: the light's colour along the Planckian locus and away from it.
    - `haze(transmission,airlight)`: of linear light, the same at every distance.
    - `sensor_noise(shot,read)`: its variance on linear light is shot times light plus read, a pixel of this photo.
    - `defocus(radius)`, `motion_blur(length,angle)`: pixels where the shorter side has 128, growing with it; degrees.
    - `jpeg(quality)`: compressed and decoded once.

    Raises:
        ApsiError: an unknown name, too few or many numbers, or one out of range.
    """

    name: str
    numbers: tuple[float, ...]
    """rounded as the label says them"""

    def __post_init__(self) -> None:
        if self.name not in _KINDS:
            raise ApsiError(f"unknown flaw '{self.name}'.{did_you_mean(self.name, FLAWS)} Known: {', '.join(FLAWS)}.")
        wanted = _KINDS[self.name].numbers
        if len(self.numbers) != len(wanted):
            names = ",".join(number.name for number in wanted)
            raise ApsiError(f"{self.name}{self.numbers} must be written {self.name}({names})")
        for value, number in zip(self.numbers, wanted, strict=True):
            if not number.low <= value <= number.high:
                raise ApsiError(f"{self.name}: {number.name}={value} must be in [{number.low:g}, {number.high:g}]")
        rounded = (float(format(v, n.written)) + 0.0 for v, n in zip(self.numbers, wanted, strict=True))
        object.__setattr__(self, "numbers", tuple(rounded))

    @property
    def label(self) -> str:
        numbers = zip(self.numbers, _KINDS[self.name].numbers, strict=True)
        return f"{self.name}({','.join(format(value, number.written) for value, number in numbers)})"

    @property
    def advice(self) -> str:
        return _KINDS[self.name].words(*self.numbers)

    def __call__(self, photo: Photo) -> Photo:
        kind = _KINDS[self.name]
        return photo.copy() if kind.neutral(*self.numbers) else kind.apply(photo, *self.numbers)


def parse(label: str) -> Flaw | None:
    """The flaw of a label such as `haze(0.700,0.90)`; None where it is no such label."""
    found = _LABEL.fullmatch(label)
    try:
        return Flaw(found[1], tuple(float(number) for number in found[2].split(","))) if found else None
    except ValueError:  # such as 1.2.3
        return None


PARSERS = (LabelParser(FLAWS, "with numbers written as in haze(0.700,0.90)", parse),)
