"""Proposing the mapping of a juror from its values for one's photos."""

import logging
import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf
from pydantic import PositiveInt
from rich.text import Text

from apsi.config.instantiate import class_of, instantiate
from apsi.console import show, track
from apsi.dataset.choose import choose
from apsi.errors import ApsiError
from apsi.evaluate.calibration_page import bars, quantiles, write_calibration
from apsi.installation import command
from apsi.juror.neural import NeuralJuror
from apsi.juror.proposal import propose
from apsi.photo import Floats, Photo
from apsi.photo.formats import read_any
from apsi.photo.read import UnreadablePhotoError
from apsi.photo.resample import fit
from apsi.preprocess.resize import Resize
from apsi.tracking.run_folder import RunFolder

log = logging.getLogger(__name__)


def calibrate_juror(config: DictConfig, folder: RunFolder, *, photos: PositiveInt) -> dict[str, Any]:
    """Proposes a mapping for `juror` from its values for the configured photos, and shows them; trains nothing.

    The photos are scored at working size, as in a run, each together with a copy that `degradation` made worse: this
    shows which direction is better.

    Returns:
        The proposed values of the mapping, `higher_is_better`, `preferred` and the number of photos.

    Raises:
        ApsiError: a juror without a mapping, no usable photo, or values that are all the same.
    """
    juror = _without_mapping(config)
    names, originals = _photos(config, photos)
    rng = np.random.default_rng(config.data_seed)
    degradation = instantiate(config.degradation)
    recipes = [degradation.sample(rng) for _ in originals]
    copies = [recipe(photo) for recipe, photo in zip(recipes, originals, strict=True) if recipe.transforms]
    values, degraded = _native(juror, originals), _native(juror, copies)
    proposal = propose(class_of(config.juror.mapping), values, degraded)
    command = _command(folder, vars(proposal.mapping))
    described = juror.describe()
    write_calibration(
        folder.path,
        names=names,
        photos=originals,
        values=values,
        degraded=degraded,
        proposal=proposal,
        command=command,
        described=described,
    )
    lines = [
        *described,
        "",
        f"Values of {len(values)} photos (#) and {len(degraded)} degraded copies (-), from the lowest:",
    ]
    lines += bars(values, degraded)
    lines += ["", "below it    value    score"]
    lines += [
        f"{share:>8} {value:>8.4g} {score:>8.2f}" for share, value, score in quantiles(values, degraded, proposal)
    ]
    better = "Higher" if proposal.higher_is_better else "Lower"
    lines += ["", f"{better} is better; {proposal.mapping.fitted_so}. What to paste:", command]
    lines += ["", str(folder.path / "calibration.html")]
    show(*map(Text, lines))
    for warning in proposal.warnings:
        log.warning("%s", warning)
    numbers = {"higher_is_better": proposal.higher_is_better, "preferred": proposal.preferred, "photos": len(values)}
    return {**vars(proposal.mapping), **numbers}


def _without_mapping(config: DictConfig) -> NeuralJuror:
    """The juror with a placeholder mapping, which is never used."""
    node = config.juror.copy()
    if OmegaConf.is_dict(node.get("mapping")):
        node.mapping = {"_target_": "apsi.juror.mapping.Linear", "worst": 0.0, "best": 1.0}
        juror = instantiate(node)
        if isinstance(juror, NeuralJuror):
            return juror
    name = class_of(config.juror).__name__
    raise ApsiError(f"task=calibrate_juror is for a juror with a mapping, such as juror=onnx; {name} needs none")


def _photos(config: DictConfig, most: int) -> tuple[list[str], list[Photo]]:
    """Names and photos at working size, up to the number asked for, without those that can't be read."""
    steps = instantiate(config.preprocess).steps.values()
    resize = next((step for step in steps if isinstance(step, Resize)), None)
    if resize is None:
        raise ApsiError("task=calibrate_juror needs preprocess.steps.resize, the size at which photos are scored")
    dataset = instantiate(config.dataset)
    files = choose(dataset, config.data_seed).files
    order = np.random.default_rng(config.data_seed).permutation(len(files))
    names, photos, skipped = [], list[Photo](), list[str]()
    for i in track(sorted(order[:most].tolist()), "Reading photos", min(most, len(files))):
        try:
            photos.append(fit(read_any(files[i].path, dataset.max_pixels), resize.size, resize.mode))
            names.append(files[i].name)
        except (UnreadablePhotoError, OSError) as error:
            skipped.append(f"{files[i].name}: {error}")
    if skipped:
        log.warning("Skipped %d files, the first: %s", len(skipped), skipped[0])
    if len(photos) < 2:
        raise ApsiError(f"a mapping needs two photos or more, there are {len(photos)}; name a folder with dataset.path")
    return names, photos


def _native(juror: NeuralJuror, photos: Sequence[Photo], batch: int = 32) -> Floats:
    parts = [photos[start : start + batch] for start in range(0, len(photos), batch)]
    return np.concatenate([np.empty(0), *(juror.native(part) for part in track(parts, "Scoring", len(parts)))])


def _command(folder: RunFolder, mapping: dict[str, float]) -> str:
    """The juror's settings in this run, with the proposed mapping."""
    given = [str(override) for override in OmegaConf.load(folder.path / "overrides.yaml")]
    kept = [
        one for one in given if one.startswith(("juror=", "juror.", "juror/")) and not one.startswith("juror.mapping.")
    ]
    found = [f"juror.mapping.{name}={value!r}" for name, value in mapping.items()]
    return f"{command()} {shlex.join([*kept, *found])}"
