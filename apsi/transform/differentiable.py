"""The pointwise adjustments in torch, through which a gradient reaches their strengths.

Each equals the transform of `apsi.transform.adjust` within one of 255 levels. White-box editing: Hu, He, Xu, Wang, Lin,
"Exposure: a white-box photo post-processing framework", ACM Transactions on Graphics 37(2), 2018.
"""

from collections.abc import Callable, Sequence

import torch

from apsi.errors import ApsiError, did_you_mean

_SMALLEST = 1e-4  # below a level of 255, where powers have endless slopes

Adjustment = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Photos `(n, 3, h, w)` RGB in [0, 1] and strengths `(n, 1, 1, 1)` -> photos, to be clipped to [0, 1]"""


def to_linear(values: torch.Tensor) -> torch.Tensor:
    """Linear light of sRGB's values in [0, 1] (IEC 61966-2-1)."""
    return torch.where(values <= 0.04045, values / 12.92, ((values.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def to_srgb(light: torch.Tensor) -> torch.Tensor:
    """The way back, of linear light in [0, 1]."""
    return torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)


def _exposure(photos: torch.Tensor, strengths: torch.Tensor) -> torch.Tensor:
    return to_srgb((to_linear(photos) * 2**strengths).clamp(0, 1))


def _contrast(photos: torch.Tensor, strengths: torch.Tensor) -> torch.Tensor:
    return 2**strengths * (photos - 0.5) + 0.5


def _saturation(photos: torch.Tensor, strengths: torch.Tensor) -> torch.Tensor:
    return _scale_saturation(photos, (1 + strengths).expand_as)


def _vibrance(photos: torch.Tensor, strengths: torch.Tensor) -> torch.Tensor:
    return _scale_saturation(photos, lambda saturation: 1 + strengths * (1 - saturation))


def _scale_saturation(photos: torch.Tensor, factor: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Hue and value of HSV stay: a channel is as far below the highest as the saturation says."""
    highest, lowest = photos.amax(1, keepdim=True), photos.amin(1, keepdim=True)
    saturation = (highest - lowest) / highest.clamp(min=_SMALLEST)
    largest = 1 / saturation.clamp(min=_SMALLEST)
    return highest - (highest - photos) * torch.minimum(factor(saturation), largest)


def _temperature(photos: torch.Tensor, strengths: torch.Tensor) -> torch.Tensor:
    (red, green, blue), s = photos.unbind(1), strengths[:, 0]
    return torch.stack([red * (1 + 0.25 * s), green, blue * (1 - 0.25 * s)], 1)


def _tint(photos: torch.Tensor, strengths: torch.Tensor) -> torch.Tensor:
    (red, green, blue), s = photos.unbind(1), strengths[:, 0]
    return torch.stack([red, green * (1 - 0.2 * s), blue], 1)


def _gamma(photos: torch.Tensor, strengths: torch.Tensor) -> torch.Tensor:
    return torch.where(photos > 0, photos.clamp(min=_SMALLEST) ** (2**-strengths), photos)


ADJUSTMENTS: dict[str, Adjustment] = {
    "exposure": _exposure,
    "contrast": _contrast,
    "saturation": _saturation,
    "vibrance": _vibrance,
    "temperature": _temperature,
    "tint": _tint,
    "gamma": _gamma,
}
"""By their names in labels"""


def require_differentiable(names: Sequence[str]) -> None:
    """Raises an ApsiError that names the first adjustment without a gradient, and the closest that has one."""
    for name in names:
        if name not in ADJUSTMENTS:
            raise ApsiError(
                f"transform.adjustments: '{name}' has no gradient.{did_you_mean(name, ADJUSTMENTS)} "
                f"These have: {', '.join(ADJUSTMENTS)}"
            )


def adjust(photos: torch.Tensor, names: Sequence[str], strengths: torch.Tensor) -> torch.Tensor:
    """Photos after adjustments, one after the other, each rounded to bytes as the transforms round.

    Args:
        photos: `(n, 3, h, w)` float RGB in [0, 1].
        names: of k adjustments, in order.
        strengths: `(n, k)` in [-1, 1].

    Returns:
        `(n, 3, h, w)` in [0, 1]; gradients pass through the rounding as if it were not there.
    """
    for i, name in enumerate(names):
        exact = ADJUSTMENTS[name](photos, strengths[:, i, None, None, None]).clamp(0, 1)
        photos = exact + ((255 * exact).round() / 255 - exact).detach()
    return photos


def to_lab(photos: torch.Tensor) -> torch.Tensor:
    """CIE Lab (D65, 2 degrees) of photos `(n, 3, h, w)` RGB in [0, 1], as scikit-image has it."""
    matrix = photos.new_tensor(
        [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
    )
    white = photos.new_tensor([0.95047, 1.0, 1.08883])
    xyz = torch.einsum("ij,njhw->nihw", matrix, to_linear(photos)) / white[:, None, None]
    f = torch.where(xyz > 0.008856, xyz.clamp(min=0.008856) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = f.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def colour_difference(photos: torch.Tensor, originals: torch.Tensor) -> torch.Tensor:
    """Mean CIEDE2000 of each photo `(n,)` from its original, both `(n, 3, h, w)` RGB in [0, 1].

    Sharma, Wu, Dalal: "The CIEDE2000 color-difference formula: implementation notes, supplementary test data, and
    mathematical observations", Color Research & Application 30(1), 2005.
    """
    (l1, a1, b1), (l2, a2, b2) = (to_lab(p).unbind(1) for p in (photos, originals))
    chroma = (_root(a1**2 + b1**2) + _root(a2**2 + b2**2)) / 2
    g = 0.5 * (1 - _root(chroma**7 / (chroma**7 + 25**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = _root(a1**2 + b1**2), _root(a2**2 + b2**2)
    h1, h2 = _hue(a1, b1), _hue(a2, b2)
    apart = torch.remainder(h2 - h1 + torch.pi, 2 * torch.pi) - torch.pi
    hue_difference = 2 * _root(c1 * c2) * torch.sin(apart / 2)
    l, c = (l1 + l2) / 2, (c1 + c2) / 2  # noqa: E741  the formula's letter
    h = torch.remainder(h1 + apart / 2, 2 * torch.pi)
    t = (
        1
        - 0.17 * torch.cos(h - torch.pi / 6)
        + 0.24 * torch.cos(2 * h)
        + 0.32 * torch.cos(3 * h + torch.pi / 30)
        - 0.20 * torch.cos(4 * h - 63 * torch.pi / 180)
    )
    s_l = 1 + 0.015 * (l - 50) ** 2 / _root(20 + (l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * c, 1 + 0.015 * c * t
    turn = torch.pi / 3 * torch.exp(-(((torch.rad2deg(h) - 275) / 25) ** 2))
    r_t = -torch.sin(turn) * 2 * _root(c**7 / (c**7 + 25**7))
    dl, dc, dh = (l2 - l1) / s_l, (c2 - c1) / s_c, hue_difference / s_h
    return _root(dl**2 + dc**2 + dh**2 + r_t * dc * dh).mean((1, 2))


def _root(values: torch.Tensor) -> torch.Tensor:
    """The square root with a slope at 0 that can be gone on with."""
    return (values.clamp(min=0) + 1e-8).sqrt()


def _hue(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Angle in [0, 2 pi); of grey 0, without a slope."""
    grey = (a.abs() + b.abs()) < 1e-6
    return torch.remainder(torch.atan2(b, torch.where(grey, torch.ones_like(a), a)), 2 * torch.pi)
