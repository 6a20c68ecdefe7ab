"""Figures of crops, of where people look and of their taste: commands and tables, as in `figure_tables.py`."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from figure import ON_OSIE, Figure, Run, Table, estimate

from apsi.evaluate.comparison import read_run
from apsi.interval import Sample, mean_interval


def crop(runs: Mapping[str, Run], seeds: Sequence[int]) -> dict[str, Table]:
    """Policies that choose one of the boxes, means of the seeds."""
    of_seeds = [runs[f"run {seed}"] for seed in seeds]
    columns = {"policy": "", "mean gain": "+.3f", "by seed": "+.3f", "juror calls a photo": ".1f", "area": ".2f"}
    rows = []
    for name in of_seeds[0].result["policies"]:
        policies = [run.result["policies"][name] for run in of_seeds]
        values, photos = [], []
        for run in of_seeds:
            one = read_run(name, run.folder / "results.csv", run.folder / "summary.json", {}, [], policy=name)
            values.append([gain for _, gain in one.episodes.values()])
            photos.append([one.originals.get(key[0], key[0]) for key in one.episodes])
        gain = Sample.of(values, photos)
        rows.append(
            [
                *(name, estimate(gain.mean, mean_interval(gain)), [round(one["mean_gain"], 3) for one in policies]),
                fmean(one["juror_calls"] / run.result["episodes"] for one, run in zip(policies, of_seeds, strict=True)),
                fmean(one["measures"]["area"][1] for one in policies),
            ]
        )
    return {"policies": {"columns": columns, "rows": rows}}


def attention(runs: Mapping[str, Run], _: Sequence[int]) -> dict[str, Table]:
    """Share of the fixations that the crops of each map keep, and how far ours is ahead."""
    found = runs["run"].result
    titles = {key: f"{float(key.split()[0]):.0%}, {_SHAPES[key.split()[1]]}" for key in found if _is_area(key)}
    columns = {"crop": ""} | dict.fromkeys(titles.values(), ".3f")
    maps = [name for name in found[next(iter(titles))] if " - " not in name]
    ahead = [name for name in found[next(iter(titles))] if " - " in name]
    rows = [[_MAPS.get(name, name), *(_first(found[key][name]) for key in titles)] for name in maps]
    differences = [[name.replace(" - ", " minus "), *(_first(found[key][name]) for key in titles)] for name in ahead]
    shown = {"difference": ""} | dict.fromkeys(titles.values(), "+.3f")
    return {"maps": {"columns": columns, "rows": rows}, "ahead": {"columns": shown, "rows": differences}}


_SHAPES = {"own": "the photo's shape", "any": "any shape"}
_MAPS = {
    "residual": "spectral residual",
    "residual x centre": "residual times centre",
    "saliency": "`apsi.transform.saliency`",
    "oracle": "the best box of the fixations themselves",
}


def _is_area(key: str) -> bool:
    return key.rsplit(maxsplit=1)[-1] in _SHAPES


def _first(values: Sequence[float]) -> dict[str, Any]:
    """A mean that is followed by the ends of its interval."""
    return estimate(values[0], values[1:] or None)


def crop_prior(runs: Mapping[str, Run], _: Sequence[int]) -> dict[str, Table]:
    """Share of the majorities that boxes alone predict."""
    found = runs["run"].result
    who = {
        "crop_prior": "`crop_prior`",
        "larger": "the larger crop, a coin between equal ones",
        "second": "the second of a pair, which is never the smaller one",
    }
    rows = [[title, *(estimate(*found[key][name].values()) for key in _PAIRS)] for name, title in who.items()]
    ahead = [estimate(*found[key]["crop_prior_minus_larger"].values()) for key in _PAIRS]
    rows.append(["`crop_prior` minus the larger crop", *ahead])
    second = found["second_wins_at_equal_size"]
    sides = {f"{side} of the photo's sides": ".0%" for side in second}
    return {
        "majorities": {"columns": {"": ""} | dict.fromkeys(_PAIRS.values(), ".3f"), "rows": rows},
        "second": {"columns": {"crops of": ""} | sides, "rows": [["votes for the second", *second.values()]]},
    }


_PAIRS = {"all": "all pairs", "equal_size": "pairs of one size"}


def preference(runs: Mapping[str, Run], _: Sequence[int]) -> dict[str, Table]:
    """Share of the majorities that the model of a person predicts, with all votes and with fewer."""
    found = runs["run"].result
    by_seed = list(found["all_votes"].values())
    rows: list[list[Any]] = []
    for name, title in (("model", "model"), ("larger", "larger wins, a coin where both are alike")):
        rows.append([title])
        for pairs in _PAIRS:
            rows[-1] += [[one[pairs][name]["accuracy"] for one in by_seed], by_seed[0][pairs][name]["ci95"]]
    rows.append(["ahead by"])
    for pairs in _PAIRS:
        ahead = [one[pairs]["ahead"] for one in by_seed]
        rows[-1] += [[one["difference"] for one in ahead], ahead[0]["ci95"]]
    columns = {"share of majorities that is predicted": ""}
    for title in _PAIRS.values():
        columns |= {f"{title}, by seed": ".4f", f"{title}, interval of the first": ".4f"}
    sizes = list(next(iter(found["curve"].values())))
    curve = [
        [way, *(f"{one[n]['accuracy']:.3f} ± {one[n]['sd']:.3f}" for n in sizes)] for way, one in found["curve"].items()
    ]
    return {
        "all": {"columns": columns, "rows": rows},
        "answers": {"columns": {"pairs": ""} | {f"{int(n):,}": "" for n in sizes}, "rows": curve},
    }


def preference_people(runs: Mapping[str, Run], _: Sequence[int]) -> dict[str, Table]:
    """Share of the choices of made-up people that are found, and how often intervals hold the truth."""
    found = runs["run"].result
    people = found["people"]
    answers = list(next(iter(people.values())))
    columns = {"person": "", "prior juror": ".2f"} | {f"{n} answers": ".3f" for n in answers}
    columns |= {f"{n}, lowest seed": ".3f" for n in answers}
    rows = [
        [
            *(taste.replace("_", " "), fmean(one[n]["prior"] for n in answers)),
            *(one[n][what] for what in ("model", "lowest") for n in answers),
        ]
        for taste, one in people.items()
    ]
    held = [[n, one["side"], one["ties"]] for n, one in found["intervals"].items()]
    shown = {"answers": "", "bias to a side held": ".0%", "share of ties held": ".0%"}
    return {"people": {"columns": columns, "rows": rows}, "intervals": {"columns": shown, "rows": held}}


def taste(runs: Mapping[str, Run], _: Sequence[int]) -> dict[str, Table]:
    """True utility of what agents make of photos for made-up people, and the share of what could be gained."""
    columns = {"person": "", "the photo": ".2f", "bootstrap": ".2f", "answers": "d", "personal": ".2f", "search": ".2f"}
    columns |= {"share": ".2f", "share by seed": ".2f", "share where the juror checks": ".2f"}
    rows = []
    for run, found in runs.items():
        for name, one in found.result["people"].items():
            agent = one["agent"]
            checked = next(one[policy] for policy in ("shortlist", "expected_improvement") if policy in one)
            for answers in [key for key in agent if key != "bootstrap"]:
                rows.append(
                    [
                        f"{name.replace('_', ' ')}; {_WEIGHTS[run]}",
                        *(one["nothing"]["mean"], agent["bootstrap"]["mean"], int(answers)),
                        *(agent[answers]["personal"]["mean"], one["search"]["mean"]),
                        estimate(agent[answers]["share"], agent[answers]["share_ci95"]),
                        agent[answers]["share_by_seed"],
                        estimate(checked[answers]["share"], checked[answers]["share_ci95"]),
                    ]
                )
    return {"people": {"columns": columns, "rows": rows}}


_WEIGHTS = {"crops": "weight 0.3", "edits": "weight 0.3", "edits, the person alone": "weight 1"}


PERSONAL = "benchmarks/personal.py --photos {osie} --seeds 1 2 --out {out} device.threads=1"
PEOPLE = {
    "crop": Figure(
        "Ranking crops",
        crop,
        each={"run": f"run.py experiment=crop {ON_OSIE} policy.shortlist.calls=5 seed={{seed}}"},
        seeds=(1, 2, 3),
    ),
    "crop_moves": Figure(
        "Framing by moves",
        crop,
        each={
            "run": f"run.py experiment=crop transform=crop_moves algo=full_q {ON_OSIE} env.max_steps=5 "
            "env.observation_size=[64,64] train.total_timesteps=8000 policy=[agent,greedy,random,nothing] seed={seed}"
        },
        seeds=(1, 2, 3),
    ),
    "attention": Figure(
        "Where people look", attention, {"run": "benchmarks/attention.py --photos {osie} --fixations {fixations}"}
    ),
    "crop_prior": Figure(
        "The juror of boxes alone", crop_prior, {"run": "benchmarks/crop_prior.py --votes {votes}"}, seeds=(0,)
    ),
    "preference": Figure(
        "The model of a person, and votes",
        preference,
        {"run": "benchmarks/preference.py --votes {votes}"},
        seeds=(0, 1, 2),
    ),
    "preference_people": Figure(
        "The model of a person, and made-up people",
        preference_people,
        {"run": "benchmarks/preference_people.py --photos {osie}"},
        seeds=(0, 1, 2, 3, 4, 5),
    ),
    "taste": Figure(
        "Personal agents that crop, and made-up people",
        taste,
        {"crops": f"{PERSONAL} --people warm_tight wide_calm"},
        seeds=(1, 2),
    ),
    "taste_edits": Figure(
        "Personal agents that edit, and a made-up person",
        taste,
        {
            "edits": f"{PERSONAL} --people high_contrast --answers 100",
            "edits, the person alone": f"{PERSONAL} --people high_contrast --answers 300 --human 1.0",
        },
        seeds=(1, 2),
    ),
}
"""By name, in the order of the pages"""
