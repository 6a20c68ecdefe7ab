"""The results of an evaluation in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from apsi.evaluate.framing import AREA
from apsi.evaluate.summary import PolicySummary
from apsi.evaluate.truth import CHANGE
from apsi.juror.base import SCORE_MAX
from apsi.web.page import percent, with_sign


def headline(summary: Mapping[str, Any], summaries: Mapping[str, PolicySummary], shown: str, achieved: str) -> str:
    """One line: the policy, how many episodes it succeeded in, and of how many photos.

    Args:
        summary: what `summary.json` holds.
        summaries: figures of each policy.
        shown: name of the policy.
        achieved: what a success is, as a verb of the past: "repaired".
    """
    return f"{_who(shown).capitalize()} {achieved} {_count(summaries[shown], summary)}"


def sentences(summary: Mapping[str, Any], summaries: Mapping[str, PolicySummary], shown: str) -> list[str]:
    """The same with figures and intervals, and the figures of the other policies."""
    policy = summaries[shown]
    said = [f"That is {percent(policy.success_rate)} {_between(policy.success_ci95)}."]
    said.append(
        f"On average the score changed by {with_sign(policy.mean_gain, 2)} {_gained(policy.mean_gain_ci95)} "
        f"on a scale of 0 to {SCORE_MAX:g}, with {policy.mean_steps:.1f} edits."
    )
    if area := policy.measures.get(AREA):
        said.append(f"The crops leave {percent(area[1])} of the photo on average.")
    if paid := cost(policy.measures):
        said.append(f"That gain cost {paid}.")
    others = {name: other for name, other in summaries.items() if name != shown}
    if others:
        rates = _listed(
            [f"{marked(name, other.sees_original)} {percent(other.success_rate)}" for name, other in others.items()]
        )
        said.append(f"The same photos edited by other policies: {rates}.")
    asked = {name: other.juror_calls / summary["episodes"] for name, other in summaries.items()}
    most_calls = max(asked, key=lambda name: asked[name])
    if asked[most_calls] > 2 * asked[shown] > 0:
        said.append(
            f"{most_calls.capitalize()} needs {asked[most_calls]:.1f} juror scores per episode, "
            f"{_who(shown)} {asked[shown]:.1f}."
        )
    if "folds" in summary:
        said.append(
            f"No agent saw the photos it is tested with: there are {summary['folds']} agents, one for each part of the "
            "photos, each tested with photos that it was not trained on."
        )
    return said


def cost(measures: Mapping[str, Sequence[float] | None]) -> str:
    """What was done to the photos for the gain; empty where that was not measured."""
    change, clipped = measures.get(CHANGE), measures.get("clipped")
    if change is None or clipped is None:
        return ""
    before, after = (f"{100 * share:.1f}\N{NO-BREAK SPACE}%" for share in clipped)
    return f"{change[1]:.1f} CIEDE2000 away from the start, clipped pixels {before} → {after}"


def marked(policy: str, sees_original: bool) -> str:
    """A policy's name, and where it looks at the undegraded photos, that it does."""
    return f"{policy} (sees the original)" if sees_original else policy


def caution(summary: Mapping[str, Any], photos: int) -> str:
    """A warning about what the figures can't tell; empty if there is none."""
    if summary.get("not_trained"):
        return f"The agent is the one that this run began with: {summary['not_trained']}."
    if summary["trained_on"]:
        return "The agent was trained on photos that are shown here, so the figures say nothing about new photos."
    if photos == 1:
        return "All episodes are of one photo. They say nothing about other photos, so there is no interval."
    if summary["chosen_by"]:
        return "The best checkpoint was chosen on these photos, so the figures are slightly optimistic."
    return f"Only {photos} photos: the intervals are rough." if photos < 10 else ""


def photos_and_copies(photos: int, episodes: int, degraded: bool) -> str:
    """How many photos, and how many copies were made of them: kept apart in every text."""
    count = f"{photos:,} photo{'s' if photos != 1 else ''}"
    if not degraded and episodes == photos:
        return count
    kind = "degraded copy" if degraded else "version"
    return f"{count} ({episodes:,} {kind if episodes == 1 else kind.replace('copy', 'copie') + 's'})"


def _count(policy: PolicySummary, summary: Mapping[str, Any]) -> str:
    successes, episodes = round(policy.success_rate * summary["episodes"]), summary["episodes"]
    what = "degraded copies" if summary["degraded"] else "versions"
    if not summary["degraded"] and episodes == policy.photos:
        return f"{successes:,} of {episodes:,} photo{'s' if episodes != 1 else ''}"
    return f"{successes:,} of {episodes:,} {what} of {policy.photos:,} photo{'s' if policy.photos != 1 else ''}"


def _who(policy: str) -> str:
    return "the agent" if policy == "agent" else policy


def _between(ends: tuple[float, float] | None) -> str:
    return (
        "(of one photo: no interval)" if ends is None else f"(95 % interval {percent(ends[0])} to {percent(ends[1])})"
    )


def _gained(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f"(95 % interval {with_sign(ends[0], 2)} to {with_sign(ends[1], 2)})"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
