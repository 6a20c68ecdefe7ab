"""A free backbone: its network is tuned on answers, never on photos that measure it."""

from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.device.device import Device
from apsi.errors import ApsiError
from apsi.juror.backbone import Backbone
from apsi.juror.davidson import LEFT, RIGHT
from apsi.photo import Floats, Photo
from apsi.photo.hash import file_hash
from apsi.photo.write import write_png
from apsi.preference import free_backbone
from apsi.preference.answered import Answered
from apsi.preference.fitting import fit_chosen
from apsi.preference.folder import Comparison
from apsi.preference.free_backbone import free, usable
from apsi.preference.model import Settings
from apsi.preference.pair import Version
from apsi.preference.photos import Originals
from apsi.preference.tuning import Tuned, Tuning, tune
from apsi.tracking.run_folder import RunFolder
from tests.conftest import natural_photo
from tests.juror.test_backbone import weights
from tests.preference.made import answer, pair

__all__ = ["weights"]

SIDE = 32
SETTINGS = Settings("linear", 0.02, 0)


def small(weights: Path, side: int = SIDE) -> Backbone:
    """A backbone that looks at fewer pixels, so that it is fast."""
    network = Backbone("resnet18", str(weights), Device("cpu", 1), 4, "contiguous")
    network.size = side
    return network


def stripes(vertical: bool, rng: np.random.Generator, side: int) -> Photo:
    """Of any width, colour and contrast, under noise."""
    wave = np.tile(np.sin(np.arange(side) * rng.uniform(0.3, 1.2) + rng.uniform(0, 6)), (side, 1)) * rng.uniform(10, 40)
    noisy = (wave if vertical else wave.T)[..., None] + rng.uniform(80, 170, 3) + rng.normal(0, 25, (side, side, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def made(count: int, side: int = SIDE, seed: int = 0) -> tuple[list[Photo], Answered]:
    """A person who likes vertical stripes, to pairs of pictures; each pair is of a photo of its own."""
    rng = np.random.default_rng(seed)
    left = rng.random(count) < 0.5
    photos = [stripes(one, rng, side) for is_left in left.tolist() for one in (is_left, not is_left)]
    rows, names = np.arange(2.0 * count).reshape(count, 2), tuple(map(str, range(count)))
    outcomes = np.where(left, LEFT, RIGHT)
    both = tuple((name, name) for name in names)
    return photos, Answered(rows[:, :1], rows[:, 1:], outcomes, np.zeros(count, np.int64), both, names)


def tuned_on(network: Backbone, photos: list[Photo], answered: Answered, epochs: int = 1, seed: int = 0) -> Tuned:
    pictures = torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2).contiguous()
    tuning = Tuning(epochs, network_rate=1e-4, head_rate=1e-3, weight_decay=0.01)
    return tune(network, pictures, answered, tuning=tuning, smoothing=0.02, seed=seed)


def saved(network: Backbone, tuned: Tuned, path: Path) -> Backbone:
    torch.save(torch.load(network.path, weights_only=True) | tuned.network, path)
    return small(path, network.size)


def margins(network: Backbone, learned: tuple[list[Photo], Answered], test: tuple[list[Photo], Answered]) -> Floats:
    """Of other photos, by the best linear utility of a network's outputs: how much it likes the better picture more."""

    def columns(photos: list[Photo], answered: Answered) -> Answered:
        outputs = network.through(photos, lambda found: np.asarray(found, np.float64))
        rows = np.column_stack([np.zeros(len(outputs)), outputs])
        left, right = (rows[side[:, 0].astype(int)] for side in (answered.left, answered.right))
        return replace(answered, left=left, right=right)

    fit = fit_chosen(columns(*learned), 0.02, ("prior", *["neural"] * 512), 0)
    return fit.margins(columns(*test), sides=False) * np.where(test[1].outcomes == LEFT, 1, -1)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network_bit_for_bit(weights: Path) -> None:
    network = small(weights)
    photos, answered = made(6)
    first, again = (tuned_on(network, photos, answered) for _ in range(2))
    assert first.losses == again.losses and len(first.losses) == 2
    assert all(torch.equal(values, again.network[name]) for name, values in first.network.items())
    assert "fc.weight" not in first.network
    before = network.load().state_dict()
    moved = any(not torch.equal(values, before[name]) for name, values in first.network.items())
    assert moved == (first.epochs == 1), "what predicts held-out photos worse is not kept"


@pytest.mark.slow
def test_other_photos_are_ordered_better_than_by_the_frozen_network(weights: Path, tmp_path: Path) -> None:
    network, learned, test = small(weights, 48), made(60, 48), made(60, 48, seed=1)
    tuned = tuned_on(network, *learned, epochs=6)
    assert tuned.epochs > 0 and min(tuned.losses) < tuned.losses[0]
    before = margins(network, learned, test)
    after = margins(saved(network, tuned, tmp_path / "tuned.pth"), learned, test)
    assert (after > 0).mean() > (before > 0).mean() + 0.03  # here 0.93 and 0.83


@pytest.mark.slow
def test_with_sides_exchanged_it_likes_the_same(weights: Path, tmp_path: Path) -> None:
    network, learned, test = small(weights, 48), made(60, 48), made(60, 48, seed=1)
    swapped = (learned[0], learned[1].swapped)
    for i, (photos, answered) in enumerate((learned, swapped)):
        tuned = tuned_on(network, photos, answered, epochs=3)
        liked = margins(saved(network, tuned, tmp_path / f"{i}.pth"), (photos, answered), test)
        assert (liked > 0).mean() > 0.75


def comparisons(learned: int, held: int) -> list[Comparison]:
    """Answers to so many photos outside of the test split, and in it."""
    found = []
    for photo in range(learned + held):
        shown = pair(photo, split="train" if photo < learned else "test")
        found.append(Comparison(answer(shown), shown.left, shown.right, shown.split, shown.source))
    return found


def test_it_is_refused_before_the_work_where_it_could_not_be_measured(weights: Path) -> None:
    network = small(weights)
    assert usable(comparisons(100, 20), ["box", "neural"], network) is network
    for features, given in ((["box"], network), (["neural"], None)):
        with pytest.raises(ApsiError, match=r"task\.features=\[neural\] and a network of torchvision, juror/backbone@"):
            usable(comparisons(100, 20), features, given)
    with pytest.raises(ApsiError, match=r"needs 100 answers or more .* there are 99: answer further pairs .* frozen"):
        usable(comparisons(99, 20), ["neural"], network)
    with pytest.raises(ApsiError, match=r"have 19 choices of 20: make pairs of them with .* task\.split=test"):
        usable(comparisons(100, 19), ["neural"], network)
    shared = [replace(one, split="test") for one in comparisons(1, 0)]
    with pytest.raises(ApsiError, match="there are 99"):
        usable([*comparisons(100, 20), *shared], ["neural"], network)


def test_its_file_is_written_whole_or_not_at_all(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, ...]] = []

    def quickly(network: Backbone, pictures: torch.Tensor, answered: Answered, **_: Any) -> Tuned:
        seen.append((len(answered), *pictures.shape))
        state = network.load().state_dict()
        return Tuned(state | {"conv1.weight": state["conv1.weight"] + 1}, (1.0, 0.5))

    monkeypatch.setattr(free_backbone, "tune", quickly)
    for i in range(3):
        write_png(tmp_path / "photos" / f"{i}.png", natural_photo(i, 40, 60))
    hashes = [file_hash(tmp_path / "photos" / f"{i}.png") for i in range(3)]
    given = []
    for n, one in enumerate(comparisons(101, 20)):
        at = 2 if one.split == "test" else n % 2
        left, right = (Version(hashes[at], f"{at}.png", v.recipe) for v in (one.left, one.right))
        given.append(replace(one, left=left, right=right))
    gone = Version("0" * 64, "gone.png")
    given[0] = replace(given[0], left=gone, right=gone)
    dataset = instantiate(load_config(["dataset=folder", f"dataset.path={tmp_path / 'photos'}"]).dataset)
    originals, path = Originals(dataset, tmp_path / "data"), tmp_path / "run" / "backbone.pth"
    tuning = Tuning(1, 1e-4, 1e-3, 0.0)
    network = small(weights)
    loose, tuned = free(network, given, originals, path, tuning=tuning, settings=SETTINGS)
    assert seen == [(100, 4, 3, SIDE, SIDE)], "each version once, nothing of photos that are gone or held out"
    before, after = (torch.load(one, weights_only=True) for one in (weights, path))
    assert loose.path == path and loose.weights != network.weights and tuned.epochs == 1
    assert torch.equal(after["conv1.weight"], before["conv1.weight"] + 1) and before.keys() == after.keys()
    loose.load()

    def interrupted(_: object, temporary: Path) -> None:
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", interrupted)
    path.unlink()
    with pytest.raises(KeyboardInterrupt):
        free(network, given, originals, path, tuning=tuning, settings=SETTINGS)
    assert not list(path.parent.iterdir())
    with pytest.raises(ApsiError, match="there are 99"):
        free(network, given[2:], originals, path, tuning=tuning, settings=SETTINGS)


@pytest.mark.slow
def test_the_whole_way(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*overrides: str) -> tuple[dict[str, Any], Path]:
        places = [f"{name}={tmp_path / name}" for name in ("preference_dir", "data_dir", "output_dir")]
        given = ["dataset=folder", f"dataset.path={tmp_path / 'photos'}", *places, *overrides]
        config = load_config(given)
        path = tmp_path / "runs" / str(len(list((tmp_path / "runs").glob("*"))))
        folder = RunFolder.create(path, config, overrides)
        return instantiate(config.task)(config, folder), path

    begin = Backbone.__init__

    @wraps(begin)
    def begin_small(self: Backbone, *arguments: Any, **more: Any) -> None:
        begin(self, *arguments, **more)
        self.size = SIDE

    monkeypatch.setattr(Backbone, "__init__", begin_small)
    for i in range(14):
        write_png(tmp_path / "photos" / f"{i}.png", natural_photo(i, 270, 360))
    run(
        "task=make_pairs",
        "pairs=anchors",
        "task.count=180",
        "preprocess.steps.split.train=0.6",
        "preprocess.steps.split.test=0.25",
    )
    run("task=simulate_answers")
    backbone = ["juror/backbone@task.backbone=resnet18", f"task.backbone.weights={weights}"]
    sized = ["task.backbone.batch_size=8", "task.backbone.memory_format=contiguous"]
    free_one = ["task.free_backbone=true", "task.tuning.epochs=1", "task.features=[box,neural]", "task.head=linear"]
    figures, folder = run("task=fit_preference", *backbone, *sized, *free_one)
    assert figures["free_backbone"]["epochs"] in (0, 1) and len(figures["free_backbone"]["losses"]) == 2
    assert not figures["by_folds"] and figures["curve"] == []
    page = (folder / "preference.html").read_text()
    assert f"crop_juror.jurors.human.backbone.weights={folder}/backbone.pth" in page and f"={weights}" not in page
    assert "free, tuned on the answers for" in page
    chosen = ["juror=preference", f"juror.path={folder / 'preference.npz'}", "juror/backbone=resnet18"]
    juror = instantiate(load_config([*chosen, f"juror.backbone.weights={folder / 'backbone.pth'}"]).juror)
    assert 0 < juror.score([natural_photo(3, 90, 120)])[0] < 10
