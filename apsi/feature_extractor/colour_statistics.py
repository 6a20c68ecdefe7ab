"""What light and colour are like in a photo, wherever they are in it."""

import gymnasium
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn
from torch.nn import functional

_LEVELS = 256
_SHARES = (
    *(0.0, 0.002, 0.005, 0.01, 0.02),
    *(0.05 * i for i in range(1, 20)),
    *(0.98, 0.99, 0.995, 0.998, 1.0),
)
"""Of the pixels that lie below a quantile: close together at both ends, where clipping and faded blacks show"""
_BY_BRIGHTNESS = 16
_NEUTRAL = 0.06
"""Chroma below which a pixel counts as grey, of 1"""
_EDGE = 1.5 / 255


class ColourStatistics(BaseFeaturesExtractor):
    """Quantiles of colours, mean colours by brightness, the cast of greys and clipped shares, normalised.

    Exposure, contrast, white balance and saturation show in how many pixels have which value, and hardly in where they
    are; a network that does not see where can't learn photos by heart so soon. The extremes tell most, so that pixels
    are left out (`stride`) and never averaged: best observed at the size of the photo. Quantiles are of red, green,
    blue, brightness, the highest and the lowest channel, saturation, chroma, red - blue and red - green.
    """

    def __init__(
        self,
        observation_space: gymnasium.spaces.Box,
        stride: int,
        dropout: float,
        over_all: bool = False,
        features_dim: int | None = None,
    ) -> None:
        """Builds the layers.

        Args:
            observation_space: `(3, h, w)`; SB3 scales its `uint8` values to [0, 1] before they come here.
            stride: every so many pixels of every so many rows are looked at.
            dropout: share of the statistics that are left out while learning, in [0, 1).
            over_all: whether photos are normalised by all photos learned from so far, while learning too, and not by
                those of the batch. Then the network is the same when it acts and when it learns, which PPO takes for
                granted.
            features_dim: length of the feature vector, of a layer on the statistics; None: the statistics themselves.
        """
        length = 10 * len(_SHARES) + 3 * _BY_BRIGHTNESS + 3 + 6
        super().__init__(observation_space, features_dim or length)
        self.stride = stride
        self.scale = _OverAll(length, momentum=None) if over_all else _BatchNorm(length)
        layer = [] if features_dim is None else [nn.Linear(length, features_dim), nn.ReLU()]
        self.layers = nn.Sequential(nn.Dropout(dropout), *layer)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """`(N, 3, h, w)` float in [0, 1] -> `(N, features_dim)`."""
        features: torch.Tensor = self.layers(self.scale(self.statistics(observations)))
        return features

    @torch.no_grad()
    def statistics(self, observations: torch.Tensor) -> torch.Tensor:
        """`(N, 3, h, w)` float in [0, 1] -> `(N, length)`, without a gradient."""
        pixels = observations[:, :, :: self.stride, :: self.stride].flatten(2)
        red, green, blue = pixels.unbind(1)
        brightness, highest, lowest = pixels.mean(1), pixels.amax(1), pixels.amin(1)
        chroma = highest - lowest
        values = torch.stack(
            [
                *(red, green, blue, brightness, highest, lowest, chroma / (highest + 0.02), chroma),
                *((red - blue) / 2 + 0.5, (red - green) / 2 + 0.5),
            ],
            1,
        )
        order = brightness.argsort(1)[:, None].expand(-1, 3, -1)
        by_brightness = functional.adaptive_avg_pool1d(pixels.gather(2, order), _BY_BRIGHTNESS).flatten(1)
        grey = (chroma < _NEUTRAL).float()[:, None]
        cast = ((pixels - brightness[:, None]) * grey).sum(2) / (grey.sum(2) + 1)
        ends = torch.cat([pixels > 1 - _EDGE, pixels < _EDGE], 1)
        return torch.cat([_quantiles(values).flatten(1), by_brightness, cast, ends.float().mean(2).sqrt()], 1)


class _BatchNorm(nn.BatchNorm1d):
    """Normalises a single photo by what it knows of others, while learning, too."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if len(values) > 1:
            return super().forward(values)
        return functional.batch_norm(values, self.running_mean, self.running_var, self.weight, self.bias)


class _OverAll(_BatchNorm):
    """Normalises by the mean and the variance over all photos learned from so far, this batch included."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if self.training and len(values) > 1:
            with torch.no_grad():
                super().forward(values)
        mean, variance = self.running_mean, self.running_var
        assert mean is not None and variance is not None
        # copies, as a later batch changes them, perhaps before the gradient of this one is computed
        return functional.batch_norm(values, mean.clone(), variance.clone(), self.weight, self.bias)


def _quantiles(values: torch.Tensor) -> torch.Tensor:
    """Quantiles at `_SHARES` of `(N, k, pixels)` in [0, 1], to one of 255 levels: `(N, k, len(_SHARES))`.

    Counting levels is many times faster than sorting pixels.
    """
    n, k, pixels = values.shape
    levels = (values * (_LEVELS - 1)).round().long().clamp(0, _LEVELS - 1)
    rows = torch.arange(n * k, device=values.device)[:, None] * _LEVELS
    counts = (levels.reshape(n * k, pixels) + rows).flatten().bincount(minlength=n * k * _LEVELS)
    below = counts.reshape(n * k, _LEVELS).cumsum(1).float()
    wanted = torch.tensor(_SHARES, device=values.device) * (pixels - 1) + 1
    found = torch.searchsorted(below, wanted.round().expand(n * k, -1).contiguous())
    return found.clamp(max=_LEVELS - 1).float().reshape(n, k, -1) / (_LEVELS - 1)
