"""Networks that were trained on ImageNet, from torchvision."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeAlias
from urllib.error import URLError

import gymnasium
import torch
from pydantic import NonNegativeInt, PositiveInt
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, create_mlp
from torch import nn

from apsi.device.calibration import Outputs, Setting, find_shapes
from apsi.device.remember import remembered
from apsi.device.torch_layout import layout
from apsi.errors import ApsiError
from apsi.torchvision_ops import define_missing
from apsi.types import BatchSize, MemoryFormat

log = logging.getLogger(__name__)

Freeze: TypeAlias = Literal["none", "partial", "all"]

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's channels, as torchvision documents them for its weights"""

FROM_CHECKPOINT = "checkpoint"
"""As `weights`: the agent's own are loaded afterwards, so the file that it began with is not needed"""


@dataclass(frozen=True)
class Architecture:
    """What has to be known of one of torchvision's networks."""

    classifier: str
    """attribute that is left out"""
    last_stage: str
    """module that stays free with freeze=partial, and all that comes after it"""
    width: int
    """features before the classifier"""


class Pretrained(BaseFeaturesExtractor):
    """A pretrained network without its classifier, and a head of fully connected layers.

    Frozen parts stay in evaluation mode: a BatchNorm that goes on counting would drift.
    """

    name: ClassVar[str]
    """in torchvision.models"""
    architecture: ClassVar[Architecture]

    def __init__(
        self,
        observation_space: gymnasium.spaces.Box,
        *,
        weights: str | None,
        freeze: Freeze,
        hidden: list[PositiveInt],
        features_dim: PositiveInt,
        amp: bool,
        unfreeze_after: NonNegativeInt | None,
        batch_size: BatchSize = "auto",
        memory_format: MemoryFormat = "auto",
    ) -> None:
        """Loads the network.

        Args:
            observation_space: `(C, h, w)`; SB3 scales its `uint8` values to [0, 1] before they come here. Channels
                other than 3 are mapped to 3 by a 1x1 convolution.
            weights: `imagenet` for those that torchvision downloads, a file with a state dict of the torchvision
                network, None for random ones, which only makes sense with freeze=none, or `FROM_CHECKPOINT`.
            freeze: `all` of the network, `partial` (all but its last stage), or `none`.
            hidden: widths of the layers between the network and the features.
            features_dim: length of the feature vector.
            amp: whether the network computes in bfloat16 (autocast); worth it on a GPU.
            unfreeze_after: steps of training after which nothing is frozen any more; None: never.
            batch_size: photos that go through the network at a time where it does not learn; `auto`: measured when the
                first photos come, for two seconds at most, and remembered, like those of a neural juror.
            memory_format: `contiguous`, `channels_last`, or `auto`: measured with it.

        Raises:
            ApsiError: the weights can't be had or don't fit, or random weights would be frozen.
        """
        super().__init__(observation_space, features_dim)
        if weights is None and freeze != "none":
            raise ApsiError(
                f"feature_extractor.weights=null with freeze={freeze} would freeze random weights: add "
                "feature_extractor.freeze=none, or give a file or `imagenet`"
            )
        self.amp, self.unfreeze_after = amp, unfreeze_after
        self.batch_size, self.memory_format = batch_size, memory_format
        self._setting: Setting | None = None
        self._is_random = weights is None
        channels = observation_space.shape[0]
        self.to_rgb = nn.Identity() if channels == 3 else nn.Conv2d(channels, 3, 1)
        self.register_buffer("_mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("_spread", torch.tensor(SPREAD).view(1, 3, 1, 1))
        self.backbone = self._load(weights)
        setattr(self.backbone, self.architecture.classifier, nn.Identity())
        self.head = nn.Sequential(*create_mlp(self.architecture.width, features_dim, list(hidden)), nn.ReLU())
        self._frozen: list[nn.Module] = []
        if freeze == "all":
            self._frozen = [self.backbone]
        elif freeze == "partial":
            self._frozen = self._before_last_stage(self.backbone, self.architecture.last_stage)
        for module in self._frozen:
            module.requires_grad_(False)
        self.train(self.training)

    @property
    def is_frozen(self) -> bool:
        """Whether any part does not learn."""
        return bool(self._frozen)

    def unfreeze(self) -> None:
        """Lets everything learn from here on."""
        self._frozen = []
        self.backbone.requires_grad_(True)

    def train(self, mode: bool = True) -> Self:
        """Training or evaluation mode; what is frozen stays in evaluation mode."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    def apply(self, fn: Callable[[nn.Module], None]) -> Self:
        """Applies `fn` to the layers that begin at random.

        Stable-Baselines3's actor-critic policies initialise an extractor's layers anew by this; what was pretrained
        would be lost.
        """
        if self._is_random:
            return super().apply(fn)
        self.head.apply(fn)
        return self

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """`(N, C, h, w)` float in [0, 1] -> `(N, features_dim)`."""
        features: torch.Tensor = self.head(self.backbone_features(observations).float())
        return features

    def backbone_features(self, observations: torch.Tensor) -> torch.Tensor:
        """`(N, C, h, w)` float in [0, 1] -> `(N, width)`, what the head works on.

        Where the network does not learn, the features of a photo do not depend on the others.
        """
        photos = (self.to_rgb(observations) - self._mean) / self._spread
        if self._setting is None:
            self._setting = self._calibrate(photos)
            self._adopt(self._setting)
        learns = torch.is_grad_enabled() and any(p.requires_grad for p in self.backbone.parameters())
        if learns or self.backbone.training:  # normalisation looks at the whole batch
            return self._pool(photos, self._setting)
        return torch.cat([self._fill_up(photos[part], self._setting) for part in self._setting.split(len(photos))])

    def _pool(self, photos: torch.Tensor, setting: Setting) -> torch.Tensor:
        with torch.autocast(photos.device.type, torch.bfloat16, enabled=self.amp):
            pooled: torch.Tensor = self.backbone(photos.contiguous(memory_format=layout(setting)))
        return pooled

    def _fill_up(self, photos: torch.Tensor, setting: Setting) -> torch.Tensor:
        missing = setting.rows(len(photos)) - len(photos)
        filled = torch.cat([photos, photos.new_zeros(missing, *photos.shape[1:])]) if missing else photos
        return self._pool(filled, setting)[: len(photos)]

    def _adopt(self, setting: Setting) -> None:
        self.backbone.to(memory_format=layout(setting))  # type: ignore[call-overload]  # missing in torch's types

    @torch.no_grad()
    def _calibrate(self, photos: torch.Tensor) -> Setting:
        """Measures, or remembers, how photos of this shape go through the network fastest here."""
        device = photos.device
        fixed = None if self.batch_size == "auto" else int(self.batch_size)
        formats = [False, True] if self.memory_format == "auto" else [self.memory_format == "channels_last"]
        if fixed is not None and len(formats) == 1:
            return Setting((fixed,), formats[0])
        sizes = [2**i for i in range(6 if device.type == "cpu" else 9)]

        def trial(setting: Setting, first: int) -> Outputs:
            self._adopt(setting)
            numbers = range(first, first + setting.batch)
            made = [torch.randn(photos.shape[1:], generator=torch.Generator().manual_seed(i)) for i in numbers]
            return self._pool(torch.stack(made).to(device), setting).float().cpu().numpy()

        about = {
            "model": self.name,
            "photo": list(photos.shape[1:]),
            "batch": fixed,
            "formats": formats,
            "amp": self.amp,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        }
        self.backbone.eval()
        setting, is_known = remembered(about, lambda: find_shapes(trial, sizes, formats, fixed))
        self.train(self.training)
        setting = replace(setting, threads=torch.get_num_threads())
        log.info("Features of %s: %s (%s)", self.name, setting, "remembered" if is_known else "measured")
        return setting

    @staticmethod
    def _before_last_stage(backbone: nn.Module, last_stage: str) -> list[nn.Module]:
        """The modules that come before a stage such as `layer4` or `features.17`, in the network's own order."""
        parent, _, child = last_stage.rpartition(".")
        holder = backbone.get_submodule(parent) if parent else backbone
        before: list[nn.Module] = []
        for name, module in holder.named_children():
            if name == child:
                return before
            before.append(module)
        raise ValueError(f"no stage {last_stage}")

    def _load(self, weights: str | None) -> nn.Module:
        define_missing()
        import torchvision.models

        build: Callable[..., nn.Module] = getattr(torchvision.models, self.name)
        if weights in (None, FROM_CHECKPOINT):
            return build(weights=None)
        if weights == "imagenet":
            try:
                return build(weights="DEFAULT")
            except (URLError, OSError, RuntimeError) as error:
                raise ApsiError(
                    f"the ImageNet weights of {self.name} can't be downloaded ({error}): get the file listed at "
                    "https://pytorch.org/vision/stable/models.html and add feature_extractor.weights=FILE, or train "
                    "from nothing with feature_extractor.weights=null feature_extractor.freeze=none"
                ) from error
        backbone = build(weights=None)
        path = Path(weights).expanduser()
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            backbone.load_state_dict(state)
        except FileNotFoundError as error:
            raise ApsiError(
                f"feature_extractor.weights={path} does not exist; `imagenet` downloads torchvision's own"
            ) from error
        except Exception as error:  # torch raises anything for a file that isn't one of its own
            raise ApsiError(
                f"feature_extractor.weights={path} is no state dict of torchvision's {self.name}: {error}"
            ) from error
        return backbone
