"""Photos placed by what a trained agent sees in them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, CombinedExtractor
from torch import nn

from apsi.agent.build import load_agent
from apsi.agent.checkpoint import read_checkpoint
from apsi.agent.trial import Trial
from apsi.analyse.embedding import Embedder
from apsi.config.build import components
from apsi.errors import ApsiError
from apsi.juror.none import NoJuror
from apsi.photo import Floats, Photo
from apsi.photo.hash import file_hash
from apsi.photo.resample import resample


class AgentFeatures(Embedder):
    """The features of an agent's network, before the layers that choose."""

    def __init__(self, extractor: nn.Module, size: tuple[int, int], fingerprint: str) -> None:
        """Takes the network.

        Args:
            extractor: `(N, 3, h, w)` float in [0, 1] -> `(N, D)`.
            size: height and width that it sees photos at.
            fingerprint: of its weights.
        """
        self._extractor, self._size, self._weights = extractor.eval(), size, fingerprint
        self._where = next((tensor.device for tensor in extractor.parameters()), torch.device("cpu"))

    @property
    def fingerprint(self) -> str:
        return f"agent-{self._weights}"

    @property
    def words(self) -> str:
        height, width = self._size
        return f"Photos that lie near each other look alike to the agent, which sees them as {width} x {height} pixels."

    def embed(self, photos: Sequence[Photo]) -> Floats:
        height, width = self._size
        rows = [resample(photo, width, height).transpose(2, 0, 1) for photo in photos]
        with torch.no_grad():
            seen = torch.from_numpy(np.stack(rows).astype(np.float32) / 255).to(self._where)
            raw = self._extractor(seen).double().cpu().numpy()
        made: Floats = raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-12)
        return made


def agent_features(config: DictConfig) -> AgentFeatures:
    """What the agent of `checkpoint` sees in photos.

    Raises:
        ApsiError: there is none, it can't be loaded, or it looks at photos through no network of its own.
    """
    if config.checkpoint is None:
        raise ApsiError("task.features=agent needs the agent: add checkpoint=outputs/.../checkpoints/best.zip")
    path = Path(config.checkpoint).expanduser()
    parts = components(config, NoJuror())
    _, model = load_agent(config, read_checkpoint(path), parts, Trial(parts.objective))
    size = parts.objective.observation_size
    for module in model.policy.modules():
        if isinstance(module, BaseFeaturesExtractor) and not isinstance(module, CombinedExtractor):
            shape = module._observation_space.shape  # noqa: SLF001 - SB3 names it nowhere else
            if shape == (3, *size):
                return AgentFeatures(module, (size[0], size[1]), file_hash(path)[:12])
    raise ApsiError(f"the agent of {path} has no network that takes photos alone: leave task.features=agent out")
