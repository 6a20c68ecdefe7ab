"""The page of an analysis, and the scoring report of `task=preprocess`: pages that need no other file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from apsi.analyse.analysis import Analysis
from apsi.analyse.checks import NOT_FROM_FILE
from apsi.analyse.plots import cost_bars, photo_map, score_histogram, seconds_bars, split_histogram
from apsi.analyse.scores import QUANTILES
from apsi.analyse.structure import CLEAR
from apsi.photo.resample import shrunk
from apsi.photo.write import encode_jpeg, read_png, write_text
from apsi.web.page import data_uri, percent, render

PAGE, SCORING_PAGE = "analysis.html", "scoring.html"

_SIDE = 160
"""Pixels of the longer side of a thumbnail"""
_SHOWN, _OF_GROUP, _PAIRS = 7, 7, 9


@dataclass(frozen=True)
class Shot:
    """A thumbnail with what is said of it."""

    source: str
    title: str
    detail: str


@dataclass(frozen=True)
class Group:
    """A group of photos that are like each other."""

    number: int
    photos: int
    share: float
    mean_score: float | None
    mean_drop: float | None
    shots: tuple[Shot, ...]


def write_page(path: Path, analysis: Analysis, *, seed: int, seconds: Mapping[str, float] | None = None) -> None:
    """Writes the page.

    Args:
        path: of it.
        analysis: what was found.
        seed: of the dots of the map that are shown where there are many.
        seconds: that each step of preparing took; None where it is not known.
    """
    shots = _Shots(analysis)
    material, structure = analysis.material, analysis.structure
    by_score = [i for _, i in sorted((p.score, i) for i, p in enumerate(material.photos) if p.score is not None)]
    by_drop = sorted(range(len(material.copies)), key=lambda i: (material.copies[i].drop, i))
    unique = np.lexsort((np.arange(len(analysis.placed)), -structure.uniqueness)).tolist()
    page = render(
        "apsi.analyse",
        "analysis.html.j2",
        analysis=analysis,
        headline=headline(analysis),
        remarks=remarks(analysis),
        quantile_names=[percent(share) for share in QUANTILES],
        scores_svg=score_histogram(analysis.scores[0]) if by_score or by_drop else "",
        splits_svg=split_histogram(analysis.scores[1:]),
        costs_svg=cost_bars(analysis.costs),
        seconds_svg=seconds_bars(seconds) if seconds else "",
        map_svg=photo_map(structure, seed) if len(analysis.placed) > 2 else "",
        best=[shots.scored(i) for i in by_score[::-1][:_SHOWN]],
        worst=[shots.scored(i) for i in by_score[:_SHOWN]],
        dearest=[shots.degraded(i) for i in by_drop[::-1][:_SHOWN]],
        cheapest=[shots.degraded(i) for i in by_drop[:_SHOWN]],
        findings=[
            (finding, [shots.said(i, said) for i, said in zip(finding.photos[:_SHOWN], finding.said, strict=False)])
            for finding in analysis.findings
        ],
        pairs=shots.pairs(),
        groups=_groups(analysis, shots),
        unique=[shots.said(int(analysis.placed[row]), f"{structure.uniqueness[row]:.2f}") for row in unique[:_SHOWN]],
        common=[
            shots.said(int(analysis.placed[row]), f"{structure.uniqueness[row]:.2f}") for row in unique[::-1][:_SHOWN]
        ],
        clear=CLEAR,
        clean=[finding.check for finding in analysis.findings if not finding.photos],
        mixed=any(len(copy.labels) > 1 for copy in material.copies),
    )
    write_text(path, page)


def headline(analysis: Analysis) -> str:
    """What there is, in a sentence."""
    material = analysis.material
    counted = f"{len(material.photos):,} photo{'s' if len(material.photos) != 1 else ''}"
    if not analysis.findings:
        spread = analysis.scores[0].spreads["photos"]
        said = f", scored {spread.mean:.2f} on average" if spread else ""
        return f"{counted}{said}, and {len(material.copies):,} degraded copies"
    told = {i for finding in analysis.findings if finding.check.name != NOT_FROM_FILE for i in finding.photos}
    if not told:
        return f"{counted}: nothing stands out"
    return f"{counted}, of which {len(told):,} ({percent(len(told) / len(material.photos))}) are worth a look"


def remarks(analysis: Analysis) -> list[str]:
    """What to know before the figures are believed."""
    material, found = analysis.material, []
    dropped = sum(material.dropped.values())
    if dropped:
        found.append(
            f"{dropped:,} degraded photos scored no worse than their originals and were left out, "
            f"{len(material.copies):,} were kept: what transforms cost is a little less than it says here."
        )
    unscored = sum(photo.score is None for photo in material.photos)
    if unscored:
        counted = f"{unscored:,} photo{'s' if unscored != 1 else ''}"
        found.append(
            f"Of {counted} no degraded copy was kept, and so no score: the juror takes none of the edits for worse. "
            "Another degradation, or another juror, would use them."
        )
    if material.is_shared:
        found.append("Every split holds all photos, as there are too few: each is shown once.")
    if len(analysis.placed) < len(material.photos):
        found.append(
            f"Groups are those of {len(analysis.placed):,} of the photos, drawn by seed; task=analyse looks at all."
        )
    return found


class _Shots:
    """Thumbnails, each made once."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._source = cache(lambda path: data_uri(encode_jpeg(shrunk(read_png(path), _SIDE), 80), "image/jpeg"))

    def said(self, photo: int, detail: str) -> Shot:
        one = self._analysis.material.photos[photo]
        return Shot(self._source(one.image), one.name, detail)

    def scored(self, photo: int) -> Shot:
        score = self._analysis.material.photos[photo].score
        return self.said(photo, "" if score is None else f"{score:.2f}")

    def degraded(self, copy: int) -> Shot:
        one = self._analysis.material.copies[copy]
        detail = f"{one.before:.2f} → {one.score:.2f}, {', '.join(one.labels)}"
        return Shot(self._source(one.image), self._analysis.material.photos[one.photo].name, detail)

    def pairs(self) -> list[tuple[Shot, Shot]]:
        """Copies, each beside what it is a copy of."""
        place = {photo.name: i for i, photo in enumerate(self._analysis.material.photos)}
        known = [copy for copy in self._analysis.copies if {copy.file, copy.copy_of} <= place.keys()]
        return [
            (self.said(place[copy.copy_of], "first"), self.said(place[copy.file], copy.reason))
            for copy in known[:_PAIRS]
        ]


def _groups(analysis: Analysis, shots: _Shots) -> list[Group]:
    material, structure = analysis.material, analysis.structure
    drops: dict[int, list[float]] = {}
    for copy in material.copies:
        drops.setdefault(copy.photo, []).append(copy.drop)
    found = []
    for number in range(structure.count):
        rows = np.flatnonzero(structure.cluster == number)
        members = analysis.placed[rows].tolist()
        scores = [material.photos[i].score for i in members]
        nearest = rows[np.argsort(structure.typical[rows], kind="stable")][:_OF_GROUP].tolist()
        found.append(
            Group(
                number + 1,
                len(members),
                len(members) / len(analysis.placed),
                _mean([score for score in scores if score is not None]),
                _mean([drop for i in members for drop in drops.get(i, [])]),
                tuple(shots.scored(int(analysis.placed[row])) for row in nearest),
            )
        )
    return found


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None
