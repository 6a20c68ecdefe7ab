"""How often the model of a person agrees with people, and whether choosing pairs by its doubt saves answers.

Five folds by photo of the votes of FCDB (`ranking_annotation.json`): the model that `task=fit_preference` fits, on the
features `box` alone and without a prior juror, is fitted on all five votes of each pair of four folds, each an answer,
and predicts the majorities of the fifth, without its bias to a side; "larger" takes the larger crop and counts half
where both have the same size. Intervals are by photo.

The learning curve has 100, 400 and 1,600 answers, each one vote that is drawn from a pair's five, of pairs that are
drawn at random, chosen by `select=disagreement` (after 20 at random, in ten rounds), or half of them each; means over
folds and seeds. The last line is JSON.

    python benchmarks/preference.py --votes ranking_annotation.json [--folds 5] [--seeds 3]
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from apsi.crops.fcdb import read_ranking
from apsi.crops.votes import Votes
from apsi.interval import Sample, difference_interval, mean_interval
from apsi.juror.davidson import LEFT, RIGHT
from apsi.juror.preference import PRIOR
from apsi.juror.preference_features import BOX, box_features
from apsi.photo import Bools, Floats, Ints
from apsi.preference.answered import Answered
from apsi.preference.fitting import Fit, fit_chosen, fit_linear
from apsi.preference.information import information_of

GROUPS = (PRIOR, *("box" for _ in BOX))
SIZES = (100, 400, 1_600)
WAYS = ("random", "disagreement", "half")
_FIRST, _ROUNDS = 20, 10
_PENALTY = 5.0
"""While pairs are chosen, and with all votes, where it hardly matters"""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--votes", type=Path, help="ranking_annotation.json of FCDB")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3, help="of folds, and of what the learning curve draws")
    options = parser.parse_args()
    if options.votes is None:
        print(json.dumps({"skipped": "name the file with --votes"}))
        return
    votes = Votes.of(read_ranking(options.votes))
    votes = votes[votes.decided]
    figures = {
        "photos": len(np.unique(votes.photos)),
        "pairs": len(votes),
        "all_votes": {f"seed {seed}": accuracy(votes, options.folds, seed) for seed in range(options.seeds)},
        "curve": curve(votes, options.folds, options.seeds),
    }
    print(json.dumps(figures, indent=1))
    print(json.dumps(figures))


def columns(boxes: Floats) -> Floats:
    """Those of a model without a prior juror; all crops have their photo's shape."""
    return np.column_stack([np.zeros(len(boxes)), box_features(boxes, np.ones(len(boxes)))])


def answers(votes: Votes, rows: Ints, outcomes: Ints) -> Answered:
    """The first of a pair stands left."""
    photos = [str(photo) for photo in votes.photos[rows]]
    return Answered(
        columns(votes.first)[rows],
        columns(votes.second)[rows],
        outcomes,
        np.zeros(len(rows), np.int64),
        tuple((photo, photo) for photo in photos),
        tuple(str(row) for row in rows),
    )


def all_votes(votes: Votes) -> Answered:
    """Every vote as an answer."""
    numbers = np.arange(len(votes))
    rows = [np.repeat(numbers, votes.counts[:, side]) for side in (0, 1)]
    outcomes = np.concatenate([np.full(len(rows[0]), LEFT), np.full(len(rows[1]), RIGHT)])
    return answers(votes, np.concatenate(rows), outcomes)


def fold_of(votes: Votes, folds: int, seed: int) -> Ints:
    """The fold of each pair, by its photo."""
    order = np.random.default_rng(seed).permutation(int(votes.photos.max()) + 1) % folds
    found: Ints = order[votes.photos]
    return found


def right(fit: Fit, votes: Votes) -> Floats:
    """1 where the majority chose the crop with the higher utility."""
    margins = fit.head.utility(columns(votes.second)) - fit.head.utility(columns(votes.first))
    return np.where(margins == 0, 0.5, (margins > 0) == votes.second_won)


def accuracy(votes: Votes, folds: int, seed: int) -> dict[str, Any]:
    """Shares of majorities, of a model that saw no pair of their photos and of 'larger wins'."""
    fold, found, side = fold_of(votes, folds, seed), np.empty(len(votes)), []
    for number in range(folds):
        fit = fit_linear(all_votes(votes[fold != number]), _PENALTY, 0.0, GROUPS)
        found[fold == number] = right(fit, votes[fold == number])
        side.append(float(fit.sides[0]))
    larger = np.where(votes.same_size, 0.5, votes.second_larger == votes.second_won)
    figures: dict[str, Any] = {"side": round(-float(np.mean(side)), 3)}
    for name, chosen in (("all", np.ones(len(votes), np.bool_)), ("equal_size", votes.same_size)):
        model, rule = sample(found, votes, chosen), sample(larger, votes, chosen)
        figures[name] = {
            "model": {"accuracy": round(model.mean, 4), "ci95": rounded(mean_interval(model))},
            "larger": {"accuracy": round(rule.mean, 4), "ci95": rounded(mean_interval(rule))},
            "ahead": {
                "difference": round(model.mean - rule.mean, 4),
                "ci95": rounded(difference_interval(rule, model, rates=False)),
            },
        }
    return figures


def curve(votes: Votes, folds: int, seeds: int) -> dict[str, Any]:
    """By way of choosing and number of answers: mean accuracy over folds and seeds, and the standard deviation."""
    found: dict[tuple[str, int], list[float]] = {(way, size): [] for way in WAYS for size in SIZES}
    for seed in range(seeds):
        fold = fold_of(votes, folds, seed)
        for number in range(folds):
            train, test = votes[fold != number], votes[fold == number]
            for (way, size), shares in found.items():
                rng = np.random.default_rng([seed, number, size])
                shares.append(float(right(fitted_on(train, size, way, rng), test).mean()))
    return {
        way: {
            str(size): {
                "accuracy": round(float(np.mean(found[way, size])), 4),
                "sd": round(float(np.std(found[way, size])), 4),
            }
            for size in SIZES
        }
        for way in WAYS
    }


def fitted_on(votes: Votes, size: int, way: str, rng: np.random.Generator) -> Fit:
    """A model of so many answers, each one of the votes of a pair."""
    order = rng.permutation(len(votes))
    said = np.where(rng.random(len(votes)) * votes.counts.sum(axis=1) < votes.counts[:, 0], LEFT, RIGHT)
    chosen = order[:_FIRST] if way != "random" else order[:size]
    left, second = columns(votes.first), columns(votes.second)
    rest = order[_FIRST:]
    step = -(-(size - _FIRST) // _ROUNDS)
    while len(chosen) < size:
        fit = fit_linear(answers(votes, chosen, said[chosen]), _PENALTY, 0.0, GROUPS)
        here = min(step, size - len(chosen))
        informative = here if way == "disagreement" else here // 2
        margins = fit.head.utility(left[rest]) - fit.head.utility(second[rest])
        told = information_of(margins, fit.head.deviation(left[rest], second[rest]), fit.log_ties)
        picked = rest[np.argsort(-told, kind="stable")[:informative]]
        others = rest[~np.isin(rest, picked)][: here - informative]
        chosen = np.concatenate([chosen, picked, others])
        rest = rest[~np.isin(rest, chosen)]
    return fit_chosen(answers(votes, chosen, said[chosen]), 0.0, GROUPS, 0)


def sample(values: Floats, votes: Votes, chosen: Bools) -> Sample:
    """Outcomes by photo."""
    return Sample.of([values[chosen]], [[str(photo) for photo in votes.photos[chosen]]])


def rounded(interval: tuple[float, float] | None) -> list[float] | None:
    """To four decimals."""
    return interval and [round(end, 4) for end in interval]


if __name__ == "__main__":
    main()
