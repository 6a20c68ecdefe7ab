"""What a juror's values look like and what a mapping makes of them: a page and a CSV file."""

import csv
from collections.abc import Mapping as Map
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from markupsafe import Markup
from matplotlib import rc_context

from apsi.juror.base import SCORE_MAX
from apsi.juror.proposal import Proposal
from apsi.photo import Floats, Photo
from apsi.photo.resample import fit
from apsi.photo.write import atomic, encode_png, write_text
from apsi.web.page import data_uri, render
from apsi.web.plots import SERIES, STYLE, legend_below, new_figure, svg

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
BINS = 24
_SHOWN = 4
_SIZE = 256


def write_calibration(
    folder: Path,
    *,
    names: Sequence[str],
    photos: Sequence[Photo],
    values: Floats,
    degraded: Floats,
    proposal: Proposal,
    command: str,
    described: Sequence[str],
) -> None:
    """Writes `calibration.html` and `calibration.csv`.

    Args:
        folder: where to.
        names: of the photos.
        photos: as they were scored.
        values: on the model's own scale, `(N,)`.
        degraded: of their degraded copies, `(N,)` or `(0,)`.
        proposal: made of these values.
        command: what to paste.
        described: sentences about the model's file.
    """
    scores = proposal.mapping(values)
    worse = proposal.mapping(degraded)
    with atomic(folder / "calibration.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "value", "score", "degraded_value", "degraded_score"])
        copies: list[tuple[object, object]] = list(zip(degraded, worse, strict=True)) or [("", "")] * len(values)
        writer.writerows((n, v, s, *c) for n, v, s, c in zip(names, values, scores, copies, strict=True))
    order = np.argsort(scores, kind="stable")
    ends = {"Lowest scores": order[:_SHOWN], "Highest scores": order[::-1][:_SHOWN]}
    page = render(
        "apsi.evaluate",
        "calibration.html.j2",
        photos=len(values),
        proposal=proposal,
        command=command,
        described=described,
        values_svg=histogram({"photos": values, "degraded copies": degraded}, "the model's own scale"),
        scores_svg=histogram({"photos": scores, "degraded copies": worse}, f"score, 0 to {SCORE_MAX:g}"),
        rows=quantiles(values, degraded, proposal),
        ends={title: [_picture(names[i], scores[i], photos[i]) for i in which] for title, which in ends.items()},
    )
    write_text(folder / "calibration.html", page)


def quantiles(values: Floats, degraded: Floats, proposal: Proposal) -> list[tuple[str, float, float]]:
    """Quantiles of all values: their share, value and score."""
    found = np.quantile(np.concatenate([values, degraded]), QUANTILES)
    shares = [f"{share:.0%}".replace("%", " %") for share in QUANTILES]
    return [(n, float(v), float(s)) for n, v, s in zip(shares, found, proposal.mapping(found), strict=True)]


def bars(values: Floats, degraded: Floats, width: int = 40) -> list[str]:
    """A histogram of both in lines of text: `#` for photos, `-` for degraded copies on top."""
    both = np.concatenate([values, degraded])
    edges = np.histogram_bin_edges(both, BINS // 2)
    photos, copies = np.histogram(values, edges)[0], np.histogram(degraded, edges)[0]
    most = max((photos + copies).max(), 1)
    lengths = [(round(p * width / most), round(c * width / most)) for p, c in zip(photos, copies, strict=True)]
    return [f"{low:>12.5g} {'#' * p}{'-' * c}" for low, (p, c) in zip(edges, lengths, strict=False)]


@rc_context(STYLE)
def histogram(series: Map[str, Floats], label: str) -> Markup:
    """Histograms of photos and degraded copies over each other."""
    figure, axes = new_figure(2.6)
    edges = np.histogram_bin_edges(np.concatenate(list(series.values())), BINS)
    for (name, values), colour in zip(series.items(), SERIES, strict=False):
        if len(values):
            axes.hist(values, bins=list(edges), alpha=0.6, label=name, color=colour)
    axes.set_xlabel(label)
    legend_below(figure, axes)
    medians = ", ".join(f"{name} {np.median(values):.4g}" for name, values in series.items() if len(values))
    return svg(figure, f"Histogram of {label}; medians: {medians}")


def _picture(name: str, score: float, photo: Photo) -> dict[str, object]:
    small = fit(photo, _SIZE, "longest_side") if max(photo.shape) > _SIZE else photo
    source = data_uri(encode_png(small, 9))
    return {"source": source, "alt": name, "title": name, "score": score, "state": "", "detail": ""}
