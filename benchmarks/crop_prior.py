"""How often the juror of boxes alone agrees with the majority of people, beside "the larger crop wins".

Five folds by photo of the votes of FCDB (`ranking_annotation.json`): the model of `juror=crop_prior` is fitted on four
and predicts the fifth, without the weight of the side; "larger" takes the larger crop of a pair and counts half where
both have the same size; "second" takes the crop that stands second in the file, which is never the smaller one: what it
gets beyond "larger" is not about crops. Intervals are by photo. The last line is JSON.

    python benchmarks/crop_prior.py --votes ranking_annotation.json [--folds 5] [--seed 0]
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from apsi.crops.fcdb import read_ranking
from apsi.crops.votes import Votes
from apsi.interval import Sample, difference_interval, mean_interval
from apsi.juror.crop_preference import fit
from apsi.juror.crop_prior import CropPrior
from apsi.photo import Bools, Floats


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--votes", type=Path, help="ranking_annotation.json of FCDB")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0, help="of the folds")
    options = parser.parse_args()
    if options.votes is None:
        print(json.dumps({"skipped": "name the file with --votes"}))
        return
    votes = Votes.of(read_ranking(options.votes))
    figures = measure(votes[votes.decided], options.folds, options.seed)
    print(json.dumps(figures, indent=1))
    print(json.dumps(figures))


def measure(votes: Votes, folds: int, seed: int) -> dict[str, Any]:
    """Shares of majorities that each predicts, for all pairs, for those of one size and for the others."""
    shipped = CropPrior().preference
    margins, sides = cross_validated(votes, folds, seed)
    right = {
        "crop_prior": correct(margins, votes),
        "crop_prior_shipped": correct(shipped.log_odds(votes.second) - shipped.log_odds(votes.first), votes),
        "larger": np.where(votes.same_size, 0.5, votes.second_larger == votes.second_won),
        "second": votes.second_won.astype(np.float64),
    }
    pairs = {"all": np.ones(len(votes), np.bool_), "equal_size": votes.same_size, "other_size": ~votes.same_size}
    figures: dict[str, Any] = {"photos": len(np.unique(votes.photos)), "pairs": len(votes)}
    for name, chosen in pairs.items():
        samples = {who: sample(values, votes, chosen) for who, values in right.items()}
        figures[name] = {"pairs": int(chosen.sum())} | {
            who: {"accuracy": round(one.mean, 4), "ci95": rounded(mean_interval(one))} for who, one in samples.items()
        }
        ahead = samples["crop_prior"].mean - samples["larger"].mean
        interval = difference_interval(samples["larger"], samples["crop_prior"], rates=False)
        figures[name]["crop_prior_minus_larger"] = {"difference": round(ahead, 4), "ci95": rounded(interval)}
    figures["nats_a_vote"] = {
        "crop_prior": nats(margins, votes),
        "crop_prior_and_side": nats(margins + sides, votes),
        "coin": nats(np.zeros(len(votes)), votes),
    }
    figures["second_wins_at_equal_size"] = second_by_size(votes[votes.same_size])
    return figures


def cross_validated(votes: Votes, folds: int, seed: int) -> tuple[Floats, Floats]:
    """Log-odds for the second of each pair, by a model that saw no pair of its photo: `(m,)` by boxes, by sides."""
    order = np.random.default_rng(seed).permutation(int(votes.photos.max()) + 1) % folds
    fold = order[votes.photos]
    margins, sides = np.empty(len(votes)), np.empty(len(votes))
    for number in range(folds):
        left_out, found = votes[fold == number], fit(votes[fold != number])
        margins[fold == number] = found.preference.log_odds(left_out.second) - found.preference.log_odds(left_out.first)
        sides[fold == number] = found.side
    return margins, sides


def nats(margins: Floats, votes: Votes) -> float:
    """Mean negative log-likelihood of a vote."""
    losses = votes.counts[:, 1] @ np.logaddexp(0, -margins) + votes.counts[:, 0] @ np.logaddexp(0, margins)
    return round(float(losses / votes.counts.sum()), 5)


def second_by_size(votes: Votes) -> dict[str, float]:
    """Share of votes for the second of two crops of one size, by their sides as a share of the photo's."""
    sides = np.sqrt((votes.first[:, 2:] - votes.first[:, :2]).prod(axis=1)).round(1)
    shares = votes.counts[:, 1] / votes.counts.sum(axis=1)
    return {f"{side:g}": round(float(shares[sides == side].mean()), 3) for side in np.unique(sides)}


def correct(margins: Floats, votes: Votes) -> Floats:
    """1 where the majority chose what the margins, log-odds for the second, say; 0.5 where these are zero."""
    return np.where(margins == 0, 0.5, (margins > 0) == votes.second_won)


def sample(values: Floats, votes: Votes, chosen: Bools) -> Sample:
    """Outcomes by photo."""
    return Sample.of([values[chosen]], [[str(photo) for photo in votes.photos[chosen]]])


def rounded(interval: tuple[float, float] | None) -> list[float] | None:
    """To four decimals."""
    return interval and [round(end, 4) for end in interval]


if __name__ == "__main__":
    main()
