"""Networks that were trained on ImageNet, from torchvision."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeAlias
from urllib.error import URLError

import gymnasium
import torch
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, create_mlp
from torch import nn

from apsi.device.calibration import Outputs, Setting, find_shapes
from apsi.device.remember import remembered
from apsi.device.torch_layout import layout
from apsi.errors import ApsiError
from apsi.feature_extractor.normalisation import Norm, normalise_by
from apsi.torchvision_ops import define_missing
from apsi.types import BatchSize, Dropout, MemoryFormat

log = logging.getLogger(__name__)

Freeze: TypeAlias = Literal["none", "partial", "all"]
Amp: TypeAlias = Literal[False, True, "bfloat16", "float16"]
"""What a network computes in; True: bfloat16, False: float32"""

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's channels, as torchvision documents them for its weights"""

FROM_CHECKPOINT = "checkpoint"
"""As `weights`: the agent's own are loaded afterwards, so the file that it began with is not needed"""

_AMP = {False: None, True: torch.bfloat16, "bfloat16": torch.bfloat16, "float16": torch.float16}
_REMEMBERED_AS = {None: False, torch.bfloat16: True, torch.float16: "float16"}  # as earlier versions wrote it


@dataclass(frozen=True)
class Architecture:
    """What has to be known of one of torchvision's networks."""

    classifier: str
    """attribute that is left out"""
    last_stage: str
    """stage that stays free with freeze=partial, and all that comes after it"""
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
        amp: Amp,
        unfreeze_after: NonNegativeInt | None,
        batch_size: BatchSize = "auto",
        memory_format: MemoryFormat = "auto",
        unfreeze: dict[str, NonNegativeInt] | None = None,
        norm: Norm = "batch",
        dropout: Dropout = 0.0,
        imagenet_norm: bool = True,
        input_mean: list[float] | None = None,
        input_std: list[PositiveFloat] | None = None,
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
            amp: what the network computes in while its weights stay float32 (autocast); worth it on a GPU. Gradients
                in float16 are scaled by the optimizer.
            unfreeze_after: steps of training after which nothing is frozen any more; None: never.
            batch_size: photos that go through the network at a time where it does not learn; `auto`: measured when the
                first photos come, for two seconds at most, and remembered, like those of a neural juror.
            memory_format: `contiguous`, `channels_last`, or `auto`: measured with it.
            unfreeze: by stage (see `stages`), after how many steps of training it is frozen no more.
            norm: what normalises within the network, see `normalise_by`.
            dropout: share of the head's numbers that are left out while learning, in [0, 1).
            imagenet_norm: whether photos are normalised as for ImageNet's weights, where `input_mean` and `input_std`
                are not given.
            input_mean: of the three channels, in [0, 1], taken off.
            input_std: of the three channels, by which is divided then.

        Raises:
            ApsiError: the weights can't be had or don't fit, random weights would be frozen, a stage is unknown or not
                frozen, or other settings don't go together.
        """
        super().__init__(observation_space, features_dim)
        if weights is None and freeze != "none":
            raise ApsiError(
                f"feature_extractor.weights=null with freeze={freeze} would freeze random weights: add "
                "feature_extractor.freeze=none, or give a file or `imagenet`"
            )
        adapts = freeze != "all" or unfreeze_after is not None or bool(unfreeze)
        if norm in ("group", "layer") and not adapts and weights != FROM_CHECKPOINT:
            raise ApsiError(
                f"feature_extractor.norm={norm} with freeze=all: the weights were trained with BatchNorm and have to "
                "adapt: add feature_extractor.freeze=none, freeze=partial or unfreeze_after=STEPS, or norm=batch"
            )
        self.amp = _AMP[amp]
        self.scaler: torch.amp.GradScaler | None = None
        """scales the gradients of the backbone, where an optimizer set it"""
        self.unfreeze_after, self.unfreeze_stages = unfreeze_after, dict(unfreeze or {})
        self.batch_size, self.memory_format = batch_size, memory_format
        self._setting: Setting | None = None
        self._is_random = weights is None
        channels = observation_space.shape[0]
        self.to_rgb = nn.Identity() if channels == 3 else nn.Conv2d(channels, 3, 1)
        mean, spread = _input_norm(imagenet_norm, input_mean, input_std)
        self.register_buffer("_mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("_spread", torch.tensor(spread).view(1, 3, 1, 1), persistent=False)
        self.register_load_state_dict_pre_hook(_without_input_norm)  # type: ignore[no-untyped-call]  # torch's
        self.backbone = self._load(weights)
        setattr(self.backbone, self.architecture.classifier, nn.Identity())
        normalise_by(norm, self.backbone)
        self.head = nn.Sequential(
            *(
                nn.Sequential(layer, nn.Dropout(dropout)) if dropout and isinstance(layer, nn.ReLU) else layer
                for layer in [*create_mlp(self.architecture.width, features_dim, list(hidden)), nn.ReLU()]
            )
        )
        self._frozen = self._to_freeze(freeze)
        for stage in self._frozen:
            self.stages[stage].requires_grad_(False)
        for stage in self.unfreeze_stages:
            self._require_frozen(stage, freeze)
        self.train(self.training)

    @property
    def stages(self) -> dict[str, nn.Module]:
        """The parts of the network that have something to learn, in its order, such as `layer4` or `features.17`."""
        parent = self.architecture.last_stage.rpartition(".")[0]
        prefix = f"{parent}." if parent else ""
        holder = self.backbone.get_submodule(parent)
        return {
            prefix + name: part for name, part in holder.named_children() if next(part.parameters(), None) is not None
        }

    @property
    def is_frozen(self) -> bool:
        """Whether any part does not learn."""
        return bool(self._frozen)

    @property
    def needs_scaling(self) -> bool:
        """Whether gradients are too small for what the network computes in."""
        return self.amp == torch.float16

    def unfreeze(self, steps: int | None = None) -> list[str]:
        """Lets learn what is due after so many steps of training, or everything; returns the stages that are new."""
        everything = steps is None or (self.unfreeze_after is not None and steps >= self.unfreeze_after)
        due = [
            stage
            for stage in self._frozen
            if everything or (steps is not None and steps >= self.unfreeze_stages.get(stage, math.inf))
        ]
        for stage in due:
            self.stages[stage].requires_grad_(True)
        self._frozen = [stage for stage in self._frozen if stage not in due]
        return due

    def train(self, mode: bool = True) -> Self:
        """Training or evaluation mode; what is frozen stays in evaluation mode."""
        super().train(mode)
        stages = self.stages
        if len(self._frozen) == len(stages):
            self.backbone.eval()
        for stage in self._frozen:
            stages[stage].eval()
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
        features: torch.Tensor = self.head(self.backbone_features(observations))
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
        if learns and self.scaler is not None:
            scale = self.scaler.scale(torch.ones((), device=photos.device))
            return _scaled(self._pool(_scaled(photos, 1 / scale), self._setting), scale)
        if learns or self.backbone.training:  # normalisation looks at the whole batch
            return self._pool(photos, self._setting)
        return torch.cat([self._fill_up(photos[part], self._setting) for part in self._setting.split(len(photos))])

    def _pool(self, photos: torch.Tensor, setting: Setting) -> torch.Tensor:
        with torch.autocast(photos.device.type, self.amp, enabled=self.amp is not None):
            pooled: torch.Tensor = self.backbone(photos.contiguous(memory_format=layout(setting)))
        return pooled.float()

    def _fill_up(self, photos: torch.Tensor, setting: Setting) -> torch.Tensor:
        missing = setting.rows(len(photos)) - len(photos)
        filled = torch.cat([photos, photos.new_zeros(missing, *photos.shape[1:])]) if missing else photos
        return self._pool(filled, setting)[: len(photos)]

    def _to_freeze(self, freeze: Freeze) -> list[str]:
        stages = list(self.stages)
        kept = {"all": len(stages), "partial": stages.index(self.architecture.last_stage), "none": 0}
        return stages[: kept[freeze]]

    def _require_frozen(self, stage: str, freeze: Freeze) -> None:
        if stage not in self.stages:
            raise ApsiError(
                f"feature_extractor.unfreeze: {self.name} has no stage {stage}; it has {', '.join(self.stages)}"
            )
        if stage not in self._frozen:
            frozen = f"frozen are {', '.join(self._frozen)}" if self._frozen else "nothing is frozen"
            raise ApsiError(
                f"feature_extractor.unfreeze: {stage} learns from the start with freeze={freeze} ({frozen}): leave it "
                "out, or add feature_extractor.freeze=all"
            )

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
            return self._pool(torch.stack(made).to(device), setting).cpu().numpy()

        about = {
            "model": self.name,
            "photo": list(photos.shape[1:]),
            "batch": fixed,
            "formats": formats,
            "amp": _REMEMBERED_AS[self.amp],
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


class _Scale(torch.autograd.Function):
    """Leaves numbers as they are and multiplies their gradient."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(factor)
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradients[0] * ctx.saved_tensors[0], None


def _scaled(values: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    scaled: torch.Tensor = _Scale.apply(values, factor)  # type: ignore[no-untyped-call]  # torch's
    return scaled


def _input_norm(
    imagenet_norm: bool, mean: list[float] | None, spread: list[float] | None
) -> tuple[Sequence[float], Sequence[float]]:
    """Mean and spread of the channels by which photos are normalised."""
    if (mean is None) != (spread is None):
        given, missing = ("input_mean", "input_std") if spread is None else ("input_std", "input_mean")
        raise ApsiError(f"feature_extractor.{given} needs feature_extractor.{missing} beside it: give both or neither")
    if mean is None or spread is None:
        return (MEAN, SPREAD) if imagenet_norm else ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    for name, values in (("input_mean", mean), ("input_std", spread)):
        if len(values) != 3:
            raise ApsiError(f"feature_extractor.{name}={values} must have three numbers: of red, green and blue")
    return mean, spread


def _without_input_norm(_: nn.Module, state_dict: dict[str, torch.Tensor], prefix: str, *__: Any) -> None:
    for name in ("_mean", "_spread"):  # in the checkpoints of earlier versions
        state_dict.pop(prefix + name, None)
