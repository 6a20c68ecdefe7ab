"""Comparing the order of crops with that of people."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from pydantic import PositiveInt
from rich.table import Table

from apsi.agent.build import load_agent
from apsi.agent.checkpoint import Checkpoint, read_checkpoint, untrained_on
from apsi.agent.jurors import ready_juror
from apsi.agent.trial import Trial
from apsi.algo.crop_ranker import CropRankerPolicy
from apsi.config.build import components
from apsi.config.instantiate import instantiate
from apsi.console import show, track
from apsi.crops.base import AnnotatedPhoto, CropAnnotations
from apsi.crops.metrics import accuracy, linear_correlation, overlap, rank_correlation, weighted_accuracy
from apsi.env.crop import Framing
from apsi.errors import ApsiError
from apsi.interval import Sample, interval_text, mean_interval
from apsi.juror.framed import FramedPhoto
from apsi.juror.none import NoJuror
from apsi.photo import Floats, Photo
from apsi.photo.box import Box
from apsi.photo.read import UnreadablePhotoError, read_photo
from apsi.photo.resample import fit, resample
from apsi.tracking.run_folder import RunFolder
from apsi.transform.crop_actions import grid_anchors

Ranking = Callable[[Photo, Floats], Floats]
"""A photo and boxes `(n, 4)` in shares -> how good each is, `(n,)`"""


def rank_crops(
    config: DictConfig, folder: RunFolder, *, returned: list[PositiveInt], best: list[PositiveInt]
) -> dict[str, Any]:
    """Has `checkpoint`, an agent that ranks crops, or `juror` score annotated crops, and compares with people's scores.

    Photos that the agent was trained on are left out.

    Returns:
        Means over photos, and intervals from resampling them: `srcc`, `pcc`, `acc_K_N`, `acc_w_K_N`; of photos whose
        best crops are known, `iou` of the one that is ranked first among them all.

    Raises:
        ApsiError: no annotated crops, or an agent that does not rank crops or has seen all of these photos.
    """
    if config.crops is None:
        raise ApsiError("task=rank_crops needs crops that people scored: add crops=gaicd crops.root=PHOTOS ..., or csv")
    annotations: CropAnnotations = instantiate(config.crops)
    annotated = annotations.photos()
    if config.checkpoint is None:
        rank = _juror(config)
    else:
        checkpoint = read_checkpoint(Path(config.checkpoint).expanduser())
        annotated = untrained_on(annotated, lambda photo: annotations.hash_of(photo.name), [checkpoint])
        if not annotated:
            raise ApsiError(f"{checkpoint.path} was trained on all photos of crops=: give others")
        rank = _agent(config, checkpoint)
    figures: dict[str, list[tuple[str, float]]] = {}
    for photo in track(annotated, "Ranking crops", len(annotated)):
        for name, value in _figures(photo, annotations, rank, returned, best).items():
            if not np.isnan(value):
                figures.setdefault(name, []).append((photo.name, value))
    if not figures:
        raise ApsiError("no photo of crops= has two crops with different scores, or crops that were chosen as best")
    return _told({name: _mean(values) for name, values in figures.items()}, len(annotated))


def _figures(
    photo: AnnotatedPhoto, annotations: CropAnnotations, rank: Ranking, returned: Sequence[int], best: Sequence[int]
) -> dict[str, float]:
    try:
        pixels = read_photo(annotations.path(photo.name))
    except UnreadablePhotoError as error:
        raise ApsiError(f"{annotations.path(photo.name)}: {error}") from error
    if photo.are_best:
        anchors = np.array([box.array for box in _anchors()])
        chosen = anchors[int(np.argmax(rank(pixels, anchors)))]
        return {"iou": float(max(overlap(np.tile(chosen, (len(photo.boxes), 1)), photo.boxes)))}
    scored = photo.scored
    if len(scored.boxes) < 2:
        return {}
    values = rank(pixels, scored.boxes)
    found = {"srcc": rank_correlation(values, scored.scores), "pcc": linear_correlation(values, scored.scores)}
    for k in returned:
        for n in (n for n in best if n <= len(scored.boxes) and k <= len(scored.boxes)):
            found[f"acc_{k}_{n}"] = accuracy(values, scored.scores, k, n)
            found[f"acc_w_{k}_{n}"] = weighted_accuracy(values, scored.scores, k, n)
    return found


def _anchors() -> list[Box]:
    return grid_anchors(12, 0.5)


def _juror(config: DictConfig) -> Ranking:
    juror, framing = ready_juror(config), instantiate(config.env)
    if isinstance(juror, NoJuror):
        raise ApsiError("juror=none ranks nothing: choose juror=framing, attention or crop_prior")
    size = framing.view_size if isinstance(framing, Framing) else int(config.preprocess.steps.resize.size)

    def rank(photo: Photo, boxes: Floats) -> Floats:
        whole = _shrunk(photo, size)
        return juror.score_framed([FramedPhoto(_shrunk(box.cut(photo), size), whole, box) for box in _boxes(boxes)])

    return rank


def _agent(config: DictConfig, checkpoint: Checkpoint) -> Ranking:
    parts = components(config, NoJuror())
    _, model = load_agent(config, checkpoint, parts, Trial(parts.objective))
    policy = model.policy
    if not isinstance(policy, CropRankerPolicy):
        raise ApsiError(f"checkpoint={config.checkpoint} ranks no crops: task=rank_crops needs one of algo=crop_ranker")
    height, width = parts.objective.observation_size

    def rank(photo: Photo, boxes: Floats) -> Floats:
        observation = torch.from_numpy(resample(photo, width, height).transpose(2, 0, 1)[None].copy())
        policy.set_training_mode(False)
        with torch.no_grad():
            candidates = torch.tensor(boxes, dtype=torch.float32, device=policy.device)
            values = policy.values(observation.to(policy.device), candidates)
        found: Floats = values[0].double().cpu().numpy()
        return found

    return rank


def _boxes(boxes: Floats) -> list[Box]:
    return [Box(*box) for box in boxes.tolist()]


def _shrunk(photo: Photo, size: int) -> Photo:
    return fit(photo, min(size, max(photo.shape[:2])), "longest_side")


def _mean(values: Sequence[tuple[str, float]]) -> dict[str, Any]:
    sample = Sample.of([[value for _, value in values]], [[name for name, _ in values]])
    return {"mean": sample.mean, "ci95": mean_interval(sample), "photos": len(values)}


def _told(figures: dict[str, dict[str, Any]], n_photos: int) -> dict[str, Any]:
    table = Table(title=f"Crops of {n_photos} photos", caption="intervals: from resampling photos")
    for column in ("figure", "mean", "95 % interval", "photos"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for name, found in figures.items():
        table.add_row(name, f"{found['mean']:.3f}", interval_text(found["ci95"]), str(found["photos"]))
    show(table)
    return figures
