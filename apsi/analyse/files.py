"""The findings as files for other programs."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from apsi.analyse.analysis import Analysis
from apsi.analyse.scores import QUANTILES, Spread
from apsi.photo.write import atomic, write_text
from apsi.spreadsheet import guarded

JSON_FILE, CSV_FILE = "analysis.json", "analysis.csv"


def write_files(folder: Path, analysis: Analysis) -> None:
    """Writes `analysis.json`, the figures, and `analysis.csv`, a line a photo.

    Texts of the table that a spreadsheet would take for a formula begin with an apostrophe.
    """
    write_text(folder / JSON_FILE, json.dumps(as_numbers(analysis), indent=1, ensure_ascii=False))
    rows = list(photo_rows(analysis))
    with atomic(folder / CSV_FILE) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({name: guarded(said) if isinstance(said, str) else said for name, said in row.items()})


def as_numbers(analysis: Analysis) -> dict[str, Any]:
    """The figures, without single photos but those of findings."""
    material, structure = analysis.material, analysis.structure
    return {
        "prepared": str(material.folder),
        "juror": material.juror,
        "photos": len(material.photos),
        "degraded_copies": len(material.copies),
        "dropped": dict(material.dropped),
        "skipped_files": material.skipped,
        "scores": {
            one.split: {name: _numbers(spread) for name, spread in one.spreads.items()} for one in analysis.scores
        },
        "costs": [{**asdict(cost), "drop": _numbers(cost.drop)} for cost in analysis.costs],
        "near_duplicates": len(analysis.copies),
        "clusters": {
            "count": structure.count,
            "sizes": [int((structure.cluster == i).sum()) for i in range(structure.count)],
            "silhouette": structure.silhouette,
            "tried": structure.tried,
            "photos": len(analysis.placed),
        },
        "map": structure.map,
        "findings": [
            {
                "name": finding.check.name,
                "limit": finding.check.limit,
                "origin": finding.check.origin,
                "remedy": finding.check.remedy,
                "photos": [
                    {"file": material.photos[i].name, "measured": said}
                    for i, said in zip(finding.photos, finding.said, strict=True)
                ],
            }
            for finding in analysis.findings
        ],
    }


def photo_rows(analysis: Analysis) -> Iterator[dict[str, Any]]:
    """One row a photo: what is known and was found of it; empty where it is not known."""
    material, structure = analysis.material, analysis.structure
    copy_of = {copy.file: copy.copy_of for copy in analysis.copies}
    place = {photo: row for row, photo in enumerate(analysis.placed.tolist())}
    drops: dict[int, list[float]] = {}
    for copy in material.copies:
        drops.setdefault(copy.photo, []).append(copy.drop)
    told: dict[int, list[str]] = {}
    for finding in analysis.findings:
        for i in finding.photos:
            told.setdefault(i, []).append(finding.check.name)
    for i, photo in enumerate(material.photos):
        row, fell = place.get(i), drops.get(i, [])
        near = None if row is None or not structure.neighbours.shape[1] else int(structure.neighbours[row, 0])
        looked = analysis.looked[i] if analysis.looked else None
        yield {
            "file": photo.name,
            "split": photo.split,
            "score": photo.score,
            "degraded_copies": len(fell),
            "mean_drop": sum(fell) / len(fell) if fell else None,
            "findings": " ".join(told.get(i, [])),
            "copy_of": copy_of.get(photo.name),
            "cluster": None if row is None else int(structure.cluster[row]),
            "uniqueness": None if row is None else float(structure.uniqueness[row]),
            "nearest": None if near is None else material.photos[int(analysis.placed[near])].name,
            "nearest_distance": None if near is None or row is None else float(structure.distances[row, 0]),
            **_measured(None if looked is None else vars(looked.measures)),
            "width": None if looked is None or looked.problem else looked.width,
            "height": None if looked is None or looked.problem else looked.height,
        }


def _measured(measures: Mapping[str, float] | None) -> dict[str, float | None]:
    names = ("lightness", "spread", "deviation", "blur")
    return {name: None if measures is None else measures[name] for name in names}


def _numbers(spread: Spread | None) -> dict[str, Any] | None:
    if spread is None:
        return None
    quantiles = {f"{share:g}": value for share, value in zip(QUANTILES, spread.quantiles, strict=True)}
    return {"count": spread.count, "mean": spread.mean, "deviation": spread.deviation, "quantiles": quantiles}
