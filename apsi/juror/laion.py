"""LAION's improved aesthetic predictor."""

from typing import Any

import torch

from apsi.juror.base import About
from apsi.juror.embedding import EmbeddingJuror, transformers


class Laion(EmbeddingJuror):
    """LAION's improved aesthetic predictor: the CLIP image embedding and linear layers."""

    about = About(
        native_range="about 1 to 10, without bounds",
        mapping="unchanged, clipped to [0, 10]",
        reference="<https://github.com/christophschuhmann/improved-aesthetic-predictor>",
        licence="weights Apache-2.0 (head), MIT (CLIP)",
        knows="what people rate high (SAC, LAION-Logos, AVA); hardly flaws of exposure or colour",
    )
    remedy = (
        "Download sac+logos+ava1-l14-linearMSE.pth from "
        "https://github.com/christophschuhmann/improved-aesthetic-predictor and add juror.head=FILE"
    )
    frame_as = "crop"
    pixel_mean = (0.48145466, 0.4578275, 0.40821073)
    pixel_std = (0.26862954, 0.26130258, 0.27577711)

    def tower_class(self) -> Any:
        return transformers().CLIPVisionModelWithProjection

    def embedding_width(self, config: Any) -> int:
        return int(config.projection_dim)

    def embed(self, tower: Any, batch: torch.Tensor) -> torch.Tensor:
        embedding: torch.Tensor = tower(pixel_values=batch).image_embeds
        return embedding
