"""Several agents, each tested on photos that it never saw, combined into one evaluation."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from statistics import fmean
from typing import Any

from apsi.evaluate.run import Evaluation
from apsi.policy.rollout import EpisodeResult


def pooled(evaluations: Sequence[Evaluation], dataset: str) -> Evaluation:
    """All episodes together, one of each fold in turn, so that the first few represent all folds.

    Counts are summed over the folds, except files and copies, which are the same in every fold; the learning curve is
    the mean over the folds at each validation.

    Args:
        evaluations: of the folds, by the same policies.
        dataset: name of their data set.
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
    undegraded = {
        name: _in_turn([evaluation.undegraded[name] for evaluation in evaluations]) for name in first.undegraded
    }
    curve = _mean_curve([e.history for e in evaluations])
    return Evaluation(results, together, curve, first.achieved, undegraded, first.kinds, first.best_by)


def _in_turn(parts: Sequence[Sequence[EpisodeResult]]) -> list[EpisodeResult]:
    return [result for row in zip_longest(*parts) for result in row if result is not None]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _mean_curve(histories: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The mean of the n-th validations of all folds, as far as all of them have one."""
    validations = list(zip(*histories, strict=False))
    return [
        {
            name: fmean(row[name] for row in rows) if isinstance(value, float) else value
            for name, value in rows[0].items()
            if all(row.get(name) is not None for row in rows)
        }
        for rows in validations
    ]
