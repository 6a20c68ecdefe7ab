"""SigLIP, LAION and NIMA: golden scores of small models, weights that are missing, wrong or would run code."""

from pathlib import Path

import numpy as np
import pytest
import torch

from apsi.errors import ApsiError
from apsi.juror.torch_model import AffineHead
from tests.conftest import natural_photo
from tests.juror.small_models import WEIGHTS, juror, photos


@pytest.mark.slow
def test_siglip_is_the_pooled_output_normalised_and_scored(siglip: Path, files: dict[str, Path]) -> None:
    from transformers import SiglipVisionModel

    photo = natural_photo(0, 28, 28)  # already of the tower's size: no resizing to disagree about
    pixels = torch.from_numpy(photo.transpose(2, 0, 1).astype(np.float32))[None] / 127.5 - 1
    with torch.no_grad():
        embedding = SiglipVisionModel.from_pretrained(siglip)(pixel_values=pixels).pooler_output
    x = embedding / embedding.norm(dim=-1, keepdim=True)
    state = torch.load(files["siglip"], weights_only=True)
    for i in range(0, 10, 2):
        x = x @ state[f"scoring_head.{i}.weight"].T + state[f"scoring_head.{i}.bias"]
    scores = juror("juror=siglip_v2_5", f"juror.tower='{siglip}'", f"juror.head='{files['siglip']}'").native([photo])
    np.testing.assert_allclose(scores, [x.item()], atol=1e-4)


@pytest.mark.skipif(not WEIGHTS.is_dir(), reason="the published weights are not here")
def test_the_published_head_loads(siglip: Path) -> None:
    head = WEIGHTS / "aesthetic_predictor_v2_5.pth"
    published = juror("juror=siglip_v2_5", f"juror.tower='{siglip}'", f"juror.head='{head}'")
    assert np.ptp(published.native(photos())) > 0


@pytest.mark.slow
def test_nima_gives_mean_and_spread_of_its_distribution(files: dict[str, Path]) -> None:
    nima = juror("juror=nima", f"juror.path='{files['mobilenet_v2']}'")
    shares = nima.distribution(photos())  # type: ignore[attr-defined]
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    mean, spread = nima.mean_and_spread(photos())  # type: ignore[attr-defined]
    np.testing.assert_allclose(mean, shares @ np.arange(1, 11), atol=1e-5)
    np.testing.assert_allclose(spread**2, shares @ np.arange(1, 11) ** 2 - mean**2, atol=1e-4)
    np.testing.assert_allclose(nima.score(photos()), (mean - 1) / 9 * 10, atol=1e-4)


def test_no_juror_starts_without_its_weights(siglip: Path, files: dict[str, Path], tmp_path: Path) -> None:
    for name, remedy in (("siglip_v2_5", "discus0434"), ("laion", "christophschuhmann"), ("nima", "ten outputs")):
        with pytest.raises(ApsiError, match=rf"is not set.*{remedy}"):
            juror(f"juror={name}")
    (tmp_path / "broken.pth").write_bytes(b"no weights")
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken.pth"
    for overrides, message in (
        (["juror=nima", f"juror.path='{broken}'"], "can be loaded safely"),
        (["juror=nima", "juror.backbone=resnet18", f"juror.path='{files['mobilenet_v2']}'"], "weights of a resnet18"),
        (["juror=siglip_v2_5", f"juror.tower='{siglip}'", f"juror.head='{broken}'"], "can be loaded safely"),
        (["juror=siglip_v2_5", f"juror.tower='{siglip}'", f"juror.head='{files['laion']}'"], "embeddings of 1152"),
        (
            ["juror=laion", f"juror.tower='{siglip}'", f"juror.head='{files['laion']}'"],
            "no weights for|can't be loaded",
        ),
        (
            ["juror=siglip_v2_5", f"juror.tower='{tmp_path / 'empty'}'", f"juror.head='{files['siglip']}'"],
            "juror.tower",
        ),
    ):
        with pytest.raises(ApsiError, match=message):
            juror(*overrides).score(photos()[:1])


def test_a_weight_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(ApsiError, match=r"can be loaded safely"):
        juror("juror=nima", f"juror.path='{tmp_path / 'evil.pth'}'").score(photos()[:1])
    assert not (tmp_path / "ran").exists()


def test_a_head_without_hidden_layers_is_a_head_too() -> None:
    head = AffineHead({"weight": torch.tensor([[3.0, 4.0]]), "bias": torch.tensor([1.0])}, 2, "here")
    assert head(torch.tensor([[2.0, 0.0]])).tolist() == [4.0]
