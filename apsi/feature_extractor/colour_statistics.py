"""What light and colour are like in a photo, wherever they are in it."""

import gymnasium
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn
from torch.nn import functional

_QUANTILES = 16
_HISTOGRAMS = 10
_EDGE = 1 / 255  # of the scale


class ColourStatistics(BaseFeaturesExtractor):
    """Soft histograms, mean colours by brightness, clipped shares, and a small network on them.

    Exposure, contrast, white balance and saturation show in how many pixels have which value, and hardly in where they
    are; a network that does not see where can't learn photos by heart so soon. Histograms are of red, green, blue,
    brightness, the highest and the lowest channel, saturation, chroma, red - blue and red - green.
    """

    def __init__(
        self, observation_space: gymnasium.spaces.Box, bins: int, pool: int, dropout: float, features_dim: int
    ) -> None:
        """Builds the layers.

        Args:
            observation_space: `(3, h, w)`; SB3 scales its `uint8` values to [0, 1] before they come here.
            bins: of each histogram.
            pool: side of the squares of pixels that count as one.
            dropout: share of the statistics that are left out while learning, in [0, 1).
            features_dim: length of the feature vector.
        """
        super().__init__(observation_space, features_dim)
        self.pool = pool
        self.centres: torch.Tensor
        self.register_buffer("centres", torch.linspace(0, 1, bins))
        length = _HISTOGRAMS * bins + 3 * _QUANTILES + 6
        self.head = nn.Sequential(nn.LayerNorm(length), nn.Dropout(dropout), nn.Linear(length, features_dim), nn.ReLU())

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """`(N, 3, h, w)` float in [0, 1] -> `(N, features_dim)`."""
        features: torch.Tensor = self.head(self.statistics(observations))
        return features

    def statistics(self, observations: torch.Tensor) -> torch.Tensor:
        """`(N, 3, h, w)` float in [0, 1] -> `(N, length)`."""
        pixels = functional.avg_pool2d(observations, self.pool).flatten(2)
        red, green, blue = pixels.unbind(1)
        brightness, highest, lowest = pixels.mean(1), pixels.amax(1), pixels.amin(1)
        chroma = highest - lowest
        values = (
            *(red, green, blue, brightness, highest, lowest, chroma / (highest + 1e-3), chroma),
            *((red - blue) / 2 + 0.5, (red - green) / 2 + 0.5),
        )
        histograms = [self._histogram(value) for value in values]
        order = brightness.argsort(1)[:, None].expand(-1, 3, -1)
        by_brightness = functional.adaptive_avg_pool1d(pixels.gather(2, order), _QUANTILES).flatten(1)
        clipped = torch.stack([(pixels > 1 - _EDGE).float().mean(2), (pixels < _EDGE).float().mean(2)], 2).flatten(1)
        return torch.cat([*histograms, by_brightness, clipped], 1)

    def _histogram(self, values: torch.Tensor) -> torch.Tensor:
        """Square roots, as counts vary with their size, of the shares near each centre, `(N, bins)`."""
        apart = (values[:, :, None] - self.centres) * len(self.centres)
        return (torch.exp(-(apart**2)).mean(1) + 1e-6).sqrt()
