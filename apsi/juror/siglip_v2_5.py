"""Aesthetic Predictor v2.5."""

from typing import Any

import torch

from apsi.juror.base import About
from apsi.juror.embedding import EmbeddingJuror, transformers


class SiglipV25(EmbeddingJuror):
    """Aesthetic Predictor v2.5: the SigLIP vision tower's pooled output and five linear layers."""

    about = About(
        native_range="about 1 to 10, without bounds",
        mapping="unchanged, clipped to [0, 10]",
        reference="<https://github.com/discus0434/aesthetic-predictor-v2-5>",
        licence="weights AGPL-3.0 (head), Apache-2.0 (SigLIP)",
        knows="what people rate high, illustrations too; hardly flaws of exposure or colour",
    )
    remedy = (
        "Download aesthetic_predictor_v2_5.pth from the folder models/ of "
        "https://github.com/discus0434/aesthetic-predictor-v2-5 and add juror.head=FILE"
    )
    frame_as = "stretch"
    pixel_mean = pixel_std = (0.5, 0.5, 0.5)

    def tower_class(self) -> Any:
        return transformers().SiglipVisionModel

    def embedding_width(self, config: Any) -> int:
        return int(config.hidden_size)

    def embed(self, tower: Any, batch: torch.Tensor) -> torch.Tensor:
        pooled: torch.Tensor = tower(pixel_values=batch).pooler_output
        return pooled
