"""A prepared data set with all that was found, as a data set of FiftyOne."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apsi import __version__
from apsi.analyse.analysis import Analysis
from apsi.analyse.files import photo_rows
from apsi.console import track
from apsi.dataset.fiftyone_database import DEGRADED, FILE, MADE_BY, ORIGINAL, SOURCE_PATH
from apsi.errors import ApsiError
from apsi.preprocess.base import batches

SIMILARITY, MAP = "similarity", "map"
"""Keys under which FiftyOne's panels find the index and the map"""
_GROUP = "group"
_BATCH = 500
_FIELDS = (
    *("score", "mean_drop", "copy_of", "cluster", "uniqueness", "nearest"),
    *("lightness", "spread", "deviation", "blur"),
)
"""Of a row of `analysis.csv`, those that samples have under the same name"""


@dataclass(frozen=True)
class Exported:
    """What is in FiftyOne now."""

    name: str
    groups: int
    samples: int
    slices: tuple[str, ...]


def require_name_free(fiftyone: Any, name: str, overwrite: bool) -> None:
    """Refuses a name that is taken.

    Raises:
        ApsiError: a data set has it and may not be replaced, or is not apsi's.
    """
    if name not in fiftyone.list_datasets():
        return
    if fiftyone.load_dataset(name).info.get(MADE_BY) != "apsi":
        raise ApsiError(f"FiftyOne has a data set {name!r} that apsi did not make: choose another task.name")
    if not overwrite:
        raise ApsiError(
            f"FiftyOne has the data set {name!r} already: task.overwrite=true makes it anew, without the tags and "
            "views that were made there since; or choose another task.name"
        )


def export(
    fiftyone: Any, name: str, analysis: Analysis, files: dict[str, Path], *, overwrite: bool, crops: bool
) -> Exported:
    """Makes the data set; it has its name when it is whole, and until then the old one stays.

    Args:
        fiftyone: the library, opened.
        name: of the data set.
        analysis: of all photos.
        files: the photos' own files, by name.
        overwrite: whether a data set of apsi's with this name is replaced.
        crops: whether crops and flips of the photos, and their copies, are there as well.

    Raises:
        ApsiError: the name is taken.
    """
    require_name_free(fiftyone, name, overwrite)
    partial = f"{name}-unfinished-{os.getpid()}"
    if partial in fiftyone.list_datasets():
        fiftyone.delete_dataset(partial)
    dataset = fiftyone.Dataset(partial)  # not persistent: what a killed export leaves FiftyOne removes by itself
    try:
        dataset.add_group_field(_GROUP, default=ORIGINAL)
        samples = _samples(fiftyone, analysis, files, crops)
        rounds = -(-_count(analysis, crops) // _BATCH)
        for batch in track(batches(samples, _BATCH), "Filling FiftyOne", rounds):
            dataset.add_samples(batch, dynamic=True)
        _add_brain(fiftyone, dataset, analysis)
        _add_views(fiftyone, dataset, analysis)
        dataset.app_config.media_fields = ["filepath", *[SOURCE_PATH] * (SOURCE_PATH in dataset.get_field_schema())]
        material = analysis.material
        dataset.info = {
            MADE_BY: "apsi",
            "version": __version__,
            "prepared": str(material.folder.resolve()),
            "juror": material.juror,
            "nearness": analysis.nearness,
            "map": analysis.structure.map,
        }
        dataset.save()
    except BaseException:
        dataset.delete()
        raise
    require_name_free(fiftyone, name, overwrite)
    dataset.persistent = True
    if name in fiftyone.list_datasets():
        fiftyone.delete_dataset(name)
    dataset.name = name
    count = len(dataset.select_group_slices(media_type="image"))
    return Exported(name, len(dataset), count, tuple(dataset.group_slices))


def _count(analysis: Analysis, crops: bool) -> int:
    material = analysis.material
    whole = {photo.image for photo in material.photos}
    copies = [copy for copy in material.copies if crops or copy.original in whole]
    return len(material.photos) + len(copies) + len({copy.original for copy in copies} - whole)


def _samples(fiftyone: Any, analysis: Analysis, files: dict[str, Path], crops: bool) -> Iterator[Any]:
    """Samples group by group: the photo, then its degraded copies."""
    material = analysis.material
    copies: dict[Path, list[int]] = {}
    for i, copy in enumerate(material.copies):
        copies.setdefault(copy.original, []).append(i)
    told: dict[int, list[str]] = {}
    for finding in analysis.findings:
        for i in finding.photos:
            told.setdefault(i, []).append(finding.check.name)
    place = {photo: row for row, photo in enumerate(analysis.placed.tolist())}
    for i, (photo, row) in enumerate(zip(material.photos, photo_rows(analysis), strict=True)):
        group = fiftyone.Group()
        known = {name: row[name] for name in _FIELDS if row[name] is not None}
        if row["width"] is not None:
            known |= {"source_width": row["width"], "source_height": row["height"]}
        if photo.name in files:
            known[SOURCE_PATH] = str(files[photo.name].resolve())
        yield fiftyone.Sample(
            filepath=str(photo.image.resolve()),
            tags=[photo.split],
            group=group.element(ORIGINAL),
            **{FILE: photo.name},
            sha256=photo.digest,
            issues=told.get(i, []),
            embedding=analysis.points[place[i]].astype(float),
            whole=True,
            **known,
        )
        yield from _degraded(fiftyone, analysis, copies.pop(photo.image, []), group)
    if not crops:
        return
    for original, of_crop in copies.items():
        group, first = fiftyone.Group(), material.copies[of_crop[0]]
        photo = material.photos[first.photo]
        yield fiftyone.Sample(
            filepath=str(original.resolve()),
            tags=[photo.split],
            group=group.element(ORIGINAL),
            **{FILE: photo.name},
            sha256=photo.digest,
            score=first.before,
            whole=False,
        )
        yield from _degraded(fiftyone, analysis, of_crop, group)


def _degraded(fiftyone: Any, analysis: Analysis, which: list[int], group: Any) -> Iterator[Any]:
    for number, i in enumerate(which, start=1):
        copy = analysis.material.copies[i]
        photo = analysis.material.photos[copy.photo]
        yield fiftyone.Sample(
            filepath=str(copy.image.resolve()),
            tags=[photo.split],
            group=group.element(DEGRADED if number == 1 else f"{DEGRADED}_{number}"),
            **{FILE: photo.name},
            sha256=photo.digest,
            recipe=list(copy.labels),
            score=copy.score,
            initial_score=copy.before,
            drop=copy.drop,
            whole=copy.original == photo.image,
        )


def _add_brain(fiftyone: Any, dataset: Any, analysis: Analysis) -> None:
    """What the app's panels for similarity and embeddings show."""
    from fiftyone import brain

    whole = dataset.select_group_slices(ORIGINAL).match(fiftyone.ViewField("whole"))
    ids = dict(zip(whole.values(FILE), whole.values("id"), strict=True))
    photos = [analysis.material.photos[i].name for i in analysis.placed.tolist()]
    view = whole.select([ids[name] for name in photos], ordered=True)
    brain.compute_similarity(view, embeddings="embedding", brain_key=SIMILARITY, backend="sklearn", metric="euclidean")
    brain.compute_visualization(view, points=analysis.structure.place, embeddings="embedding", brain_key=MAP)


def _add_views(fiftyone: Any, dataset: Any, analysis: Analysis) -> None:
    """A saved view for each check that found something."""
    for finding in analysis.findings:
        if finding.photos:
            view = dataset.match(fiftyone.ViewField("issues").contains(finding.check.name))
            dataset.save_view(finding.check.name, view, description=f"{finding.check.title}: {finding.check.limit}")
