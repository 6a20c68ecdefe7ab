"""A free backbone: its network is tuned on people's answers before a model of a person looks through it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from apsi.console import track
from apsi.errors import ApsiError
from apsi.juror.backbone import Backbone
from apsi.juror.neural import NeuralJuror
from apsi.juror.torch_model import load_state
from apsi.photo.write import atomic
from apsi.preference.answered import Answered, outcomes_of
from apsi.preference.folder import Comparison
from apsi.preference.model import FEWEST_HELD_OUT, MANY, Settings
from apsi.preference.pair import Version
from apsi.preference.photos import MissingOriginalError, Originals, framed
from apsi.preference.reading import LONGEST
from apsi.preference.tuning import Tuned, Tuning, tune


def usable(comparisons: Sequence[Comparison], features: Sequence[str], backbone: NeuralJuror | None) -> Backbone:
    """The backbone, where it can be tuned on these answers and measured on others.

    Raises:
        ApsiError: it can't, and what to do.
    """
    place = "task.free_backbone=true"
    if "neural" not in features or not isinstance(backbone, Backbone):
        raise ApsiError(
            f"{place} tunes the network of the features 'neural': add task.features=[neural] and a network of "
            "torchvision, juror/backbone@task.backbone=resnet18 with its file in task.backbone.weights"
        )
    learned = len(_learned_from(comparisons))
    if learned < MANY:
        raise ApsiError(
            f"{place} needs {MANY} answers or more to photos outside of the test split, and there are {learned}: "
            "answer further pairs with task=annotate, or leave the network frozen"
        )
    held = sum(one.split == "test" and one.preferred is not None for one in comparisons)
    if held < FEWEST_HELD_OUT:
        raise ApsiError(
            f"{place} is measured on photos that the network never saw, those of the test split, and these have {held} "
            f"choices of {FEWEST_HELD_OUT}: make pairs of them with task=make_pairs task.split=test and answer these, "
            "or leave the network frozen"
        )
    return backbone


def free(
    backbone: Backbone,
    comparisons: Sequence[Comparison],
    originals: Originals,
    path: Path,
    *,
    tuning: Tuning,
    settings: Settings,
) -> tuple[Backbone, Tuned]:
    """Tunes the network on answers to photos outside of the test split, and writes it whole or not at all.

    Args:
        backbone: where it begins.
        comparisons: all answers; see `usable`.
        originals: their photos.
        path: of the file that is written, a state dict as torchvision's.
        tuning: how.
        settings: of the model of a person.

    Returns:
        The backbone of that file, and how it was tuned.

    Raises:
        ApsiError: too few answers whose photos are there.
    """
    wanted = {v.key: v for one in _learned_from(comparisons) for v in (one.left, one.right)}
    pictures, rows = _read(list(wanted.values()), originals, backbone)
    gone = wanted.keys() - rows.keys()
    there = [one for one in comparisons if _is_there(one, originals, gone)]
    usable(there, ("neural",), backbone)
    answered = _numbered(_learned_from(there), rows)
    tuned = tune(backbone, pictures, answered, tuning=tuning, smoothing=settings.label_smoothing, seed=settings.seed)
    with atomic(path) as temporary:
        torch.save(load_state(backbone.path, "backbone.weights") | tuned.network, temporary)
    return backbone.with_weights(path), tuned


def _learned_from(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Answers that share no photo with those of the test split."""
    seen = {v.photo for one in comparisons if one.split == "test" for v in (one.left, one.right)}
    opinions = [one for one in comparisons if one.answer.answer != "skip"]
    return [one for one in opinions if one.left.photo not in seen and one.right.photo not in seen]


def _is_there(comparison: Comparison, originals: Originals, gone: set[str]) -> bool:
    try:
        for version in (comparison.left, comparison.right):
            originals.path(version)
    except MissingOriginalError:
        return False
    return comparison.left.key not in gone and comparison.right.key not in gone


def _read(versions: Sequence[Version], originals: Originals, network: Backbone) -> tuple[torch.Tensor, dict[str, int]]:
    """Pictures `(V, 3, size, size)` `uint8`, of 150 kB at 224 pixels, and the row of each version that is there."""
    groups: dict[str, list[Version]] = {}
    for version in versions:
        groups.setdefault(version.photo, []).append(version)
    pictures = torch.empty(len(versions), 3, network.size, network.size, dtype=torch.uint8)
    rows: dict[str, int] = {}
    for group in track(groups.values(), "Reading photos", len(groups)):
        try:
            original = originals.read(group[0])
        except MissingOriginalError:
            continue  # is told where features are measured
        for version in group:
            rows[version.key] = len(rows)
            shown = network.squares([framed(original, version.steps, LONGEST).photo])
            pictures[rows[version.key]] = shown[0].to("cpu", torch.uint8)
    return pictures[: len(rows)], rows


def _numbered(comparisons: Sequence[Comparison], rows: dict[str, int]) -> Answered:
    """Answers whose only column is the row of a picture."""
    outcomes, people, _ = outcomes_of(comparisons)
    left, right = (
        np.array([[rows[v.key]] for v in versions], np.float64)
        for versions in ([one.left for one in comparisons], [one.right for one in comparisons])
    )
    photos = tuple((one.left.photo, one.right.photo) for one in comparisons)
    return Answered(left, right, outcomes, people, photos, tuple(one.answer.pair for one in comparisons))
