"""A prepared data set, and what was found in it, in FiftyOne."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from pydantic import PositiveInt
from rich.text import Text

from apsi.analyse.files import write_files
from apsi.analyse.page import PAGE, write_page
from apsi.analyse.quality import Limits
from apsi.analyse.samples import export, require_name_free
from apsi.analyse.structure import Map
from apsi.config.instantiate import instantiate
from apsi.console import show
from apsi.dataset.fiftyone_database import open_fiftyone
from apsi.errors import ApsiError
from apsi.installation import command
from apsi.juror.neural import NeuralJuror
from apsi.task.analyse import Features, find
from apsi.tracking.run_folder import RunFolder

DATABASE = "fiftyone"
"""Folder below `data_dir`"""


def export_fiftyone(
    config: DictConfig,
    folder: RunFolder,
    *,
    name: str | None,
    overwrite: bool,
    crops: bool,
    prepared: str | None,
    clusters: PositiveInt | None,
    map: Map,
    features: Features,
    backbone: NeuralJuror | None,
    limits: Limits,
) -> dict[str, Any]:
    """Analyses a data set as `task=analyse` does, and makes a data set of FiftyOne of it and of what was found.

    Returns:
        Its name, and the numbers of groups and samples.

    Raises:
        ApsiError: FiftyOne can't be used, the name is taken, or as `task=analyse`.
    """
    wanted = require_name(name or _usual_name(config, prepared))
    fiftyone = open_fiftyone(Path(config.data_dir) / DATABASE)
    require_name_free(fiftyone, wanted, overwrite)  # before the long work
    analysis = find(
        config,
        folder,
        prepared=prepared,
        clusters=clusters,
        map=map,
        features=features,
        backbone=backbone,
        limits=limits,
    )
    write_files(folder.path, analysis)
    write_page(folder.path / PAGE, analysis, seed=config.data_seed)
    files = {file.name: file.path for file in instantiate(config.dataset).listing().files}
    done = export(fiftyone, wanted, analysis, files, overwrite=overwrite, crops=crops)
    show(
        Text(f"FiftyOne has {done.groups:,} photos with {done.samples - done.groups:,} degraded copies as {done.name}"),
        Text(f"Look at them: {command()} task=show_fiftyone task.name={done.name}"),
        Text(f"Train on what you tag there: {command()} dataset=fiftyone dataset.name={done.name} dataset.tags=[TAG]"),
        Text(f"Page {folder.path / PAGE}"),
    )
    return asdict(done)


def require_name(name: str) -> str:
    """Refuses what is no name of a data set in FiftyOne, nor a part of a command.

    Raises:
        ApsiError: with what a name may hold.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise ApsiError(
            f"task.name={name} must begin with a letter or digit and hold only letters, digits, '.', '_' and '-', at "
            "most 100 of them"
        )
    return name


def _usual_name(config: DictConfig, prepared: str | None) -> str:
    """That of the prepared folder, or of the data set."""
    name = Path(prepared).expanduser().resolve().name if prepared else str(instantiate(config.dataset).name)
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip("._-") or "photos"
