"""A recipe for other programs."""

import logging
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.table import Table

from apsi.config.instantiate import instantiate
from apsi.console import show
from apsi.errors import ApsiError
from apsi.export.base import ExportResult, export_all
from apsi.photo import Photo
from apsi.photo.file import read_file
from apsi.photo.formats import decode_any
from apsi.photo.metadata import stored_orientation
from apsi.photo.read import MAX_PIXELS, UnreadablePhotoError, max_file_bytes
from apsi.task import builds
from apsi.tracking.run_folder import RunFolder
from apsi.transform.recipe import read_recipe

log = logging.getLogger(__name__)


@builds("export")
def export(config: DictConfig, folder: RunFolder) -> dict[str, Any]:
    """Writes `recipe` in the way of each chosen `export` into the run's folder; `photo` is what it was made for.

    Returns:
        For each export its files and the labels that it left out.

    Raises:
        ApsiError: no export, no recipe, a file that can't be read, or no photo where a step depends on it.
    """
    if not config.export:
        raise ApsiError("export=[] names no program: export=[cube,hald]")
    exports = {str(option): instantiate(node) for option, node in config.export.items()}
    recipe = read_recipe(config.recipe, "export")
    photo, orientation = _photo(config.photo)
    name = Path(config.photo if photo is not None else config.recipe).stem
    results = export_all(exports, recipe, photo, folder.path, name, orientation=orientation)
    show(_table(results), *(str(path) for path in dict.fromkeys(p for r in results.values() for p in r.paths)))
    return {
        option: {
            "files": [path.name for path in result.paths],
            "left_out": [one.label for one in result.left_out],
        }
        for option, result in results.items()
    }


def _photo(file: Any) -> tuple[Photo | None, int]:
    """The photo, upright, and how its pixels are turned to be so."""
    if file is not None and not isinstance(file, str):
        raise ApsiError(f"photo={file}: task=export takes the one photo that the recipe is for")
    try:
        if file is None:
            return None, 1
        path = Path(file).expanduser()
        data = read_file(path, max_file_bytes(MAX_PIXELS))
        return decode_any(path, data), stored_orientation(data, path)
    except (OSError, UnreadablePhotoError) as error:
        raise ApsiError(f"photo={file} can't be read: {error}") from error


def _table(results: dict[str, ExportResult]) -> Table:
    table = Table("export", "files", "left out", "notes")
    for option, result in results.items():
        left_out = "\n".join(f"{one.label}: {one.reason}" for one in result.left_out)
        table.add_row(option, "\n".join(path.name for path in result.paths), left_out, "\n".join(result.notes))
    return table
