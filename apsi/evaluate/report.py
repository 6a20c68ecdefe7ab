"""One self-contained HTML page that shows an evaluation."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from apsi.evaluate import plots
from apsi.evaluate.actions import action_table
from apsi.evaluate.diagnosis import LOOKS
from apsi.evaluate.gallery import gallery
from apsi.evaluate.opening import opening
from apsi.evaluate.outcome import caution, cost, headline, photos_and_copies, sentences
from apsi.evaluate.summary import PolicySummary
from apsi.evaluate.truth import CHANGE, MEASURES
from apsi.interval import interval_text
from apsi.photo.write import write_text
from apsi.policy.rollout import EpisodeResult
from apsi.transform.catalogue import by_label
from apsi.web.page import data_uri, render

_MANY_DEGRADATIONS, _OPEN_CARDS = 20, 6
"""If there are more, they are folded"""


def write_report(
    path: Path,
    *,
    summary: Mapping[str, Any],
    summaries: Mapping[str, PolicySummary],
    results: Mapping[str, Sequence[EpisodeResult]],
    shown: str,
    achieved: str,
    history: Sequence[Mapping[str, Any]],
    config: str,
) -> None:
    """Writes the page; the video of training is read from the folder `images` next to it.

    Args:
        path: the HTML file.
        summary: what `summary.json` holds.
        summaries: figures of each policy.
        results: episodes of each policy, the same in the same order; pictures are shown of those with frames.
        shown: the policy that the headline and the chart of transforms are of.
        achieved: what a success is, as a verb of the past: "repaired".
        history: rows of the learning curve; may be empty.
        config: the resolved configuration as YAML.
    """
    episodes = [result.episode for result in results[shown]]
    degraded = any(episode.degradation for episode in episodes)
    photos = summaries[shown].photos
    facts = {**summary, "degraded": degraded}
    video = path.parent / "images" / "training.mp4"
    by_degradation = _by_degradation(results)
    labels = _labels(results)
    page = render(
        "apsi.evaluate",
        "report.html.j2",
        headline=headline(facts, summaries, shown, achieved),
        sentences=sentences(facts, summaries, shown),
        caution=caution(facts, photos),
        counted=photos_and_copies(photos, len(episodes), degraded),
        summary=facts,
        policies=summaries,
        interval_text=interval_text,
        shown=shown,
        measures=[name for name in summaries[shown].measures if name not in (*MEASURES, CHANGE)],
        costs={name: cost(policy.measures) for name, policy in summaries.items()},
        truth=[name for name in MEASURES if summaries[shown].measures.get(name)],
        by_degradation=by_degradation,
        many=len(by_degradation) > _MANY_DEGRADATIONS,
        success_svg=plots.success_bars(summaries),
        curve_svg=plots.learning_curve(history) if history else "",
        gain_svg=plots.gain_curve(history) if history else "",
        scores_svg=plots.score_by_edit(results),
        actions_svg=plots.action_usage(results[shown]),
        history_svg=plots.action_history(history),
        actions=action_table(results[shown]),
        opening=opening(results[shown], achieved),
        looked_for=list(LOOKS),
        cards=gallery(results),
        open_cards=_OPEN_CARDS,
        edits={label: by_label(label).advice for label in sorted(labels) if "(" not in label},
        adjusted=any("(" in label for label in labels),
        video=data_uri(video, "video/mp4") if video.exists() else "",
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


def _labels(results: Mapping[str, Sequence[EpisodeResult]]) -> set[str]:
    """Of the edits and degradations in the pictures."""
    kept = [result for played in results.values() for result in played if result.frames]
    return {label for result in kept for label in (*result.episode.degradation, *result.actions)}
