"""Pairs and answers for others."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.text import Text

from apsi.config.instantiate import instantiate
from apsi.console import show
from apsi.preference.folder import PreferenceFolder
from apsi.preference.format.base import Outgoing
from apsi.preference.photos import Originals
from apsi.task import builds
from apsi.task.import_answers import chosen_format
from apsi.tracking.run_folder import RunFolder


@builds("preference", "dataset")
def export_answers(config: DictConfig, folder: RunFolder, *, annotators: list[str]) -> dict[str, Any]:
    """Writes the answers that hold, or the pairs, in the way of `preference/format`.

    Returns:
        The files, and how many answers or tasks they hold.

    Raises:
        ApsiError: no format was chosen, it can't be written, there is nothing to write, or a file is there already.
    """
    folder.note(housekeeping=True)  # `latest` keeps pointing to the latest result
    chosen = chosen_format(config, "export_answers")
    preferences = PreferenceFolder(Path(config.preference_dir).expanduser())
    pairs = preferences.require_pairs()
    comparisons = preferences.comparisons(annotators, pairs)
    originals = Originals(instantiate(config.dataset), Path(config.data_dir).expanduser())
    target = folder.path if config.out is None else Path(config.out).expanduser()
    exported = chosen.write(Outgoing(pairs, comparisons, originals), target)
    show(
        *(Text(f"Note: {note}") for note in exported.notes),
        Text(f"{exported.written} {exported.what} written:"),
        *(Text(str(path)) for path in exported.paths),
    )
    return {"written": exported.written, "files": [str(path) for path in exported.paths]}
