"""What commonly goes wrong with an agent, looked for in the figures of a run: what was seen, what may help."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from apsi.config.schema import training_budget
from apsi.evaluate.measure import SECOND
from apsi.interval import Sample, mean_interval
from apsi.policy.base import Policy
from apsi.policy.rollout import EpisodeResult

_ONE_ACTION = 0.9
"""Share of all edits from which on one action counts as the only one"""
_IDLE = 0.5
"""Share of the failed episodes without an edit from which on an agent is said to stop at once"""
_FEW = 10
"""Episodes below which nothing is said of how often something happens"""
_CURVE = 6
"""Validations below which nothing is said of a learning curve"""
_FLAT = 0.95
"""The loss of the last third, of that of the first, from which on it has not fallen"""
_OVERFITTED = 0.1
"""Success rate by which training is ahead of validation, beyond chance, before it is named"""


@dataclass(frozen=True)
class Finding:
    """Something that commonly goes wrong, seen in this run."""

    name: str
    """in a few words"""
    seen: str
    """the figures that show it"""
    helps: tuple[str, ...]
    """settings as one writes them on the command line, and what for; the most likely first"""


@dataclass(frozen=True)
class Seen:
    """What a run left to look at."""

    agent: Sequence[EpisodeResult]
    results: Mapping[str, Sequence[EpisodeResult]]
    """by policy, the agent's own among them, the same episodes in the same order"""
    kinds: Mapping[str, type[Policy]]
    """class of each policy"""
    history: Sequence[Mapping[str, Any]]
    """rows of the learning curve, which may be none"""
    best_by: str
    """the figure of a validation that training goes by"""
    config: DictConfig

    @property
    def validations(self) -> list[float]:
        """That figure, of each validation."""
        return self.column(f"val_{self.best_by}")

    def column(self, name: str) -> list[float]:
        """Of the learning curve; validations that have no such figure are left out."""
        return [float(row[name]) for row in self.history if row.get(name) is not None]

    def setting(self, key: str) -> Any:
        """A setting's value; None where this configuration has none of that name, or goes by another one."""
        if key == "train.total_timesteps" and training_budget(self.config.train)[1] != "environment steps":
            return None
        return OmegaConf.select(self.config, key)


def diagnose(seen: Seen) -> list[Finding]:
    """All that was found; empty where nothing was."""
    return [finding for look in LOOKS.values() for finding in look(seen)]


def one_action(seen: Seen) -> Iterator[Finding]:
    """The agent chooses the same edit for photos with different flaws."""
    edits = Counter(action for result in seen.agent for action in result.actions)
    flaws = {" ".join(result.episode.degradation) for result in seen.agent}
    if sum(edits.values()) < _FEW or len(flaws) < 3:
        return
    action, count = edits.most_common(1)[0]
    share = count / edits.total()
    if share >= _ONE_ACTION:
        yield Finding(
            "The agent always chooses the same edit",
            f"{action} is {100 * share:.0f} % of its {edits.total():,} edits, of photos with {len(flaws):,} different "
            "degradations.",
            _settings(
                seen,
                ("algo.exploration_fraction", lambda v: min(1.0, v + 0.3), "explore for longer"),
                ("algo.ent_coef", lambda v: 3 * v or 0.01, "reward trying other actions"),
                ("algo.optimizer.learning_rate", lambda v: v / 3, "learn in smaller steps"),
                *_budget(lambda v: 2 * v, "train for longer"),
            ),
        )


def stops_at_once(seen: Seen) -> Iterator[Finding]:
    """The agent does nothing where another policy found something to do."""
    failed = [i for i, result in enumerate(seen.agent) if not result.success]
    idle = [i for i in failed if not seen.agent[i].actions]
    if len(failed) < _FEW or len(idle) < _IDLE * len(failed):
        return
    better = {
        name: sum(played[i].success for i in idle)
        for name, played in seen.results.items()
        if any(played[i].success for i in idle)
    }
    if not better:
        return
    name, count = max(better.items(), key=lambda item: item[1])
    already = sum(result.episode.start_score >= result.episode.target_score for result in seen.agent)
    said = f" {already:,} photos score as much as their originals from the start." if already else ""
    yield Finding(
        "The agent stops at once",
        f"It left {len(idle):,} of the {len(failed):,} photos as they were in which it did not succeed; {name} "
        f"succeeded in {count:,} of these.{said}",
        _settings(
            seen,
            ("env.stop", lambda v: False if v else None, "no end before the last step"),
            ("reward.step_penalty", lambda v: v / 10 or None, "let steps cost less"),
            ("reward.step_cost", lambda v: v / 10 or None, "let steps cost less"),
            ("algo.exploration_fraction", lambda v: min(1.0, v + 0.3), "explore for longer"),
            ("algo.ent_coef", lambda v: 3 * v or 0.01, "reward trying other actions"),
        ),
    )


def loss_is_flat(seen: Seen) -> Iterator[Finding]:
    """Neither does the loss fall nor do validations get better."""
    losses, figures = seen.column("train_loss"), seen.validations
    if len(losses) < _CURVE or len(figures) < _CURVE:
        return
    third = len(losses) // 3
    first, last = float(np.mean(losses[:third])), float(np.mean(losses[-third:]))
    third = len(figures) // 3
    won = float(np.mean(figures[-third:]) - np.mean(figures[:third]))
    if last >= _FLAT * first and won <= 0:
        yield Finding(
            "Nothing was learned: the loss has not fallen",
            f"Mean of the first third of training {first:.3g}, of the last {last:.3g}; validations changed by "
            f"{won:+.3f} between the two.",
            _settings(
                seen,
                ("algo.optimizer.learning_rate", lambda v: v / 3, "learn in smaller steps"),
                ("algo.batch_size", lambda v: 2 * v, "learn from more at a time"),
                ("algo.max_grad_norm", lambda v: 5 * v, "compare train/grad_norm with it: if all is cut, allow more"),
            ),
        )


def worse_on_unseen_photos(seen: Seen) -> Iterator[Finding]:
    """Training episodes succeed more often than those of the validation, although they are played with exploration."""
    row = seen.history[-1] if seen.history else {}
    if row.get("train_success_rate") is None or row.get("val_success_rate") is None:
        return
    trained, validated = float(row["train_success_rate"]), float(row["val_success_rate"])
    photos = len({result.episode.photo_hash for result in seen.agent})
    chance = 2 * (validated * (1 - validated) / max(1, photos)) ** 0.5  # of as many photos as were evaluated
    is_ppo = seen.setting("algo.clip_range") is not None  # which takes dropout for a change of its policy
    if trained - validated > max(_OVERFITTED, chance):
        yield Finding(
            "Worse on unseen photos than on those it was trained on",
            f"Success at the end of training {trained:.2f}, on the validation split {validated:.2f}.",
            (
                "more photos",
                *_settings(
                    seen,
                    ("dataset.enlarge.train", lambda v: 2 * v, "more crops and flips of the photos there are"),
                    ("feature_extractor.dropout", lambda v: None if is_ppo else min(0.5, v + 0.2), "lean on less"),
                    ("algo.optimizer.weight_decay", lambda v: 10 * v or 0.01, "smaller weights"),
                    *_budget(lambda v: v // 2, "a shorter training"),
                ),
            ),
        )


def got_worse_again(seen: Seen) -> Iterator[Finding]:
    """The best validation was long before the end, by more than chance."""
    figures = seen.column("val_success_rate")
    if len(figures) < max(_CURVE, len(seen.history)):
        return
    best = int(np.argmax(figures))
    last = float(np.mean(figures[-2:]))
    if best < len(figures) / 2 and figures[best] - last > _OVERFITTED:
        steps = seen.history[best]["timesteps"]
        yield Finding(
            "It got worse again after its best",
            f"Validation success was {figures[best]:.2f} after {steps:,} steps, and {last:.2f} at the end; "
            "checkpoints/best.zip is the best one.",
            _settings(
                seen,
                ("train.total_timesteps", lambda v: int(steps), "no longer than it helps"),
                ("algo.optimizer.learning_rate", lambda v: v / 3, "learn in smaller steps"),
                ("algo.target_update_interval", lambda v: 2 * v, "a steadier target"),
            ),
        )


def was_still_learning(seen: Seen) -> Iterator[Finding]:
    """The last third of the validations is better than the one before it, by as much as that was."""
    figures = seen.validations
    if len(figures) < _CURVE:
        return
    third = len(figures) // 3
    start, middle, end = (float(np.mean(part)) for part in (figures[:third], figures[third:-third], figures[-third:]))
    if end - middle > 0.02 and end - middle > 0.5 * (middle - start) and int(np.argmax(figures)) >= len(figures) - 2:
        yield Finding(
            "It was still getting better when training ended",
            f"Means of the validations by thirds of training: {start:.3f}, {middle:.3f}, {end:.3f}.",
            _settings(seen, *_budget(lambda v: 2 * v, "train for longer")),
        )


def no_better_than_chance(seen: Seen) -> Iterator[Finding]:
    """No better than leaving photos alone, or than edits at random."""
    for name, played in seen.results.items():
        does = seen.kinds[name].without_skill
        is_idle = not any(result.actions for result in (*seen.agent, *played))  # which few episodes show, too
        if not does or (len(played) < _FEW and not is_idle):
            continue
        photos = [[result.episode.photo_hash for result in seen.agent]]
        ahead = [a.gain - b.gain for a, b in zip(seen.agent, played, strict=True)]
        interval = mean_interval(Sample.of([ahead], photos))
        if interval is None or interval[0] > 0:
            continue
        gain = (
            f"Its gain is {np.mean(ahead):+.3f} above that of policy={name} (95 % interval {interval[0]:+.3f} to "
            f"{interval[1]:+.3f})."
        )
        yield Finding(
            f"No better than {does}",
            f"It did nothing in all {len(played):,} episodes." if is_idle else gain,
            (
                *["more photos"] * (len(played) < _FEW),
                *_settings(
                    seen,
                    *_budget(lambda v: 4 * v, "train for longer"),
                    ("algo.optimizer.learning_rate", lambda v: v / 3, "learn in smaller steps"),
                ),
            ),
        )


def another_juror_disagrees(seen: Seen) -> Iterator[Finding]:
    """The score that was trained for rose, that of another juror fell."""
    pairs = [
        (result.gain, after - before, result.episode.photo_hash)
        for result in seen.agent
        for before, after in [result.measures.get(SECOND, (np.nan, np.nan))]
        if np.isfinite(after - before)
    ]
    if len(pairs) < _FEW:
        return
    gains, others, photos = zip(*pairs, strict=True)
    ends = mean_interval(Sample.of([list(others)], [list(photos)]))
    if np.mean(gains) > 0 and ends is not None and ends[1] < 0:
        yield Finding(
            "Another juror finds the photos worse",
            f"The juror's score rose by {np.mean(gains):.2f}, that of second_juror changed by {np.mean(others):+.2f} "
            f"(95 % interval {ends[0]:+.2f} to {ends[1]:+.2f}).",
            (
                "juror=mix: train for both",
                "reward=careful: a price for distance from the start and for clipped pixels",
            ),
        )


LOOKS: Mapping[str, Callable[[Seen], Iterator[Finding]]] = {
    "always the same edit": one_action,
    "stopping at once": stops_at_once,
    "a loss that does not fall": loss_is_flat,
    "worse on unseen photos": worse_on_unseen_photos,
    "getting worse again": got_worse_again,
    "a training that ended early": was_still_learning,
    "no better than nothing or chance": no_better_than_chance,
    "a second juror that disagrees": another_juror_disagrees,
}
"""What is looked for, by name"""


def _budget(change: Callable[[int], int], why: str) -> tuple[tuple[str, Callable[[Any], Any], str], ...]:
    """More or less training, in whatever it is counted."""
    return tuple((f"train.{name}", change, why) for name in ("total_timesteps", "total_episodes", "epochs"))


def _settings(seen: Seen, *changes: tuple[str, Callable[[Any], Any], str]) -> tuple[str, ...]:
    """Those of the settings that this run has, each with another value and what for."""
    said = []
    for key, other, why in changes:
        value = seen.setting(key)
        if not isinstance(value, int | float):  # as algo.ent_coef=auto
            continue
        changed = other(value)
        if changed is not None and changed != value:
            written = str(changed).lower() if isinstance(changed, bool) else f"{changed:.3g}"
            written = str(changed) if isinstance(changed, int) and not isinstance(changed, bool) else written
            said.append(f"{key}={written}: {why} (it was {str(value).lower()})")
    return tuple(said)
