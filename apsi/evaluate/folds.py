"""Several agents, each tested with photos that it never saw, as one evaluation."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from statistics import fmean
from typing import Any

from apsi.evaluate.run import Evaluation
from apsi.policy.rollout import EpisodeResult


def pooled(evaluations: Sequence[Evaluation], dataset: str) -> Evaluation:
    """All episodes together, those of the folds in turn, so that the first few stand for all.

    What is counted is the sum over the folds, but for files and copies, which every fold finds alike; the learning
    curve is the mean of theirs, look by look.

    Args:
        evaluations: of the folds, by the same policies.
        dataset: name of the data set that they are of.
    """
    first = evaluations[0]
    facts = [evaluation.facts for evaluation in evaluations]
    together = {
        "split": first.facts["split"],
        "folds": len(evaluations),
        "trained_on": sum(fact["trained_on"] for fact in facts),
        "chosen_by": False,
        "train_timesteps": sum(fact["train_timesteps"] for fact in facts),
        "dataset": f"{dataset}, {len(evaluations)} folds",
        "juror": _listed([fact["juror"] for fact in facts]),
        "second_juror": _listed([fact["second_juror"] for fact in facts if fact["second_juror"]]) or None,
        "skipped_files": first.facts["skipped_files"],
        "near_duplicates": first.facts["near_duplicates"],
        "dropped": sum(fact["dropped"] for fact in facts),
    }
    results = {name: _in_turn([evaluation.results[name] for evaluation in evaluations]) for name in first.results}
    return Evaluation(results, together, _mean_curve([e.history for e in evaluations]), first.achieved)


def _in_turn(parts: Sequence[Sequence[EpisodeResult]]) -> list[EpisodeResult]:
    return [result for row in zip_longest(*parts) for result in row if result is not None]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _mean_curve(histories: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The n-th look of every fold as one, up to the last that all of them have."""
    looks = list(zip(*histories, strict=False))
    return [
        {
            name: fmean(row[name] for row in look) if isinstance(value, float) else value
            for name, value in look[0].items()
            if all(row.get(name) is not None for row in look)
        }
        for look in looks
    ]
