"""Ranking all crops of a photo in one pass."""

import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
from gymnasium.spaces import Discrete
from pydantic import NonNegativeFloat, PositiveInt
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecEnv
from torch import nn
from torch.nn import functional

from apsi.algo.base import Network
from apsi.algo.outcome_replay import OutcomeReplay, OutcomeReplayModel, Rows
from apsi.crops.base import CropAnnotations
from apsi.env.core import Lookahead
from apsi.env.vec_env import PhotoVecEnv
from apsi.errors import ApsiError
from apsi.photo import Floats, Ints
from apsi.photo.read import UnreadablePhotoError, read_photo
from apsi.photo.resample import resample
from apsi.transform.action_set import DiscreteActions
from apsi.transform.crop_moves import CropTo
from apsi.types import Fraction

log = logging.getLogger(__name__)

_CONVOLUTIONS = (5, 4), (3, 2), (3, 1), (3, 1)  # kernels and strides: eight pixels of an observation a cell
_SQUEEZED = 16  # features that are sampled
_CONTEXT = 0.15  # of a box's side, around it, that is looked at as well: what it cuts shows there


class CropRankerPolicy(BasePolicy):
    """Features of the whole photo once, then of each box, inside and outside; a value for each.

    After Zeng, Li, Cao, Zhang: "Reliable and efficient image cropping: a grid anchor based approach", CVPR 2019, with
    sampled features in the place of RoIAlign and RoDAlign.
    """

    boxes: torch.Tensor
    """of the actions, `(K, 4)`: x1, y1, x2, y2 as shares of the sides"""

    def __init__(
        self,
        observation_space: Any,
        action_space: Discrete,
        lr_schedule: Any,
        *,
        net_arch: list[int],
        channels: list[int],
        cells: int,
        dropout: float,
        boxes: Sequence[Sequence[float]],
        **kwargs: Any,
    ) -> None:
        """Builds the network; arguments as Stable-Baselines3 passes them, and:

        Args:
            observation_space: of photos alone.
            action_space: of the boxes, and STOP where the environment has it.
            lr_schedule: of the share of training that remains.
            net_arch: widths of the layers of the head.
            channels: of the four convolutions, multiples of 8.
            cells: samples inside of a box, a side.
            dropout: share of a box's features that are left out in training.
            boxes: of the actions, in their order.
            kwargs: of `BasePolicy`.
        """
        super().__init__(observation_space, action_space, **kwargs)
        self.register_buffer("boxes", torch.tensor(np.array(boxes), dtype=torch.float32))
        self.cells = cells
        layers: list[nn.Module] = []
        before = 3
        for after, (kernel, stride) in zip(channels, _CONVOLUTIONS, strict=True):
            layers += [nn.Conv2d(before, after, kernel, stride, kernel // 2), nn.GroupNorm(8, after), nn.ReLU()]
            before = after
        self.trunk = nn.Sequential(*layers)
        self.squeeze = nn.Conv2d(before, _SQUEEZED, 1)
        widths = [_SQUEEZED * (cells**2 + 3) + 6, *net_arch]
        head: list[nn.Module] = [nn.Dropout(dropout)]
        for wide, narrow in pairwise(widths):
            head += [nn.Linear(wide, narrow), nn.ReLU()]
        self.head = nn.Sequential(*head, nn.Linear(widths[-1], 1))
        self.optimizer = self.optimizer_class(self.parameters(), lr_schedule(1), **self.optimizer_kwargs)

    def values(self, photos: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        """What each crop of each photo is worth, in points of score beyond the photo as it is.

        Args:
            photos: `(n, 3, h, w)` `uint8` observations.
            boxes: `(K, 4)`, or `(n, K, 4)` where each photo has its own, in shares.

        Returns:
            `(n, K)`.
        """
        features = self.squeeze(self.trunk(photos.float() / 255 - 0.5))
        n = len(features)
        boxes = boxes.expand(n, *boxes.shape[-2:])
        inside = _sampled(features, _grown(boxes, _CONTEXT), self.cells).flatten(2)
        within = _sampled(features, boxes, self.cells).mean(dim=(3, 4))
        area = ((boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1]))[..., None]
        everywhere = features.mean(dim=(2, 3))[:, None].expand_as(within)
        left_out = (everywhere - within * area) / (1 - area).clamp(min=0.05)
        shape = torch.cat([boxes, area, boxes[..., 2:3] - boxes[..., 0:1] - boxes[..., 3:] + boxes[..., 1:2]], -1)
        values: torch.Tensor = self.head(torch.cat([inside, within, left_out, everywhere, shape], -1))[..., 0]
        return values

    def q_net(self, observations: torch.Tensor) -> torch.Tensor:
        """Values of the actions `(n, A)`, means of those of the photo and of it mirrored; 0 for STOP."""
        mirrored = self.boxes[:, [2, 1, 0, 3]] * self.boxes.new_tensor([-1, 1, -1, 1]) + self.boxes.new_tensor(
            [1, 0, 1, 0]
        )
        values = (self.values(observations, self.boxes) + self.values(observations.flip(3), mirrored)) / 2
        n_more = int(self.action_space.n) - len(self.boxes)  # type: ignore[attr-defined]  # Discrete
        return functional.pad(values, (0, n_more))

    def _predict(self, observation: Any, deterministic: bool = False) -> torch.Tensor:
        return self.q_net(observation).argmax(dim=1)


def _grown(boxes: torch.Tensor, share: float) -> torch.Tensor:
    sides = boxes[..., 2:] - boxes[..., :2]
    return torch.cat([boxes[..., :2] - share * sides, boxes[..., 2:] + share * sides], -1)


def _sampled(features: torch.Tensor, boxes: torch.Tensor, cells: int) -> torch.Tensor:
    """Features at a grid of points in each box `(n, K, 4)`: `(n, K, C, cells, cells)`, 0 outside of the photo."""
    n, k = boxes.shape[:2]
    places = (torch.arange(cells, device=boxes.device) + 0.5) / cells
    across = boxes[..., 0:1] + places * (boxes[..., 2:3] - boxes[..., 0:1])
    down = boxes[..., 1:2] + places * (boxes[..., 3:4] - boxes[..., 1:2])
    grid = torch.stack(
        [
            across[:, :, None].expand(n, k, cells, cells),
            down[..., None].expand(n, k, cells, cells),
        ],
        -1,
    )
    flat = (2 * grid - 1).reshape(n, k * cells, cells, 2)
    sampled = functional.grid_sample(features, flat, align_corners=False)
    return sampled.reshape(n, features.shape[1], k, cells, cells).transpose(1, 2)


@dataclass(frozen=True, eq=False)
class Annotated:
    """Photos with crops that people scored, in memory at the size of observations."""

    photos: npt.NDArray[np.uint8]
    """`(n, 3, h, w)`"""
    boxes: list[Floats]
    """of each photo, `(k, 4)` in shares"""
    scores: list[Floats]
    """of each, `(k,)`, with mean 0 and standard deviation 1 over all"""
    originals: set[str]
    """SHA-256 of the photos' files"""

    @classmethod
    def read(
        cls, annotations: CropAnnotations, height: int, width: int, held_out: AbstractSet[str] = frozenset()
    ) -> Self:
        """Reads all photos that have at least two scored crops, but those that are for validation and test.

        Args:
            annotations: all of them.
            height: of observations, in pixels.
            width: likewise.
            held_out: SHA-256 of the files of photos that are not to be learned from.

        Raises:
            ApsiError: there is none, or one can't be read.
        """
        scored = [one for one in (photo.scored for photo in annotations.photos()) if len(one.boxes) >= 2]
        if not scored:
            raise ApsiError(
                "algo=crop_ranker learns from scored crops, and crops= has none; without crops it learns from the juror"
            )
        hashes = {one.name: annotations.hash_of(one.name) for one in scored}
        there, scored = len(scored), [one for one in scored if hashes[one.name] not in held_out]
        if not scored:
            raise ApsiError(
                f"all {there} photos with scored crops are in the validation or test split of dataset=: give others "
                "with crops=, or other photos to dataset="
            )
        if len(scored) < there:
            log.info("%d of %d photos with scored crops are for validation and test", there - len(scored), there)
        photos = []
        for one in scored:
            try:
                photo = read_photo(annotations.path(one.name))
            except UnreadablePhotoError as error:
                raise ApsiError(f"{annotations.path(one.name)}: {error}") from error
            photos.append(resample(photo, width, height).transpose(2, 0, 1))
        everything = np.concatenate([one.scores for one in scored])
        spread = float(everything.std()) or 1.0
        scores = [(one.scores - everything.mean()) / spread for one in scored]
        return cls(np.stack(photos), [one.boxes for one in scored], scores, set(hashes.values()) - held_out)

    def draw(
        self, rng: np.random.Generator, count: int, boxes_per_photo: int, mirror: bool
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Photos `(count, 3, h, w)`, crops of each `(count, boxes_per_photo, 4)` and their scores."""
        chosen = rng.integers(len(self.photos), size=count)
        rows = [rng.integers(len(self.boxes[i]), size=boxes_per_photo) for i in chosen]
        boxes = np.stack([self.boxes[i][row] for i, row in zip(chosen, rows, strict=True)]).astype(np.float32)
        scores = np.stack([self.scores[i][row] for i, row in zip(chosen, rows, strict=True)]).astype(np.float32)
        photos = self.photos[chosen]
        if mirror:
            flipped = rng.random(count) < 0.5
            photos[flipped] = photos[flipped, :, :, ::-1]
            boxes[flipped] = boxes[flipped][..., [2, 1, 0, 3]] * [-1, 1, -1, 1] + [1, 0, 1, 0]
        return photos, boxes, scores


class CropRankerModel(OutcomeReplayModel):
    """Fits the values of all boxes to the juror's scores of them, and their order to its order."""

    policy: CropRankerPolicy
    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"CnnPolicy": CropRankerPolicy}

    def __init__(
        self,
        *args: Any,
        order_weight: float = 1.0,
        boxes_per_photo: int = 32,
        annotations: CropAnnotations | None = None,
        **kwargs: Any,
    ) -> None:
        """Takes what `OutcomeReplayModel` takes, and:

        Args:
            args: of `OutcomeReplayModel`.
            order_weight: weight of the differences between boxes, beside their values, in the loss.
            boxes_per_photo: boxes of each photo that an update uses, drawn anew every time.
            annotations: photos with scored crops, which are learned from instead of the juror's scores.
            kwargs: of `OutcomeReplayModel`.
        """
        self.order_weight, self.boxes_per_photo = order_weight, boxes_per_photo
        self.annotations = annotations
        self._annotated: Annotated | None = None
        super().__init__(*args, **kwargs)

    def read_annotated(self, held_out: AbstractSet[str]) -> set[str]:
        """Reads the photos that it learns from beside those of the data set; see `Annotated.read`.

        Returns:
            SHA-256 of their files; of none where it learns from the juror.
        """
        if self.annotations is None:
            return set()
        height, width = self.observation_space.shape[-2:]  # type: ignore[index]  # a Box
        self._annotated = Annotated.read(self.annotations, height, width, held_out)
        return self._annotated.originals

    def _round(self, callback: BaseCallback) -> bool:
        if self.annotations is None:
            return super()._round(callback)
        if self._annotated is None:
            self.read_annotated(frozenset())
        assert self._annotated is not None
        losses = []
        for _ in range(self.gradient_steps):
            photos, boxes, scores = self._annotated.draw(self._rng, self.batch_size, self.boxes_per_photo, self.mirror)
            observations, _ = self.policy.obs_to_tensor(photos)
            assert isinstance(observations, torch.Tensor)
            values = self.policy.values(observations, torch.from_numpy(boxes).to(self.device))
            loss = self._fit(values, torch.from_numpy(scores).to(self.device))
            self._descend(loss)
            losses.append(loss.item())
            self.num_timesteps += self.batch_size
            callback.update_locals({"dones": np.ones(self.batch_size, dtype=bool)})  # each photo is one step
            if not callback.on_step():
                return False
        self.logger.record("train/loss", float(np.mean(losses)))
        self.logger.record("train/n_updates", self._n_updates)
        return True

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "annotations", "_annotated"]

    def _empty_memory(self) -> Rows:
        return {"gains": self._room(len(self.policy.boxes))}

    def _outcomes(self, lookahead: Lookahead) -> Rows:
        return {"gains": lookahead.scores[:, : len(self.policy.boxes)] - self.core.scores[:, None]}

    def _loss(self, photos: npt.NDArray[np.uint8], chosen: Ints, same: Ints) -> torch.Tensor:
        gains = np.take_along_axis(self._memory["gains"][chosen], same[:, : len(self.policy.boxes)], axis=1)
        drawn = self._rng.permutation(gains.shape[1])[: self.boxes_per_photo]
        observations, _ = self.policy.obs_to_tensor(photos)
        assert isinstance(observations, torch.Tensor)  # `FullInformation` refuses others
        values = self.policy.values(observations, self.policy.boxes[torch.from_numpy(drawn).to(self.device)])
        return self._fit(values, torch.from_numpy(gains[:, drawn]).to(self.device))

    def _fit(self, values: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Of values and scores `(B, K)`."""
        other = torch.from_numpy(self._rng.permutation(values.shape[1])).to(values.device)
        differences = values - values[:, other], truth - truth[:, other]
        return functional.smooth_l1_loss(values, truth) + self.order_weight * functional.smooth_l1_loss(
            *differences, beta=0.3
        )


@dataclass(frozen=True)
class CropRanker(OutcomeReplay):
    """Learns what each box of `transform=crop_anchors` is worth from the juror's scores of all of them.

    Features of a photo are made once and sampled inside and around each box, so that ninety crops cost little more than
    one. The agent sees the photo and nothing else; with `policy=shortlist` the juror has the last word on a few.
    """

    channels: list[PositiveInt]
    cells: PositiveInt
    dropout: Fraction
    order_weight: NonNegativeFloat
    boxes_per_photo: PositiveInt
    annotations: CropAnnotations | None = None
    """`crops` of the configuration: where it is set, people's scores are learned from and not the juror's"""

    model = CropRankerModel
    of_features = ("trunk", "squeeze")
    of_actions = ("boxes",)

    def arguments(self, env: VecEnv) -> dict[str, Any]:
        of_policy = ("channels", "cells", "dropout")
        return {name: value for name, value in super().arguments(env).items() if name not in of_policy}

    def policy_kwargs(self, env: VecEnv, network: Network) -> dict[str, Any]:
        assert isinstance(env, PhotoVecEnv)
        if len(self.channels) != 4 or any(wide % 8 for wide in self.channels):
            raise ApsiError(f"algo.channels={self.channels} must be four multiples of 8")
        common = super().policy_kwargs(env, network)
        own = {"features_extractor_class", "features_extractor_kwargs"}
        return {name: value for name, value in common.items() if name not in own} | {
            "channels": self.channels,
            "cells": self.cells,
            "dropout": self.dropout,
            "boxes": [box.array.tolist() for box in _boxes_of(env)],
        }


def _boxes_of(env: PhotoVecEnv) -> list[Any]:
    actions = env.core.actions
    transforms = actions.transforms if isinstance(actions, DiscreteActions) else ()
    boxes = [transform.box for transform in transforms if isinstance(transform, CropTo)]
    if not boxes or len(boxes) < len(transforms):
        raise ApsiError("algo=crop_ranker ranks boxes: add env=crop transform=crop_anchors degradation=none")
    return boxes
