"""Which actions an agent takes, how often, and with what success."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apsi.policy.rollout import EpisodeResult
from apsi.transform.base import STOP_LABEL

ACTIONS = "actions/"
"""What the names of the shares begin with, among the figures of a validation"""


@dataclass(frozen=True)
class ActionUse:
    """How often an action was taken."""

    label: str
    times: int
    share: float
    """of all actions"""
    successful: int
    """times in episodes that succeeded"""
    first: int
    """times as the first action of an episode"""


def actions_of(result: EpisodeResult) -> tuple[str, ...]:
    """Those of an episode in order, STOP included; adjustments without their amounts."""
    edits = tuple(label.partition("(")[0] for label in result.actions)
    return (*edits, STOP_LABEL) if result.stopped else edits


def action_shares(results: Sequence[EpisodeResult], labels: Sequence[str]) -> dict[str, float]:
    """The share of each action among all that were taken, those of `labels` that were not included; all 0 for none."""
    counts = Counter(action for result in results for action in actions_of(result))
    total = max(1, counts.total())
    return {label: counts[label] / total for label in dict.fromkeys([*labels, *sorted(counts)])}


def action_table(results: Sequence[EpisodeResult]) -> list[ActionUse]:
    """All actions that were taken, the most frequent first."""
    counts = Counter(action for result in results for action in actions_of(result))
    good = Counter(action for result in results if result.success for action in actions_of(result))
    first = Counter(action for result in results for action in actions_of(result)[:1])
    return [
        ActionUse(label, times, times / counts.total(), good[label], first[label])
        for label, times in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def shares_over_time(history: Sequence[Mapping[str, Any]]) -> tuple[list[int], dict[str, list[float]]]:
    """Steps of the validations that recorded shares, and for each action its share at each of them."""
    prefix = f"val_{ACTIONS}"
    rows = [row for row in history if any(name.startswith(prefix) for name in row)]
    names = dict.fromkeys(name for row in rows for name in row if name.startswith(prefix))
    shares = {name.removeprefix(prefix): [float(row.get(name) or 0.0) for row in rows] for name in names}
    return [row["timesteps"] for row in rows], shares
