"""What plots on pages share: SVG text in the colours of the style sheet; the page's captions are their titles."""

import hashlib
import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from apsi.web.page import light_colours

Points = Sequence[tuple[float, float]]
Band = Sequence[tuple[float, float, float]]
"""For each x the lower and the upper end"""

WIDTH = 5.0
"""Inches; on a phone a figure is about as wide, so its text keeps its size"""
_COLOURS = light_colours()
INK, SOFT, LINE, GOOD, BAD = (_COLOURS[name] for name in ("ink", "soft", "line", "good", "bad"))
SERIES = [_COLOURS[f"series-{i}"] for i in range(1, 9)]
_DASHES, _MARKERS = ("-", "--", "-.", ":"), "os^DvPX*"
_WIDEST_LABEL = 52
STYLE: dict[Any, Any] = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), INK),
    **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), SOFT),
    **{"axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True},
    **{"axes.grid": True, "axes.grid.axis": "y", "grid.color": LINE, "grid.linewidth": 0.8},
    **{"font.size": 10, "legend.frameon": False, "legend.fontsize": 9.5, "figure.constrained_layout.use": True},
    **{"svg.fonttype": "none", "svg.hashsalt": "apsi"},
}
"""Of matplotlib; plots are drawn under it, with `@rc_context(STYLE)`"""


def new_figure(height: float) -> tuple[Figure, Axes]:
    """An empty figure of the usual width; call it under `STYLE`."""
    figure = Figure(figsize=(WIDTH, height))
    return figure, figure.add_subplot()


def draw_lines(axes: Axes, lines: Mapping[str, Points], bands: Mapping[str, Band] | None = None) -> None:
    """Lines that differ in colour, dashes and markers; the legend tells which are identical."""
    seen: dict[tuple[tuple[float, float], ...], list[str]] = {}
    drawn = {name: tuple(points) for name, points in lines.items() if points}
    for i, (name, points) in enumerate(drawn.items()):
        alike = seen.setdefault(points, [])
        same = f" (same as {alike[0]})" if alike else ""
        later = list(drawn.values())[i + 1 :].count(points)
        axes.plot(
            *zip(*points, strict=True),
            color=SERIES[i % len(SERIES)],
            linestyle=_DASHES[i % len(_DASHES)],
            linewidth=1.8 + 1.6 * later,
            marker=_MARKERS[i % len(_MARKERS)],
            markersize=4 + 2 * later,
            label=f"{name}{same}".replace("$", r"\$"),
        )
        if band := (bands or {}).get(name):
            x, low, high = zip(*band, strict=True)
            axes.fill_between(x, low, high, color=SERIES[i % len(SERIES)], alpha=0.16, linewidth=0)
        alike.append(name)


def legend_below(figure: Figure, axes: Axes) -> None:
    """The legend under the axes, where no line can be; the figure grows by its height."""
    handles, labels = axes.get_legend_handles_labels()
    wrapped = [textwrap.fill(label, _WIDEST_LABEL) for label in labels]
    for columns in range(min(4, len(labels)), 0, -1):
        legend = figure.legend(handles, wrapped, loc="outside lower left", ncols=columns, handlelength=3.2)
        figure.draw_without_rendering()
        box = legend.get_window_extent()
        if box.x1 <= figure.bbox.x1:
            break
        if columns > 1:
            legend.remove()
    figure.set_figheight(figure.get_figheight() + box.height / figure.dpi)


def svg(figure: Figure, description: str) -> Markup:
    """A figure as part of a page: its colours follow the reader's light or dark mode, its ids are unique on the page.

    Args:
        figure: drawn under `STYLE`.
        description: alternative text for screen readers.
    """
    figure.patch.set_alpha(0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'^(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'^(<svg[^>]*?) height="[^"]*"', r"\1", text))
    own = "p" + hashlib.sha256(description.encode()).hexdigest()[:8]
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{own}-", text)
    for name, colour in _COLOURS.items():
        text = text.replace(colour, f"var(--{name})")
    return Markup(text.replace("<svg", f'<svg role="img" aria-label="{escape(description)}"', 1))
