"""Photos that were chosen in FiftyOne."""

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import PositiveInt

from apsi.dataset.base import Dataset, Listing, Skipped, SourceFile
from apsi.dataset.fiftyone_database import FILE, ORIGINAL, SOURCE_PATH, load_dataset, open_fiftyone
from apsi.dataset.folder import printable, unusable_name
from apsi.errors import ApsiError, did_you_mean
from apsi.photo.formats import why_unread
from apsi.photo.read import MAX_PIXELS

_SHOWN_TAGS = 20


class FiftyOne(Dataset):
    """The photos of a data set of FiftyOne, of one of its saved views, or those with a tag.

    Where `task=export_fiftyone` made the data set, a tag on a degraded copy stands for its photo, and the photo's own
    file is taken, not the copy at working size.
    """

    def __init__(
        self,
        name: str,
        view: str | None,
        tags: list[str],
        *,
        database: str,
        enlarge: dict[str, int],
        max_pixels: PositiveInt = MAX_PIXELS,
    ) -> None:
        """Takes the names; opens nothing yet.

        Args:
            name: of the data set in FiftyOne.
            view: a view that was saved in it; None: all of it.
            tags: photos with any of these; empty: all.
            database: folder of FiftyOne's database.
            enlarge: for each split, how many versions of each photo to make, the photo itself included.
            max_pixels: files with more are skipped before they are decoded.
        """
        self._dataset, self._view, self._tags = name, view, tags
        self._database = Path(database)
        self.enlarge, self.max_pixels = enlarge, max_pixels

    @property
    def name(self) -> str:
        return self._dataset

    def listing(self) -> Listing:
        return self._listing

    @cached_property
    def _listing(self) -> Listing:
        dataset = load_dataset(open_fiftyone(self._database), self._dataset)
        rows = list(_rows(self._chosen(dataset), dataset))
        if not rows:
            raise ApsiError(self._nothing(dataset))
        files: dict[str, SourceFile] = {}
        skipped = []
        for name, path in sorted(_named(rows)):
            if reason := unusable_name(name) or why_unread(path.suffix):
                skipped.append(Skipped(printable(name), reason))
            elif name in files:
                if files[name].path != path:
                    skipped.append(Skipped(name, f"a photo of this name is there already: {files[name].path}"))
            else:
                files[name] = SourceFile(name, path)
        return Listing(tuple(files.values()), tuple(skipped))

    def _chosen(self, dataset: Any) -> Any:
        """Samples of all slices, with the tags."""
        chosen = dataset
        if self._view is not None:
            views = dataset.list_saved_views()
            if self._view not in views:
                known = f" There are: {', '.join(views)}." if views else " It has none: save one in the app."
                raise ApsiError(
                    f"dataset.view={self._view}: {self._dataset} has no such view."
                    f"{did_you_mean(self._view, views)}{known}"
                )
            chosen = dataset.load_saved_view(self._view)
        if chosen.media_type == "group":
            chosen = chosen.select_group_slices(media_type="image")
        return chosen.match_tags(list(self._tags)) if self._tags else chosen

    def _nothing(self, dataset: Any) -> str:
        wanted = [f"dataset.view={self._view}"] * (self._view is not None)
        wanted += [f"dataset.tags=[{','.join(self._tags)}]"] * bool(self._tags)
        slices = dataset.select_group_slices(media_type="image") if dataset.media_type == "group" else dataset
        tags = slices.distinct("tags")[:_SHOWN_TAGS]
        known = f" Its tags are: {', '.join(tags)}." if tags else ""
        return f"{self._dataset} has no photo with {' and '.join(wanted) or 'anything in it'}.{known}"


def _rows(chosen: Any, dataset: Any) -> Iterator[tuple[str | None, str]]:
    """Name, where apsi gave it one, and path of the photos that were chosen; of groups, those of the originals."""
    if dataset.media_type != "group":
        yield from _values(chosen, dataset)
        return
    slices = dataset.group_slices
    original = ORIGINAL if ORIGINAL in slices else dataset.default_group_slice
    groups = set(chosen.values(f"{dataset.group_field}.id"))
    whole = dataset.select_group_slices(original)
    ids = whole.values(f"{dataset.group_field}.id")
    yield from (row for row, group in zip(_values(whole, dataset), ids, strict=True) if group in groups)


def _values(samples: Any, dataset: Any) -> list[tuple[str | None, str]]:
    schema = dataset.get_field_schema()
    paths = samples.values("filepath")
    names: Sequence[Any] = samples.values(FILE) if FILE in schema else [None] * len(paths)
    own: Sequence[Any] = samples.values(SOURCE_PATH) if SOURCE_PATH in schema else [None] * len(paths)
    return [
        (name if isinstance(name, str) and name else None, source if source and Path(source).is_file() else path)
        for name, source, path in zip(names, own, paths, strict=True)
    ]


def _named(rows: Sequence[tuple[str | None, str]]) -> list[tuple[str, Path]]:
    """With names for those that have none: the path below the folder that all share."""
    unnamed = [path for name, path in rows if name is None]
    root = os.path.commonpath([str(Path(path).parent) for path in unnamed]) if unnamed else ""
    return [(Path(path).relative_to(root).as_posix() if name is None else name, Path(path)) for name, path in rows]
