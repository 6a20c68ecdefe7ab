"""One self-contained HTML page that shows an evaluation."""

import base64
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from apsi.evaluate import plots
from apsi.evaluate.interval import interval_text
from apsi.evaluate.rollout import EpisodeResult
from apsi.evaluate.summary import PolicySummary
from apsi.photo.write import write_text


def write_report(
    path: Path,
    *,
    summary: Mapping[str, Any],
    summaries: Mapping[str, PolicySummary],
    results: Mapping[str, Sequence[EpisodeResult]],
    shown: str,
    history: Sequence[Mapping[str, Any]],
    config: str,
) -> None:
    """Writes the page; the pictures are read from the folder `images` beside it.

    Args:
        path: the HTML file.
        summary: what `summary.json` holds.
        summaries: figures of each policy.
        results: episodes of each policy.
        shown: the policy that the pictures and the tables of details are of.
        history: rows of the learning curve; may be empty.
        config: the resolved configuration as YAML.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("apsi.evaluate", "templates"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    pictures = sorted((path.parent / "images").glob("before_after_*.png"))
    mosaic = path.parent / "images" / "mosaic.png"
    film = path.parent / "images" / "training.mp4"
    page = environment.get_template("report.html.j2").render(
        summary=summary,
        interval_text=interval_text,
        policies=summaries,
        shown=shown,
        measures=list(summaries[shown].measures),
        by_degradation=_by_degradation(results),
        success_svg=plots.success_bars(summaries),
        curve_svg=plots.learning_curve(history) if history else "",
        gain_svg=plots.gain_curve(history) if history else "",
        scores_svg=plots.score_by_edit(results),
        actions_svg=plots.action_usage(results[shown]),
        pictures=[_data_uri(picture) for picture in pictures],
        mosaic=_data_uri(mosaic) if mosaic.exists() else "",
        film=_data_uri(film, "video/mp4") if film.exists() else "",
        config=config,
    )
    write_text(path, page)


def _by_degradation(results: Mapping[str, Sequence[EpisodeResult]]) -> list[tuple[str, int, dict[str, float]]]:
    """For each degradation: its name, its number of episodes, the success rate of each policy."""
    grouped: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for policy, episodes in results.items():
        for result in episodes:
            grouped[" ".join(result.episode.degradation) or "none"][policy].append(result.success)
    return [
        (name, max(len(v) for v in policies.values()), {p: sum(v) / len(v) for p, v in policies.items()})
        for name, policies in sorted(grouped.items())
    ]


def _data_uri(file: Path, kind: str = "image/png") -> str:
    return f"data:{kind};base64," + base64.b64encode(file.read_bytes()).decode()
