"""The photos of a data set as lists."""

import csv
from pathlib import Path

from omegaconf import DictConfig
from rich.text import Text

from apsi.config.instantiate import instantiate
from apsi.console import show
from apsi.dataset.choose import choose, reasons
from apsi.errors import ApsiError
from apsi.photo.write import atomic
from apsi.preprocess.resize import write_skipped
from apsi.task import builds
from apsi.tracking.run_folder import RunFolder

LIST, TABLE, SKIPPED = "photos.txt", "photos.csv", "skipped.csv"


@builds("dataset")
def list_photos(config: DictConfig, folder: RunFolder) -> dict[str, int]:
    """Writes `photos.txt`, a path a line, `photos.csv` with names and paths, and `skipped.csv`; decodes no photo.

    They are the photos that a run with this `dataset` and `data_seed` would begin with: of its tags, sizes and limit.

    Returns:
        Numbers of photos and of files that are skipped.

    Raises:
        ApsiError: the data set can't be listed, or is empty.
    """
    listing = choose(instantiate(config.dataset), config.data_seed)
    if not listing.files:
        raise ApsiError("there is no photo in this data set, so there is nothing to list")
    paths = [(file.name, str(Path(file.path).resolve())) for file in listing.files]
    with atomic(folder.path / LIST) as temporary:
        temporary.write_text("".join(f"{path}\n" for _, path in paths if "\n" not in path), encoding="utf-8")
    with atomic(folder.path / TABLE) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "path"])
        writer.writerows(paths)
    write_skipped(folder.path / SKIPPED, listing.skipped)
    left_out = f"; left out: {reasons(listing.left_out)}" if listing.left_out else ""
    said = f"{len(paths):,} photos, {len(listing.skipped):,} files skipped{left_out}"
    show(Text(said), Text(str(folder.path / LIST)))
    return {"photos": len(paths), "skipped": len(listing.skipped)}
