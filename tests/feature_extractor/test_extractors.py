"""Feature extractors: shapes, independence of the batch, gradients."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from apsi.agent.build import build_model
from apsi.config.compose import load_config
from apsi.config.instantiate import class_and_arguments
from apsi.env.core import EditCore, EnvComponents
from apsi.env.vec_env import PhotoVecEnv
from apsi.episodes.prepared import PreparedEpisodes
from apsi.errors import ApsiError
from apsi.feature_extractor.colour_statistics import ColourStatistics
from apsi.feature_extractor.normalisation import Norm, normalise_by
from apsi.feature_extractor.pretrained import Pretrained
from apsi.photo.prepared import PreparedSplit
from apsi.train.callbacks import UnfreezeCallback
from tests.conftest import context
from tests.feature_extractor.small import small


def make(name: str, *overrides: str, channels: int = 3) -> Any:
    quick = [] if name in ("small_cnn", "nature_cnn") else ["batch_size=4", "memory_format=contiguous"]
    choices = [f"feature_extractor={name}", *(f"feature_extractor.{override}" for override in [*quick, *overrides])]
    kind, arguments = class_and_arguments(load_config(choices).feature_extractor)
    torch.manual_seed(0)
    return kind(gymnasium.spaces.Box(0, 255, (channels, 64, 48), np.uint8), **arguments)


@pytest.fixture(params=["small_cnn", "nature_cnn", "mobilenet_v2"])
def extractor(request: pytest.FixtureRequest) -> BaseFeaturesExtractor:
    extra = ["weights=null", "freeze=none"] if request.param == "mobilenet_v2" else []
    return make(request.param, *extra).eval()  # type: ignore[no-any-return]


def test_features_have_the_promised_length(extractor: BaseFeaturesExtractor) -> None:
    assert extractor(torch.rand(2, 3, 64, 48)).shape == (2, extractor.features_dim)


def test_features_of_a_photo_do_not_depend_on_the_batch(extractor: BaseFeaturesExtractor) -> None:
    photos = torch.rand(5, 3, 64, 48)
    alone = torch.cat([extractor(photo[None]) for photo in photos])
    torch.testing.assert_close(extractor(photos), alone, atol=1e-4, rtol=1e-3)


def test_every_parameter_learns(extractor: BaseFeaturesExtractor) -> None:
    extractor(torch.rand(4, 3, 64, 48)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in extractor.parameters())


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict of torchvision's ResNet-18, as a user would have one on disk."""
    import torchvision.models

    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), path)
    return path


def state(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def learn(extractor: Any, steps: int = 3, size: tuple[int, int] = (64, 48)) -> None:
    optimizer = torch.optim.SGD(extractor.parameters(), lr=0.1)
    extractor.train()
    for _ in range(steps):
        extractor(torch.rand(4, 3, *size)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize("freeze", ["all", "partial"])
def test_what_is_frozen_does_not_change_by_a_bit_batch_statistics_included(weights: Path, freeze: str) -> None:
    extractor = make("resnet18", f"weights={weights}", f"freeze={freeze}")
    before = state(extractor.backbone)
    learn(extractor)
    changed = {
        name.split(".")[0] for name, tensor in state(extractor.backbone).items() if (tensor != before[name]).any()
    }
    assert changed == (set() if freeze == "all" else {"layer4"})
    extractor.unfreeze()
    learn(extractor, 1)
    assert (extractor.backbone.conv1.weight != before["conv1.weight"]).any()
    assert (extractor.backbone.bn1.running_mean != before["bn1.running_mean"]).any()


def test_local_weights_are_loaded_exactly_and_photos_normalised_as_imagenet_was(weights: Path) -> None:
    import torchvision.models

    extractor = make("resnet18", f"weights={weights}", "freeze=all").eval()
    reference = torchvision.models.resnet18(weights=None)
    reference.load_state_dict(torch.load(weights, weights_only=True))
    reference.fc = torch.nn.Identity()
    photos = torch.rand(2, 3, 64, 48)
    mean, spread = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised = (photos - mean.view(1, 3, 1, 1)) / spread.view(1, 3, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(extractor(photos), extractor.head(reference.eval()(normalised)))


@pytest.fixture
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_one_thread")
def test_how_photos_go_through_is_measured_without_a_trace_and_remembered(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extractor = make("resnet18", f"weights={weights}", "freeze=partial", "batch_size=auto", "memory_format=auto")
    before, photos = state(extractor), torch.rand(5, 3, 64, 48)
    random = torch.get_rng_state()
    with torch.no_grad():
        features = extractor.eval()(photos)
    assert (torch.get_rng_state() == random).all()
    assert all((tensor == before[name]).all() for name, tensor in state(extractor).items())
    assert not extractor.backbone.training and extractor.train().backbone.layer4.training

    plain = make("resnet18", f"weights={weights}", "freeze=partial", "batch_size=5").eval()
    extractor.eval()
    with torch.no_grad():
        torch.testing.assert_close(
            plain.backbone_features(photos), extractor.backbone_features(photos), atol=1e-4, rtol=1e-3
        )
        alone = torch.cat([extractor.backbone_features(photo[None]) for photo in photos])
        assert (alone == extractor.backbone_features(photos)).all()
    assert features.shape == (5, extractor.features_dim)

    monkeypatch.setattr("apsi.feature_extractor.pretrained.find_shapes", None)
    again = make("resnet18", f"weights={weights}", "freeze=all", "batch_size=auto", "memory_format=auto").eval()
    with torch.no_grad():
        again(photos)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "efficientnet_b0", "mobilenet_v2"])
def test_every_network_gives_features_of_any_number_of_channels(name: str) -> None:
    extractor = make(name, "weights=null", "freeze=none", "hidden=[32]", "features_dim=20", "amp=true", channels=5)
    features = extractor.eval()(torch.rand(2, 5, 64, 48))
    assert features.shape == (2, 20)
    assert features.dtype == torch.float32


def test_weights_that_cannot_be_had_are_errors_that_say_what_to_do(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"would freeze random weights.*freeze=none"):
        make("resnet18", "weights=null")
    with pytest.raises(ApsiError, match="does not exist"):
        make("resnet18", f"weights={tmp_path / 'nothing.pth'}")
    with pytest.raises(ApsiError, match="no state dict of torchvision's mobilenet_v2"):
        make("mobilenet_v2", f"weights={weights}")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(ApsiError, match="no state dict"):
        make("resnet18", f"weights={tmp_path / 'text.pth'}")


def test_imagenet_weights_without_a_network_say_where_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from urllib.error import URLError

    def refuse(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    with pytest.raises(ApsiError, match=r"can't be downloaded.*weights=FILE"):
        make("resnet18")


def rollout(callback: UnfreezeCallback, steps: int) -> None:
    callback.num_timesteps = steps
    callback.on_rollout_start()


def freeing(*extractors: Pretrained) -> UnfreezeCallback:
    callback = UnfreezeCallback()
    callback.model = SimpleNamespace(policy=torch.nn.Sequential(*extractors))  # type: ignore[assignment]
    return callback


def test_a_frozen_network_is_freed_when_its_time_has_come_and_never_without_one(weights: Path) -> None:
    timed = make("resnet18", f"weights={weights}", "freeze=all", "unfreeze_after=100")
    forever = make("resnet18", f"weights={weights}", "freeze=all")
    callback = freeing(timed, forever)
    for steps, frozen in ((99, True), (100, False), (101, False)):
        rollout(callback, steps)
        assert timed.is_frozen == frozen
        assert timed.backbone.conv1.weight.requires_grad == (not frozen)
    assert forever.is_frozen


def test_stages_are_freed_one_by_one_and_what_is_free_learns_with_its_batch_statistics(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    extractor = small(unfreeze={"layer4": 100, "layer3": 200}, unfreeze_after=300)
    assert list(extractor.stages) == ["conv1", "bn1", "layer3", "layer4"]
    callback, before = freeing(extractor, small(unfreeze={"layer4": 100})), state(extractor.backbone)
    learnt = {99: set[str](), 150: {"layer4"}, 200: {"layer3", "layer4"}, 300: set(extractor.stages)}
    for steps, expected in learnt.items():
        rollout(callback, steps)
        learn(extractor, 1, (16, 16))
        now = state(extractor.backbone)
        assert {name.split(".")[0] for name, tensor in now.items() if (tensor != before[name]).any()} == expected
        counted = {name.split(".")[0] for name in now if "running_mean" in name and (now[name] != before[name]).any()}
        assert counted == {stage for stage in expected if stage != "conv1"}
    said = [record.getMessage() for record in caplog.records if "from now on" in record.getMessage()]
    assert [text.split("steps  ")[1] for text in said] == [
        "layer4 of small learns from now on",  # once, though a target network is freed too
        "layer3 of small learns from now on",
        "all of small learns from now on",
    ]


def test_a_network_that_goes_on_has_all_stages_that_were_due() -> None:
    extractor = small(unfreeze={"layer4": 100, "layer3": 200, "conv1": 300})
    rollout(freeing(extractor), 250)
    free = {name for name, stage in extractor.stages.items() if next(stage.parameters()).requires_grad}
    assert free == {"layer3", "layer4"}
    assert not extractor.train().backbone.bn1.training and extractor.backbone.layer3.training


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"unfreeze": {"layer5": 1}}, r"small has no stage layer5; it has conv1, bn1, layer3, layer4"),
        ({"freeze": "partial", "unfreeze": {"layer4": 1}}, r"layer4 learns from the start .*bn1.*freeze=all"),
        ({"freeze": "none", "unfreeze": {"layer4": 1}}, r"layer4 learns from the start .*nothing is frozen"),
        ({"norm": "group"}, r"norm=group with freeze=all.* have to adapt: add .*freeze=none"),
        ({"norm": "sync"}, r"norm=sync: SyncBatchNorm .* in one process on one device\. Add .*norm=group"),
        ({"input_mean": [0, 0, 0]}, r"input_mean needs feature_extractor\.input_std"),
        ({"input_std": [1, 1, 1]}, r"input_std needs feature_extractor\.input_mean"),
        ({"input_mean": [0.5], "input_std": [0.5]}, r"input_mean=\[0\.5\] must have three numbers"),
    ],
)
def test_what_can_not_be_is_refused_with_what_would_do(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ApsiError, match=message):
        small(**settings)


def test_a_network_that_has_adapted_to_another_normalisation_may_be_frozen() -> None:
    assert small(norm="group", weights="checkpoint").is_frozen
    assert small(norm="group", unfreeze={"layer4": 5}).is_frozen


@pytest.mark.parametrize(
    ("settings", "mean", "std"),
    [
        ({"imagenet_norm": False}, [0, 0, 0], [1, 1, 1]),
        ({"input_mean": [0.1, 0.2, 0.3], "input_std": [0.4, 0.5, 0.6]}, [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]),
        ({"input_mean": [1, 0, 0], "input_std": [1, 2, 1], "imagenet_norm": False}, [1, 0, 0], [1, 2, 1]),
    ],
)
def test_photos_are_normalised_as_was_asked(settings: dict[str, Any], mean: list[float], std: list[float]) -> None:
    extractor, photos = small(**settings).eval(), torch.rand(2, 3, 16, 16)
    normalised = (photos - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(extractor.backbone_features(photos), extractor.backbone(normalised))


def test_how_photos_are_normalised_is_a_setting_and_no_weight() -> None:
    """Else `init_from` would take it over; checkpoints of earlier versions hold it as a weight."""
    extractor = small(imagenet_norm=False)
    earlier = extractor.state_dict() | {"_mean": torch.ones(1, 3, 1, 1), "_spread": torch.ones(1, 3, 1, 1)}
    extractor.load_state_dict(earlier)
    assert not extractor._mean.any() and not {"_mean", "_spread"} & extractor.state_dict().keys()


@pytest.mark.parametrize(
    ("name", "norm", "most"),
    [
        ("resnet18", "group", 32),
        pytest.param("mobilenet_v2", "group", 32, marks=pytest.mark.slow),
        pytest.param("efficientnet_b0", "group", 32, marks=pytest.mark.slow),
        pytest.param("resnet50", "layer", 1, marks=pytest.mark.slow),
    ],
)
def test_batch_norm_is_replaced_by_what_does_not_look_at_the_batch(name: str, norm: Norm, most: int) -> None:
    extractor = make(name, "weights=null", "freeze=none")
    before = state(extractor.backbone)
    normalise_by(norm, extractor.backbone)
    assert all(torch.equal(value, before[key]) for key, value in extractor.backbone.state_dict().items())
    replaced = [module for module in extractor.backbone.modules() if isinstance(module, torch.nn.GroupNorm)]
    assert len(replaced) == sum(key.endswith("running_mean") for key in before)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in extractor.backbone.modules())
    for module in replaced:
        divisors = [groups for groups in range(1, most + 1) if module.num_channels % groups == 0]
        assert module.num_groups == divisors[-1]
    assert extractor.train()(torch.rand(1, 3, 64, 48)).isfinite().all()


def test_with_group_norm_a_photo_has_the_same_features_in_any_batch_while_learning() -> None:
    for norm, alike in (("batch", False), ("group", True), ("layer", True)):
        extractor, photos = small(freeze="none", norm=norm).train(), torch.rand(3, 3, 16, 16)
        together = extractor(photos)
        alone = torch.cat([extractor(photo[None]) for photo in photos])
        assert torch.allclose(together, alone, atol=1e-5) == alike, norm


def test_layer_norm_is_that_of_torch_with_the_scale_and_shift_of_batch_norm() -> None:
    batch_norm = torch.nn.BatchNorm2d(6)
    torch.nn.init.normal_(batch_norm.weight)
    torch.nn.init.normal_(batch_norm.bias)
    network = torch.nn.Sequential(batch_norm)
    normalise_by("layer", network)
    values = torch.randn(2, 6, 4, 5)
    plain = torch.nn.functional.layer_norm(values, (6, 4, 5), eps=batch_norm.eps)
    weight, bias = batch_norm.weight.view(1, 6, 1, 1), batch_norm.bias.view(1, 6, 1, 1)
    torch.testing.assert_close(network(values), plain * weight + bias)


@pytest.mark.parametrize("name", ["small_cnn", "nature_cnn", "pretrained"])
def test_dropout_leaves_out_its_share_while_learning_and_nothing_when_acting(name: str) -> None:
    pretrained = name == "pretrained"
    plain, with_dropout = (
        small(dropout=share) if pretrained else make(name, f"dropout={share}") for share in (0.0, 0.4)
    )
    with_dropout.load_state_dict(plain.state_dict())  # it has no weights of its own
    photos = torch.rand(64, 3, 16, 16) if pretrained else torch.rand(8, 3, 64, 48)
    with torch.no_grad():
        assert torch.equal(with_dropout.eval()(photos), plain.eval()(photos))
        active = plain.train()(photos) > 0
        left_out = (with_dropout.train()(photos) == 0)[active].float().mean()
    assert 0.3 < left_out < 0.5


@pytest.mark.parametrize("algo", ["ppo", "dqn"])
def test_building_a_model_leaves_pretrained_weights_alone(
    algo: str, weights: Path, restore: EnvComponents, split: PreparedSplit
) -> None:
    """SB3's actor-critic policies would initialise every layer of an extractor anew."""
    choices = ["feature_extractor=resnet18", f"feature_extractor.weights={weights}", f"algo={algo}", "device=cpu"]
    config = load_config([*choices, "algo.buffer_size=8"] if algo == "dqn" else choices)
    core = EditCore(restore, PreparedEpisodes(context(split)), 2)
    _, model = build_model(config, PhotoVecEnv(core), 0)
    extractors = [m for m in model.policy.modules() if isinstance(m, Pretrained)]
    loaded = torch.load(weights, weights_only=True)
    assert extractors
    for extractor in extractors:
        assert torch.equal(extractor.backbone.conv1.weight, loaded["conv1.weight"])
        assert torch.equal(extractor.backbone.layer4[1].conv2.weight, loaded["layer4.1.conv2.weight"])


def test_colour_statistics_see_what_colours_there_are_and_not_where() -> None:
    space = gymnasium.spaces.Box(0, 255, (3, 40, 48), np.uint8)
    extractor = ColourStatistics(space, stride=1, dropout=0.0).eval()
    photo = torch.rand(2, 3, 40, 48, generator=torch.Generator().manual_seed(0))
    statistics = extractor.statistics(photo)
    assert extractor(photo).shape == (2, extractor.features_dim) and torch.isfinite(statistics).all()
    assert ColourStatistics(space, stride=1, dropout=0.0, features_dim=8)(photo).shape == (2, 8)
    assert torch.allclose(extractor.statistics(photo.flip(3)), statistics, atol=1e-5)
    assert not torch.allclose(extractor.statistics(0.8 * photo), statistics, atol=1e-2)
    shares = extractor.statistics(torch.zeros(1, 3, 40, 48))[0, -6:]
    assert shares.tolist() == [0, 0, 0, 1, 1, 1]  # of each channel, bright and dark


def test_colour_statistics_have_the_quantiles_of_the_pixels_and_learn_from_a_single_photo() -> None:
    space = gymnasium.spaces.Box(0, 255, (3, 21, 33), np.uint8)
    extractor = ColourStatistics(space, stride=2, dropout=0.0).train()
    photo = torch.randint(0, 256, (1, 3, 21, 33), generator=torch.Generator().manual_seed(1)) / 255
    red = photo[0, 0, ::2, ::2].flatten().sort().values
    statistics = extractor.statistics(photo)[0]
    assert statistics[0] == red[0] and statistics[28] == red[-1] and statistics[14] == red[len(red) // 2]
    assert torch.isfinite(extractor(photo)).all()


def test_colour_statistics_normalised_over_all_photos_are_the_same_while_learning() -> None:
    """PPO compares what it learns with what it did; normalised by batches, a photo's features depend on the others."""
    space = gymnasium.spaces.Box(0, 255, (3, 40, 48), np.uint8)
    batches = torch.rand(30, 16, 3, 40, 48, generator=torch.Generator().manual_seed(0)) ** 2
    changes = {}
    for over_all in (False, True):
        extractor = ColourStatistics(space, stride=4, dropout=0.0, over_all=over_all).train()
        first = extractor(batches[0]).square().sum()
        for batch in batches[1:]:
            extractor(batch)
        first.backward()  # as a later batch leaves it
        acting, learning = extractor.eval()(batches[0][:8]), extractor.train()(batches[0][:8])
        changes[over_all] = (learning - acting).square().mean().sqrt().item()
    assert changes[True] < 0.05
    assert changes[False] > 0.2
