"""Neural jurors: golden scores of small models made here, scores that depend on the photo alone, clear errors."""

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.device.calibration import Outputs, Setting
from apsi.errors import ApsiError
from apsi.juror.base import Juror
from apsi.juror.cache import CachedJuror
from apsi.juror.mapping import Linear
from apsi.juror.mix import Mix
from apsi.juror.neural import NeuralJuror
from apsi.juror.nima import make_network
from apsi.juror.torch_model import AffineHead
from apsi.photo import Floats, Photo
from apsi.photo.hash import file_hash, value_hash
from apsi.worker_pool.inline import InlinePool
from apsi.worker_pool.shared_memory import SharedMemoryPool
from tests.conftest import natural_photo

WEIGHTS = Path(__file__).parents[3] / "shared" / "weights"
TOWER = {"hidden_size": 1152, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
TOWER |= {"image_size": 28, "patch_size": 14}


def juror(*overrides: object) -> NeuralJuror:
    return instantiate(load_config([str(override) for override in overrides]).juror)  # type: ignore[no-any-return]


def photos() -> list[Photo]:
    return [natural_photo(seed, 40 + 5 * seed, 64) for seed in range(6)]


def settled(backbone: str, path: Path) -> None:
    """Random weights whose answers depend on the photo: normalisation fits what comes through."""
    torch.manual_seed(0)
    network = make_network(backbone).train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    pixels = np.stack([natural_photo(seed, 64, 64) for seed in range(6)]).transpose(0, 3, 1, 2)
    with torch.no_grad():
        network(torch.from_numpy(pixels.astype(np.float32)) / 64 - 2)
    torch.save(network.state_dict(), path)


@pytest.fixture(scope="session")
def siglip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small SigLIP tower as `save_pretrained` leaves it."""
    from transformers import SiglipVisionConfig, SiglipVisionModel

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("siglip")
    SiglipVisionModel(SiglipVisionConfig(**TOWER)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small CLIP tower, heads and NIMA networks with weights from a seed."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    clip = CLIPVisionConfig(**(TOWER | {"hidden_size": 64, "projection_dim": 768}))
    CLIPVisionModelWithProjection(clip).save_pretrained(folder / "clip")
    head = {"layers.0": nn.Linear(768, 16), "layers.2": nn.Linear(16, 1)}
    state = {f"{name}.{key}": value for name, layer in head.items() for key, value in layer.state_dict().items()}
    state["layers.2.bias"] += 5
    torch.save(state, folder / "laion.pth")
    layers = [nn.Linear(a, b) for a, b in zip((1152, 1024, 128, 64, 16), (1024, 128, 64, 16, 1), strict=True)]
    state = {f"scoring_head.{2 * i}.{k}": v for i, layer in enumerate(layers) for k, v in layer.state_dict().items()}
    state["scoring_head.8.bias"] += 5
    torch.save(state, folder / "siglip.pth")
    for backbone in ("mobilenet_v2", "resnet18"):
        settled(backbone, folder / f"{backbone}.pth")
    return {path.stem: path for path in folder.iterdir()}


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ONNX models over the mean of the photo: `mean` (one value), `bins` (ten), in both layouts."""
    import onnx
    from onnx import TensorProto, helper

    folder = tmp_path_factory.mktemp("onnx")

    def save(name: str, shape: list[object], axes: list[int], weights: list[float]) -> None:
        nodes = [
            helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0),
            helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
            helper.make_node("Mul", ["column", "weights"], ["y"]),
        ]
        constants = [
            helper.make_tensor("axes", TensorProto.INT64, [3], axes),
            helper.make_tensor("one", TensorProto.INT64, [1], [1]),
            helper.make_tensor("weights", TensorProto.FLOAT, [1, len(weights)], weights),
        ]
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", len(weights)])
        graph = helper.make_graph(nodes, name, [x], [y], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        onnx.save(model, folder / f"{name}.onnx")

    save("mean", ["n", 3, 16, 16], [1, 2, 3], [1.0])
    save("mean_nhwc", ["n", 16, 16, 3], [1, 2, 3], [1.0])
    save("bins", ["n", 3, 16, 16], [1, 2, 3], [float(i) for i in range(10)])
    return folder


ONNX = ("juror.size=16", "juror.mean=[0.5,0.5,0.5]", "juror.std=[0.5,0.5,0.5]")
LOGISTIC = ("juror.mapping.centre=-10", "juror.mapping.scale=5")


def onnx_juror(path: Path, *overrides: str) -> NeuralJuror:
    mapping = () if "juror/mapping=linear" in overrides else LOGISTIC
    return juror("juror=onnx", f"juror.path='{path}'", *ONNX, *mapping, *overrides)


def flat(value: int) -> Photo:
    return np.full((20, 30, 3), value, np.uint8)


def test_onnx_gets_the_pixels_that_its_configuration_describes(models: Path) -> None:
    plain = onnx_juror(models / "mean.onnx", "juror.mean=[0,0,0]", "juror.std=[1,1,1]")
    np.testing.assert_allclose(plain.native([flat(0), flat(51), flat(255)]), [0, 0.2, 1], atol=1e-6)
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    by_channel = onnx_juror(models / "mean.onnx", "juror.mean=[0.5,0,0]", "juror.std=[0.25,1,1]")
    np.testing.assert_allclose(by_channel.native([red]), [2 / 3], atol=1e-6)
    other_layout = onnx_juror(models / "mean_nhwc.onnx", "juror.layout=NHWC", "juror.mean=[0.5,0,0]")
    np.testing.assert_allclose(other_layout.native([red]), [1 / 3], atol=1e-6)


def test_onnx_maps_either_direction_to_scores(models: Path) -> None:
    linear = ("juror/mapping=linear", "juror.mapping.worst=1", "juror.mapping.best=0")
    falling = onnx_juror(models / "mean.onnx", "juror.mean=[0,0,0]", "juror.std=[1,1,1]", *linear)
    np.testing.assert_allclose(falling.score([flat(0), flat(51), flat(255)]), [10, 8, 0], atol=1e-5)
    rising = onnx_juror(models / "mean.onnx", "juror.mapping.centre=0", "juror.mapping.scale=0.1")
    low, middle, high = rising.score([flat(0), flat(128), flat(255)])
    assert 0 < low < middle < high < 10
    assert middle == pytest.approx(5, abs=0.2)


def test_onnx_reads_a_distribution_as_its_mean(models: Path) -> None:
    settings = ("juror.mean=[0,0,0]", "juror.std=[1,1,1]", "juror.activation=softmax_mean")
    bins = onnx_juror(models / "bins.onnx", *settings)
    weights = np.exp(np.arange(10) * 1.0)
    np.testing.assert_allclose(bins.native([flat(0), flat(255)]), [5.5, weights @ np.arange(1, 11) / weights.sum()])
    with pytest.raises(ApsiError, match=r"softmax_mean"):
        onnx_juror(models / "bins.onnx").score([flat(0)])


def test_what_a_checkpoint_of_old_holds_is_the_same_juror_still(models: Path) -> None:
    settings = {"size": 16, "mean": [0.5] * 3, "std": [0.5] * 3, "layout": "NCHW", "output": None, "activation": "none"}
    mapping = {"_target_": "apsi.juror.mapping.Logistic", "centre": -10.0, "scale": 5.0}
    path = models / "mean.onnx"
    old = {"_target_": "apsi.juror.onnx.OnnxJuror", "path": str(path), **settings, "mapping": mapping}
    built = instantiate(OmegaConf.create({**old, "batch_size": None, "threads": None}))
    key = value_hash([*settings.values(), "Logistic(centre=-10.0, scale=5.0)"])
    assert built.fingerprint == f"onnx-{file_hash(path)[:12]}-{key[:6]}"
    assert built.score([flat(0)]).tolist() == onnx_juror(path).score([flat(0)]).tolist()


def test_onnx_errors_name_what_is_wrong(models: Path, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"juror.path is not set.*juror.path=MODEL.onnx"):
        juror("juror=onnx")
    with pytest.raises(ApsiError, match=r"nowhere.onnx is not a file"):
        juror("juror=onnx", "juror.path=nowhere.onnx")
    (tmp_path / "mean.onnx").write_bytes((models / "mean.onnx").read_bytes())
    (tmp_path / "preprocessor_config.json").write_text('{"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 1, 1]}')
    with pytest.raises(ApsiError) as unset:
        juror("juror=onnx", f"juror.path='{tmp_path / 'mean.onnx'}'")
    for part in (
        "juror.size, juror.mean, juror.std, juror.mapping.centre, juror.mapping.scale not set",
        "juror.layout=NCHW juror.size=16",
        "juror.mean=[0.1,0.2,0.3] juror.std=[1.0,1.0,1.0]",
        "task=calibrate_juror",
    ):
        assert part in str(unset.value)
    with pytest.raises(ApsiError, match=r"onnx: juror.mapping.best not set"):
        onnx_juror(models / "mean.onnx", "juror/mapping=linear", "juror.mapping.worst=1")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ApsiError, match=r"not a model"):
        onnx_juror(tmp_path / "broken.onnx").score([flat(0)])
    with pytest.raises(ApsiError, match=r"it has: y"):
        onnx_juror(models / "mean.onnx", "juror.output=z").score([flat(0)])
    with pytest.raises(ApsiError, match=r"check size and layout"):
        onnx_juror(models / "mean.onnx", "juror.size=17").score([flat(0)])


def every_juror(siglip: Path, files: dict[str, Path], models: Path) -> list[NeuralJuror]:
    return [
        juror("juror=siglip_v2_5", f"juror.tower='{siglip}'", f"juror.head='{files['siglip']}'"),
        juror("juror=laion", f"juror.tower='{files['clip']}'", f"juror.head='{files['laion']}'"),
        juror("juror=nima", "juror.backbone=resnet18", f"juror.path='{files['resnet18']}'"),
        onnx_juror(models / "mean.onnx"),
    ]


def small_resnet(files: dict[str, Path], *overrides: object) -> NeuralJuror:
    nima = juror("juror=nima", "juror.backbone=resnet18", f"juror.path='{files['resnet18']}'", *overrides)
    nima.size = 64  # type: ignore[attr-defined]  # as much of a network, in a tenth of the time
    return nima


def assert_one_score_in_any_batch(each: Juror, batches: int) -> None:
    rng, pool = np.random.default_rng(0), photos()
    scores = set()
    for _ in range(batches):
        size = int(rng.integers(1, 12))
        batch = [pool[i] for i in rng.integers(1, len(pool), size)]
        place = int(rng.integers(size))
        batch[place] = pool[0]
        scores.add(each.score(batch)[place])
    assert len(scores) == 1, each.fingerprint


def test_a_photo_has_one_score_in_any_batch(siglip: Path, files: dict[str, Path], models: Path) -> None:
    resnet, *others = small_resnet(files), *every_juror(siglip, files, models)[:2], onnx_juror(models / "mean.onnx")
    for each in (resnet, *others):
        assert_one_score_in_any_batch(each, 50)
    mixed = Mix({"a": others[0], "b": others[-1]}, {"a": 0.3, "b": 0.7})
    assert_one_score_in_any_batch(CachedJuror(InlinePool(mixed), 3), 50)


def test_a_batch_size_that_is_chosen_keeps_the_score_too(files: dict[str, Path]) -> None:
    each = small_resnet(files, "juror.batch_size=3")
    assert_one_score_in_any_batch(each, 20)
    assert each.setting.batch == 3


@pytest.mark.skipif(not WEIGHTS.is_dir(), reason="the published weights are not here")
def test_a_real_onnx_juror_gives_one_score_in_any_batch() -> None:
    real = onnx_juror(WEIGHTS / "ranked_naturalness.onnx", "juror.size=224")
    assert_one_score_in_any_batch(real, 10)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["mobilenet_v2", "mobilenet_v3_large", "efficientnet_b0", "resnet18", "resnet50"])
def test_every_backbone_gives_one_score_in_any_batch(backbone: str, tmp_path: Path) -> None:
    settled(backbone, tmp_path / "weights.pth")
    nima = juror("juror=nima", f"juror.backbone={backbone}", f"juror.path='{tmp_path / 'weights.pth'}'")
    assert_one_score_in_any_batch(nima, 50)


@pytest.mark.slow
def test_workers_of_a_pool_give_the_scores_of_this_process(files: dict[str, Path], models: Path) -> None:
    for each in (
        juror("juror=nima", "juror.backbone=resnet18", f"juror.path='{files['resnet18']}'"),
        onnx_juror(models / "mean.onnx"),
    ):
        with SharedMemoryPool(each, workers=2, threads=1, chunk_size=4, timeout=60.0, start_timeout=60.0) as pool:
            assert_one_score_in_any_batch(pool, 20)
            assert pool.score(photos()).tolist() == each.score(photos()).tolist()


def test_what_was_measured_is_used_by_the_next_juror(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    first = small_resnet(files)
    first.warm_up()
    monkeypatch.setattr("apsi.juror.neural.find_shapes", None)
    monkeypatch.setattr("apsi.juror.neural.find_parallel", None)
    again = small_resnet(files)
    again.warm_up()
    assert again.setting == first.setting
    assert f"{first.setting} (remembered)" in caplog.text
    with pytest.raises(TypeError):  # of another shape nothing is known
        juror("juror=nima", "juror.backbone=resnet18", f"juror.path='{files['resnet18']}'").warm_up()


def test_channels_last_and_passes_side_by_side_only_change_the_last_digits(files: dict[str, Path]) -> None:
    each = small_resnet(files)
    scores = each.score(photos())
    threads = torch.get_num_threads()
    unloaded = small_resnet(files)
    unloaded.setting = each.setting
    assert unloaded.score(photos()).tolist() == scores.tolist()
    for setting in (Setting((4,), channels_last=True), Setting((2, 4), workers=2), Setting((1,), threads=2)):
        each.setting = setting
        np.testing.assert_allclose(each.score(photos()), scores, rtol=0, atol=each.tolerance)
    assert torch.get_num_threads() == threads


def test_a_juror_scores_the_same_in_another_process(siglip: Path, files: dict[str, Path], models: Path) -> None:
    batch = photos()[:2]
    for each in every_juror(siglip, files, models):
        scores = each.score(batch)
        again = pickle.loads(pickle.dumps(each))
        assert again.fingerprint == each.fingerprint
        assert again.score(batch).tolist() == scores.tolist()


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


@pytest.mark.skipif(not WEIGHTS.is_dir(), reason="the published weights are not here")
def test_golden_scores_of_a_real_onnx_juror() -> None:
    real = onnx_juror(WEIGHTS / "ranked_naturalness.onnx", "juror.size=224")
    from skimage import data

    photo = data.astronaut()
    scores = real.score([photo, 255 - photo, photo[..., ::-1]])
    np.testing.assert_allclose(scores, [8.78075, 7.42386, 8.17380], atol=1e-3)


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


class Narrow(NeuralJuror):
    """Runs out of memory with more than three photos a pass."""

    fingerprint = "narrow"
    model = None
    is_on_cpu = True

    def __init__(self, limit: int, error: Exception) -> None:
        super().__init__(Linear(0, 255), 16)
        self.limit, self.error, self.batches = limit, error, list[int]()

    def backend(self) -> dict[str, object]:
        return {"limit": self.limit, "error": str(self.error)}

    def outputs(self, photos: Sequence[Photo], setting: Setting) -> Outputs:
        self.batches.append(setting.rows(len(photos)))
        if self.batches[-1] > self.limit:
            raise self.error
        means = [photo.mean() for photo in photos]
        return np.array(means + [0.0] * (self.batches[-1] - len(photos)))

    def read(self, outputs: Outputs) -> Floats:
        return outputs


def test_a_batch_that_does_not_fit_is_halved_and_the_smaller_size_kept() -> None:
    narrow = Narrow(3, torch.OutOfMemoryError("CUDA out of memory"))
    narrow.setting = Setting((16,))
    batch = photos() * 2
    np.testing.assert_allclose(narrow.native(batch), [photo.mean() for photo in batch])
    assert narrow.batches == [16, 8, 4, 2, 2, 2, 2, 2, 2]
    narrow.native(batch[:3])
    assert narrow.setting.batch == 2


def test_a_batch_size_that_can_not_be_had_is_not_chosen() -> None:
    narrow = Narrow(3, torch.OutOfMemoryError("CUDA out of memory"))
    narrow.warm_up()
    assert narrow.setting.batch <= 2
    assert_one_score_in_any_batch(narrow, 10)


def test_no_memory_for_one_photo_is_an_error_and_other_errors_are_not_hidden() -> None:
    with pytest.raises(ApsiError, match=r"no memory for even one photo"):
        Narrow(0, MemoryError("too much")).score(photos())
    with pytest.raises(RuntimeError, match=r"shapes differ"):
        Narrow(0, RuntimeError("shapes differ")).score(photos())
