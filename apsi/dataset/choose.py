"""Which photos of a data set are taken: filters, and a sample that depends on names and the seed alone."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from apsi.dataset.base import Dataset, Listing, Skipped, SourceFile
from apsi.dataset.sidecar import with_sidecar
from apsi.errors import ApsiError
from apsi.photo.formats import read_size_of_any
from apsi.photo.hash import seed_for
from apsi.photo.read import UnreadablePhotoError

_AT_ONCE = 256
"""Files whose headers are read, or which are fetched, before the next are thought of"""
_SAMPLE = "sample"
Sizes = Callable[[Sequence[SourceFile]], Iterator[tuple[int, int] | Skipped]]


def choose(dataset: Dataset, seed: int) -> Listing:
    """The photos that `dataset.selection` asks for, in the order of the listing, on disk, with what is known of them.

    Photos are drawn by their names: the draw does not depend on their order, and a larger one holds the smaller. Sizes
    come from the headers of files, of which no more are read than needed; a file whose header can't be read is
    skipped, and none of the number that was asked for.

    Args:
        dataset: all photos.
        seed: of the draw.

    Raises:
        ApsiError: the data set can't be listed, or nothing of it is left.
    """
    selection, listing = dataset.selection, with_sidecar(dataset)
    fitting = [file for file in listing.files if selection.has_tag(file.facts.tags)]
    left_out = Counter({f"none of dataset.tags={list(selection.tags)}": len(listing.files) - len(fitting)})
    limit, order = len(fitting), fitting
    if selection.limit is not None:
        limit = selection.limit
        order = sorted(fitting, key=lambda file: seed_for(seed, _SAMPLE, file.name))
    looks = selection.by_size or selection.limit is not None
    kept, skipped, seen = set[str](), list(listing.skipped), 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        while seen < len(order) and len(kept) < limit:
            batch = order[seen : seen + min(_AT_ONCE, limit - len(kept))]
            seen += len(batch)
            missing = dataset.fetch(batch)
            skipped += missing
            absent = {entry.name for entry in missing}
            batch = [file for file in batch if file.name not in absent]
            for file, found in zip(batch, threads.map(_size, batch) if looks else [None] * len(batch), strict=True):
                if isinstance(found, Skipped):
                    skipped.append(found)
                elif found is not None and (reason := selection.unfit(*found)):
                    left_out[reason] += 1
                else:
                    kept.add(file.name)
    left_out[f"beyond dataset.limit={limit}"] = len(order) - seen
    left_out = +left_out  # without the zeros
    if not kept and left_out:
        raise ApsiError(
            f"no photo of the data set '{dataset.title}' is left: {reasons(left_out)}; ask for less, or use "
            "other photos"
        )
    files = tuple(file for file in fitting if file.name in kept)
    return replace(listing, files=files, skipped=tuple(skipped), left_out=dict(left_out))


def reasons(left_out: dict[str, int]) -> str:
    """`12 shorter side below dataset.min_side=256, 3 ...`."""
    return ", ".join(f"{count} {reason}" for reason, count in left_out.items())


def _size(file: SourceFile) -> tuple[int, int] | Skipped:
    try:
        return read_size_of_any(file.path)
    except UnreadablePhotoError as error:
        return Skipped(file.name, str(error))
    except OSError as error:
        return Skipped(file.name, f"can't be opened: {error.strerror or error}")
