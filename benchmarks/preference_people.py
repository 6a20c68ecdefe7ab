"""How well the model of a person finds the tastes of made-up people, and their ties and bias to a side.

Pairs of real photos, eight versions a photo: crops of the grid of 12 x 12, or two adjustments of random strength. Three
people (`apsi.preference.simulated`) answer with noise, ties and a bias; the model that `task=fit_preference` fits
chooses on photos that it never saw, and is right where it chooses as the taste does without noise. Beside it: the prior
juror, `framing`. Then people with sides and ties at random: how often the 95 % intervals hold the truth. The last line
is JSON.

    python benchmarks/preference_people.py --photos FOLDER [--seeds 6] [--people 30]
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.console import track
from apsi.juror.davidson import TIE
from apsi.juror.preference import PRIOR, columns_of
from apsi.juror.preference_features import FeatureMaker
from apsi.photo import Floats, Ints
from apsi.photo.read import read_photo
from apsi.preference.answered import OUTCOMES, Answered
from apsi.preference.measure import tie_rate
from apsi.preference.model import Settings, groups_of
from apsi.preference.photos import framed
from apsi.preference.simulated import TASTES, SimulatedPerson
from apsi.transform.crop_actions import grid_anchors
from apsi.transform.recipe import Recipe

PEOPLE = {"warm_tight": "crops", "wide_calm": "crops", "high_contrast": "edits"}
ANSWERS = (30, 100, 300)
_VERSIONS, _HELD_OUT, _CHOICES = 8, 80, 400
_ADJUSTMENTS = ("exposure", "contrast", "saturation", "temperature", "gamma", "tint")
SETTINGS = Settings("linear", 0.02, 0)


@dataclass(frozen=True, eq=False)
class Photos:
    """Versions of photos."""

    columns: Floats
    """`(P, V, C)`"""
    tastes: dict[str, Floats]
    """`(P, V)` by name"""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of versions of one photo each."""

    left: Floats
    right: Floats
    apart: Floats
    """by how much the left one is better"""
    photos: Ints


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="a folder of photos, about 100 or more")
    parser.add_argument("--seeds", type=int, default=6, help="of photos, pairs and noise")
    parser.add_argument("--people", type=int, default=30, help="whose intervals are looked at")
    options = parser.parse_args()
    if options.photos is None:
        print(json.dumps({"skipped": "name a folder of photos with --photos"}))
        return
    maker = FeatureMaker(("box", "attention", "colour"), faces=False)
    groups = groups_of((PRIOR, *maker.names))
    paths = sorted(path for path in options.photos.iterdir() if path.suffix.lower() in (".jpg", ".png"))
    photos = {kind: looked_at(paths, kind, maker) for kind in ("crops", "edits")}
    figures = {
        "photos": len(paths),
        "people": {
            taste: {str(n): accuracy(photos[kind], taste, n, options.seeds, groups) for n in ANSWERS}
            for taste, kind in PEOPLE.items()
        },
        "intervals": {str(n): coverage(photos, n, options.people, groups) for n in ANSWERS[1:]},
    }
    print(json.dumps(figures, indent=1))
    print(json.dumps(figures))


def looked_at(paths: Sequence[Path], kind: str, maker: FeatureMaker) -> Photos:
    """Columns and tastes of random versions."""
    prior = instantiate(load_config(["juror=framing"]).juror)
    anchors, columns, tastes = grid_anchors(12, 0.5), [], []
    for number, path in enumerate(track(paths, kind, len(paths))):
        rng = np.random.default_rng(number)
        photo = read_photo(path)
        if kind == "crops":
            labels = [[f"crop({anchors[i]})"] for i in rng.choice(len(anchors), _VERSIONS, replace=False)]
        else:
            labels = [_edit(rng) for _ in range(_VERSIONS)]
        shown = [framed(photo, Recipe.of(some), 512) for some in labels]
        columns.append(columns_of(shown, prior, maker))
        tastes.append({name: [taste(one) for one in shown] for name, taste in TASTES.items()})
    return Photos(np.stack(columns), {name: np.array([one[name] for one in tastes]) for name in TASTES})


def _edit(rng: np.random.Generator) -> list[str]:
    names = rng.choice(_ADJUSTMENTS, 2, replace=False)
    return [f"{name}({rng.uniform(-0.8, 0.8):+.3f})" for name in names]


def drawn(photos: Photos, taste: str, chosen: Ints, count: int, rng: np.random.Generator) -> Pairs:
    """So many pairs, the photos in turn."""
    numbers = np.resize(chosen, count)
    sides = np.array([rng.choice(_VERSIONS, 2, replace=False) for _ in range(count)])
    left, right = (photos.columns[numbers, sides[:, side]] for side in (0, 1))
    apart = photos.tastes[taste][numbers, sides[:, 0]] - photos.tastes[taste][numbers, sides[:, 1]]
    return Pairs(left, right, apart, numbers)


def answered(pairs: Pairs, person: SimulatedPerson, rng: np.random.Generator) -> tuple[Answered, Floats]:
    """What a person says, and the differences in typical ones."""
    margins = pairs.apart / np.sqrt((pairs.apart**2).mean())
    names = tuple((str(photo), str(photo)) for photo in pairs.photos)
    outcomes = np.array([OUTCOMES[said] for said in person.choose(margins, rng)], np.int64)
    return (
        Answered(
            pairs.left,
            pairs.right,
            outcomes,
            np.zeros(len(names), np.int64),
            names,
            tuple(str(i) for i in range(len(names))),
        ),
        margins,
    )


def accuracy(photos: Photos, taste: str, count: int, seeds: int, groups: Sequence[str]) -> dict[str, Any]:
    """Share of noiseless choices on unseen photos, mean and lowest over seeds."""
    found, before = [], []
    for seed in range(seeds):
        rng = np.random.default_rng([seed, count])
        order = rng.permutation(len(photos.columns))
        held = drawn(photos, taste, order[:_HELD_OUT], _CHOICES, rng)
        seen, _ = answered(drawn(photos, taste, order[_HELD_OUT:], count, rng), SimulatedPerson(taste), rng)
        head = SETTINGS.fit(seen, groups).head
        better = held.apart > 0
        found.append(float(((head.utility(held.left) > head.utility(held.right)) == better).mean()))
        before.append(float(((held.left[:, 0] > held.right[:, 0]) == better).mean()))
    return {"model": round(np.mean(found), 3), "lowest": min(found), "prior": round(float(np.mean(before)), 3)}


def coverage(photos: dict[str, Photos], count: int, people: int, groups: Sequence[str]) -> dict[str, float]:
    """How often 95 % intervals hold the bias to a side, and the share of ties that is to be expected."""
    sides, ties = [], []
    for seed in range(people):
        rng = np.random.default_rng([seed, count, 1])
        taste, kind = list(PEOPLE.items())[seed % len(PEOPLE)]
        person = SimulatedPerson(taste, side=float(rng.uniform(-0.8, 0.8)), band=float(rng.uniform(0.2, 1.0)))
        order = rng.permutation(len(photos[kind].columns))
        seen, margins = answered(drawn(photos[kind], taste, order, count, rng), person, rng)
        fit = SETTINGS.fit(seen, groups)
        left, _, right = person.chances(np.zeros(1))[0]
        sides.append(abs(fit.sides[0] - np.log(left / right)) < 1.96 * fit.sides_sd[0])
        low, high = tie_rate(seen).interval or (0.0, 0.0)
        ties.append(low <= person.chances(margins)[:, TIE].mean() <= high)
    return {"side": round(float(np.mean(sides)), 3), "ties": round(float(np.mean(ties)), 3)}


if __name__ == "__main__":
    main()
