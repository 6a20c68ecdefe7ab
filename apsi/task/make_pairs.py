"""Making the pairs that people are asked to choose between."""

import logging
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from omegaconf import DictConfig, OmegaConf
from pydantic import PositiveInt
from rich.text import Text

from apsi.advise.editor import Editor
from apsi.agent.checkpoint import read_checkpoint, untrained_on
from apsi.config.compose import OF_THIS_RUN, load_config, with_checkpoint
from apsi.config.instantiate import instantiate
from apsi.config.schema import Config
from apsi.console import progress, show
from apsi.errors import ApsiError
from apsi.installation import command
from apsi.juror.framed import FramedPhoto
from apsi.juror.preference import Preference
from apsi.pairs.base import Candidate, PairContext, SortedPhoto
from apsi.pairs.making import next_round, unknown, with_sides
from apsi.photo import Floats, Photo
from apsi.photo.hash import seed_for
from apsi.preference.folder import PreferenceFolder
from apsi.preference.information import information
from apsi.preference.pair import Pair
from apsi.preference.photos import MissingOriginalError, Originals, framed
from apsi.preference.reading import LONGEST
from apsi.preference.split import Splits
from apsi.select.selection import SelectContext
from apsi.task.advise import open_editor
from apsi.tracking.run_folder import RunFolder

_RATIOS = (0.7, 0.15, 0.15)  # of photos that no data set deals, of which there are none here
log = logging.getLogger(__name__)


def make_pairs(
    config: DictConfig,
    folder: RunFolder,
    *,
    count: PositiveInt,
    split: Literal["train", "val", "test", "all"],
) -> dict[str, Any]:
    """Adds pairs of the photos of a split to those in `preference_dir`, as `pairs` and `select` say.

    Returns:
        How many pairs there are, new ones by split, and the round.

    Raises:
        ApsiError: no photo, or no pair that is not there yet.
    """
    new = add_round(config, count=count, split=split)
    preferences = PreferenceFolder(Path(config.preference_dir).expanduser())
    show(
        round_said(new),
        f"Pairs  {preferences.pairs_file}",
        Text(f"Next: {command()} {shlex.join(['task=annotate', *given_photos(config), *given_pairs(config)])}"),
    )
    splits = Counter(pair.split for pair in new)
    photos = {version.photo for pair in new for version in (pair.left, pair.right)}
    total = len(preferences.pairs())
    return {"new": len(new), "photos": len(photos), "pairs": total, "round": new[0].made["round"], **splits}


def given_photos(config: DictConfig) -> list[str]:
    """The words that name the photos of a configuration in a command."""
    return ["dataset=folder", f"dataset.path={config.dataset.path}"] if "path" in config.dataset else []


def given_pairs(config: DictConfig) -> list[str]:
    """Likewise the folder of pairs and answers; none where it is the usual one."""
    is_usual = config.preference_dir == Config.preference_dir
    return [] if is_usual else [f"preference_dir={config.preference_dir}"]


def round_said(new: Sequence[Pair]) -> str:
    """A round of new pairs in one line."""
    splits = Counter(pair.split for pair in new)
    photos = {version.photo for pair in new for version in (pair.left, pair.right)}
    by_split = ", ".join(f"{splits[split]} {split}" for split in ("train", "val", "test") if splits[split])
    of = f"{len(photos)} photo{'s' * (len(photos) != 1)}"
    return f"{len(new)} new pairs of {of} ({by_split}), round {new[0].made['round']}"


def add_round(config: DictConfig, *, count: int, split: str) -> list[Pair]:
    """Makes pairs and adds them; see `make_pairs`."""
    source, selection = instantiate(config.pairs), instantiate(config.select)
    editors = [_editor(config, checkpoint) for checkpoint in source.checkpoints]
    preferences = PreferenceFolder(Path(config.preference_dir).expanduser())
    known = preferences.pairs()
    number = next_round(known.values())
    seed = seed_for(config.seed, number)
    photos = sorted_photos(config, split, seed, Splits.of(known, config.data_seed, _RATIOS).known)
    if split in ("val", "test"):
        photos = unseen(photos, [checkpoint or config.checkpoint for checkpoint in source.checkpoints], split)
    originals = Originals(instantiate(config.dataset), Path(config.data_dir).expanduser())

    def read(photo: SortedPhoto) -> Photo | None:
        try:
            return originals.read(photo.version())
        except MissingOriginalError as error:
            log.warning("%s; it gets no pairs", error)
            return None

    def informative(juror: Preference, candidates: Sequence[Candidate]) -> Floats:
        found = _framed(originals, candidates)
        gains = np.full(len(candidates), -np.inf)
        pairs = [pair for pair in found if pair is not None]
        gains[[pair is not None for pair in found]] = information(juror, *map(list, zip(*pairs, strict=True)))
        return gains

    context = PairContext(photos, read, editors, seed)
    chosen = selection.choose(
        _counted(unknown(source.candidates(context), known), selection.looked_at(count)),
        count,
        SelectContext(informative, seed),
    )
    made: dict[str, Any] = {"round": number, "seed": config.seed, "select": type(selection).__name__.lower()}
    for name, checkpoint in zip(("checkpoint", "other"), source.checkpoints, strict=False):
        made[name] = str(checkpoint or config.checkpoint)
    new = preferences.add_pairs(with_sides(chosen, _snake(type(source).__name__), made, seed))
    if not new:
        raise ApsiError(
            f"no new pair could be made of {len(photos)} photos: {len(known)} are in {preferences.path} already; give "
            "more photos, another pairs=, or another agent"
        )
    if len(new) < count:
        log.warning("Only %d of %d pairs could be made of these photos", len(new), count)
    return new


def sorted_photos(config: DictConfig, split: str, seed: int, known: Mapping[str, str]) -> list[SortedPhoto]:
    """The photos of a split, mixed by a seed; those that pairs have already stay in the split that they had then.

    Raises:
        ApsiError: there is none.
    """
    steps = instantiate(config.preprocess)
    records = steps.sort(instantiate(config.dataset), Path(config.data_dir).expanduser(), config.data_seed)
    found: dict[str, SortedPhoto] = {}
    for record in records:
        own = known.get(record.original, record.split)
        if split in ("all", own):
            found.setdefault(record.original, SortedPhoto(record.original, record.source, own))
    if not found:
        raise ApsiError(f"task.split={split}: no photo of dataset= is in it; give more photos, or task.split=all")
    return sorted(found.values(), key=lambda photo: seed_for(seed, "order", photo.hash))


def unseen(photos: list[SortedPhoto], checkpoints: Sequence[str], split: str) -> list[SortedPhoto]:
    """Those that no agent was trained on.

    Raises:
        ApsiError: there is none.
    """
    agents = (read_checkpoint(Path(path).expanduser()) for path in checkpoints)
    left = untrained_on(photos, lambda photo: photo.hash, agents)
    if not left:
        raise ApsiError(f"task.split={split}: the agents were trained on all of its photos; give others with dataset=")
    return left


def _counted(candidates: Any, count: int) -> Any:
    with progress() as bar:
        task = bar.add_task("Making pairs", total=count)
        for candidate in candidates:
            bar.advance(task)
            yield candidate


def _framed(originals: Originals, candidates: Sequence[Candidate]) -> list[tuple[FramedPhoto, FramedPhoto] | None]:
    found: list[tuple[FramedPhoto, FramedPhoto] | None] = []
    for first, second, _ in candidates:
        try:
            one, other = (framed(originals.read(version), version.steps, LONGEST) for version in (first, second))
            found.append((one, other))
        except MissingOriginalError:
            found.append(None)
    return found


def _editor(config: DictConfig, checkpoint: str | None) -> Editor:
    """Who edits by a checkpoint, or by that of the configuration."""
    if checkpoint is None:
        if config.checkpoint is None:
            raise ApsiError("these pairs show what an agent does: add checkpoint=outputs/.../checkpoints/best.zip")
        return open_editor(config, read_checkpoint(Path(config.checkpoint).expanduser()))
    other = load_config()
    for key in OF_THIS_RUN:
        OmegaConf.update(other, key, OmegaConf.select(config, key), merge=False, force_add=True)
    other.checkpoint, other.resume = checkpoint, "auto"
    return open_editor(with_checkpoint(other, []), read_checkpoint(Path(checkpoint).expanduser()))


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
