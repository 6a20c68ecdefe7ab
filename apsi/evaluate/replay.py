"""The photos that a recorded run ended with, made once more from its recipes."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from apsi.config.compose import follow_device
from apsi.config.instantiate import check, instantiate
from apsi.config.options import option_of
from apsi.config.schema import completed
from apsi.config.trust import require_trust
from apsi.env.base import Objective
from apsi.errors import ApsiError
from apsi.evaluate.comparison import Compared
from apsi.juror.framed import FramedPhoto
from apsi.photo import Photo
from apsi.photo.hash import pixel_hash
from apsi.photo.write import read_png
from apsi.preprocess.base import PREPARED_FOLDER, SPLITS, batches
from apsi.tracking.none import NoTracker
from apsi.tracking.recorded import RecordedRun
from apsi.tracking.run_folder import RunFolder
from apsi.transform.action_set import ActionSet
from apsi.transform.recipe import Recipe

_PARTS = ("juror", "env", "transform")
BATCH = 64
"""Episodes that are replayed at a time"""


@dataclass(frozen=True)
class Ending:
    """What one episode began and ended with, as a juror gets both."""

    key: str
    """hash of the pixels that it began with"""
    start: FramedPhoto
    end: FramedPhoto
    recorded: float
    """the score of the end that the run's own juror gave"""


@dataclass(frozen=True)
class Edits:
    """How the edits of a recorded run are made, without its juror."""

    run: Path
    objective: Objective
    actions: ActionSet

    def picture(self, start: Photo, labels: Sequence[str]) -> Photo:
        """What a recipe makes of a photo that an episode began with, as people are shown it.

        Raises:
            ApsiError: the recipe can't be replayed.
        """
        try:
            return self.objective.begin(start, self.actions).replayed(Recipe.of(labels)).picture
        except ApsiError as error:
            raise ApsiError(f"the edits of run {self.run} can't be made once more: {error}") from error


def open_edits(folder: Path, config: DictConfig) -> Edits:
    """Builds what the edits of the run in a folder were made with.

    Args:
        folder: of a run.
        config: of this command: what it trusts.

    Raises:
        ApsiError: its record is damaged, or comes from elsewhere and names what this command does not confirm.
    """
    recorded = RecordedRun(str(folder), NoTracker())
    try:
        parts = OmegaConf.masked_copy(completed(recorded.config()), ["env", "transform"])
        check(parts)
        if not recorded.is_own():
            require_trust(parts, f"run {folder}", [], config)
        objective = instantiate(parts.env)
        return Edits(folder, objective, instantiate(parts.transform, stop=objective.stop))
    except (OmegaConfBaseException, HydraException, ValueError, OSError, YAMLError) as error:
        raise ApsiError(f"{folder / 'config.yaml'} is damaged ({str(error).partition(chr(10))[0]})") from error


@dataclass(frozen=True)
class Replay:
    """A recorded run whose episodes can be looked at again."""

    run: Compared
    juror: DictConfig
    """of its configuration, computing on this command's device"""
    option: str
    """that the juror was chosen by; its class where there is none"""
    folder: Path
    """its prepared photos"""
    objective: Objective
    actions: ActionSet
    rows: Mapping[str, Mapping[str, str]]
    """lines of `results.csv` by the hash of the pixels that the episode began with"""

    def originals(self) -> dict[str, str]:
        """Beginnings of the hashes of the original photos by these keys."""
        return {key: row["original"] for key, row in self.rows.items()}

    def endings(self, keys: Sequence[str]) -> Iterator[list[Ending]]:
        """The episodes with these keys, some at a time.

        Raises:
            ApsiError: a photo is gone, or a recipe can't be replayed.
        """
        for some in batches(keys, BATCH):
            yield [self._ending(key, self.rows[key]) for key in some]

    def _ending(self, key: str, row: Mapping[str, str]) -> Ending:
        begun = self.objective.begin(_start_photo(self.run, self.folder, row["image"]), self.actions)
        try:
            ended = begun.replayed(Recipe.of(row["recipe"].split()))
        except ApsiError as error:
            raise ApsiError(f"the edits of run {self.run.name} can't be made once more: {error}") from error
        return Ending(key, begun.framed, ended.framed, float(row["final_score"]))


def open_replay(run: Compared, recorded: RecordedRun, config: DictConfig) -> Replay:
    """Finds the photos of a recorded run and builds what its edits were made with.

    Args:
        run: whose compared policy counts.
        recorded: the same, as it was recorded.
        config: of this command: device, `data_dir` and what it trusts.

    Raises:
        ApsiError: its photos are not there, its record is of an earlier version, or it comes from elsewhere and names
            what this command does not confirm.
    """
    if "folds" in run.summary:
        raise ApsiError(
            f"run {run.name} is a cross-validation, whose folds have jurors of their own: compare runs of "
            "task=pipeline or task=evaluate with those of other jurors"
        )
    saved, is_own = completed(recorded.config()), recorded.is_own()
    parts = OmegaConf.masked_copy(saved, list(_PARTS))
    check(parts)
    if not is_own:
        require_trust(parts, f"run {run.name}", [], config)
    parts.device = config.device
    follow_device(parts.juror)
    places = [Path(config.data_dir).expanduser() / PREPARED_FOLDER]
    if is_own:
        noted = RunFolder(recorded.file("run.json").parent).record().get("prepared", [])
        places += [*(Path(path).parent for path in noted), Path(saved.data_dir).expanduser() / PREPARED_FOLDER]
    folder = _prepared(run, places)
    target = str(parts.juror["_target_"])
    chosen = RunFolder(recorded.file("run.json").parent).record().get("choices", {}).get("juror")
    option = str(chosen or option_of("juror", target) or target.rpartition(".")[2])
    objective = instantiate(parts.env)
    actions = instantiate(parts.transform, stop=objective.stop)
    return Replay(run, parts.juror, option, folder, objective, actions, _rows(run, recorded, folder))


def _prepared(run: Compared, places: Sequence[Path]) -> Path:
    """The folder of its prepared photos, in one of these."""
    name = str(run.summary["dataset"])
    found = (place / name for place in places if Path(name).name == name and (place / name).is_dir())
    if (folder := next(found, None)) is not None:
        return folder
    looked = ", ".join(dict.fromkeys(map(str, places)))
    raise ApsiError(
        f"the photos that run {run.name} was tested on are not there: no {name} in {looked}. Set data_dir to the "
        "folder that holds them, or do the run once more (task=rerun)"
    )


def _rows(run: Compared, recorded: RecordedRun, folder: Path) -> dict[str, dict[str, str]]:
    with recorded.file("results.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["policy"] == run.policy]
    if not all({"recipe", "original", "image", "final_score"} <= row.keys() for row in rows):
        raise ApsiError(
            f"the results.csv of run {run.name} names no recipes or originals, as it is of an earlier version: "
            "evaluate its agent once more (task=evaluate)"
        )
    keyed = {pixel_hash(_start_photo(run, folder, row["image"])).hex(): row for row in reversed(rows)}
    return dict(reversed(keyed.items()))  # of equal photos the first


def _start_photo(run: Compared, folder: Path, image: str) -> Photo:
    """The prepared photo that an episode began with."""
    split = run.summary["split"]
    paths = [folder / name / "images" / image for name in (SPLITS if split == "all" else [split])]
    path: Any = next((path for path in paths if Path(image).name == image and path.is_file()), None)
    if path is None:
        raise ApsiError(
            f"{folder} has no photo {image} of the split '{split}', with which an episode of run {run.name} began: do "
            "the run once more (task=rerun)"
        )
    return read_png(path)
