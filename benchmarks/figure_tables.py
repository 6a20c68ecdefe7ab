"""Figures of agents that edit, of jurors and of exports: their commands, and the tables that are shown of them."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from figure import COLLECTIONS, ON_BOTH, ON_BSDS, Figure, Run, Table, estimate

from apsi.evaluate.comparison import Compared, difference, grouped, read_run
from apsi.interval import mean_interval, rate_interval


def of_policy(policy: Mapping[str, Any], name: str) -> dict[str, Any]:
    """One of its figures that have an interval."""
    return estimate(policy[name], policy[f"{name.removesuffix('_rate')}_ci95"])


def scores(runs: Mapping[str, Run], _: Sequence[int] = ()) -> dict[str, Table]:
    """Policies by success and gain of score."""
    (run,) = runs.values()
    columns = {"policy": "", "success": ".3f", "mean gain": "+.2f", "edits": ".2f", "juror calls an episode": ".1f"}
    rows = [
        [
            *(name, of_policy(policy, "success_rate"), of_policy(policy, "mean_gain"), policy["mean_steps"]),
            policy["juror_calls"] / run.result["episodes"],
        ]
        for name, policy in run.result["policies"].items()
    ]
    return {"policies": {"columns": columns, "rows": rows}}


def demo(runs: Mapping[str, Run], _: Sequence[int]) -> dict[str, Table]:
    """The same, and the agent's success by photo."""
    by_photo: dict[str, list[float]] = {}
    with (runs["run"].folder / "results.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["policy"] == "agent":
                by_photo.setdefault(Path(row["photo"]).stem, []).append(float(row["success"]))
    rows = sorted(([photo, fmean(found), len(found)] for photo, found in by_photo.items()), key=lambda row: -row[1])
    return scores(runs) | {"photos": {"columns": {"photo": "", "success": ".2f", "episodes": "d"}, "rows": rows}}


def pooled(name: str, runs: Sequence[Run]) -> Compared:
    """Runs of several seeds as one, for intervals by photo and seed."""
    return group(name, [run.folder for run in runs])


def group(name: str, folders: Sequence[Path]) -> Compared:
    """The same of the runs in some folders."""
    files = ((folder.name, folder / "results.csv", folder / "summary.json") for folder in folders)
    return grouped(name, [read_run(*names, params={}, curve=[]) for names in files])


def seeds_by_success(runs: Mapping[str, Run], seeds: Sequence[int]) -> dict[str, Table]:
    """The agent's success and gain of every seed and of all of them."""
    columns = {"seed": "", "success": ".3f", "mean gain": "+.2f", "edits": ".2f", "a run, s of the processor": ",.0f"}
    of_seeds = [runs[f"run {seed}"] for seed in seeds]
    agents = [run.result["policies"]["agent"] for run in of_seeds]
    rows = [
        [str(seed), of_policy(agent, "success_rate"), of_policy(agent, "mean_gain"), agent["mean_steps"], run.cpu]
        for seed, agent, run in zip(seeds, agents, of_seeds, strict=True)
    ]
    if len(seeds) > 1:
        both = pooled("agent", of_seeds)
        success, gain = both.sample(0), both.sample(1)
        rows.append(
            [
                *("all", estimate(success.mean, rate_interval(success)), estimate(gain.mean, mean_interval(gain))),
                *(fmean(agent["mean_steps"] for agent in agents), fmean(run.cpu for run in of_seeds)),
            ]
        )
    return {"seeds": {"columns": columns, "rows": rows}}


CAUTIONS = {"0": "run", "0.15": "caution 0.15", "0.3": "caution 0.3", "0.5": "caution 0.5"}


def repair(runs: Mapping[str, Run], seeds: Sequence[int]) -> dict[str, Table]:
    """What every caution comes to, mean of the seeds, and every seed at caution 0."""
    columns = {"caution": "", "recovered": ".3f", "by seed": ".3f", "nearer": ".3f", "harm": ".2f"}
    columns |= {"CIEDE2000 before": ".1f", "after": ".1f"}
    rows: list[list[Any]] = []
    for caution, name in CAUTIONS.items():
        of_seeds = [runs[f"{name} {seed}"] for seed in seeds]
        agents = [run.result["policies"]["agent"] for run in of_seeds]
        left = pooled("agent", of_seeds).distance_left()
        assert left is not None  # the photos are degraded, so the distance is known
        interval = mean_interval(left)
        rows.append(
            [
                *(caution, estimate(1 - left.mean, interval and (1 - interval[1], 1 - interval[0]))),
                [round(agent["recovered"], 3) for agent in agents],
                *(fmean(agent[figure] for agent in agents) for figure in ("nearer", "harm")),
                *(fmean(agent["measures"]["CIEDE2000"][when] for agent in agents) for when in (0, 1)),
            ]
        )
    by_seed = [
        [str(seed), *(of_policy(agent, name) for name in ("recovered", "nearer", "harm"))]
        for seed in seeds
        for agent in [runs[f"run {seed}"].result["policies"]["agent"]]
    ]
    shown = {"seed": "", "recovered": ".2f", "nearer": ".2f", "harm": ".2f"}
    return {"caution": {"columns": columns, "rows": rows}, "seeds": {"columns": shown, "rows": by_seed}}


def truths(runs: Mapping[str, Run], _: Sequence[int]) -> dict[str, Table]:
    """Policies by the distance to the true photos."""
    (run,) = runs.values()
    columns = {"policy": "", "recovered": ".2f", "nearer": ".2f", "harm": ".2f", "CIEDE2000 before": ".1f"}
    columns |= {"after": ".1f", "SSIM": ".3f", "juror calls an episode": ".1f"}
    rows = [
        [
            name + (" (sees the original)" if policy["sees_original"] else ""),
            *(of_policy(policy, figure) for figure in ("recovered", "nearer", "harm")),
            *policy["measures"]["CIEDE2000"],
            policy["measures"]["SSIM"][1],
            policy["juror_calls"] / run.result["episodes"],
        ]
        for name, policy in run.result["policies"].items()
    ]
    return {"policies": {"columns": columns, "rows": rows}}


def untouched(runs: Mapping[str, Run], _: Sequence[int]) -> dict[str, Table]:
    """Policies by what they do to good photos."""
    (run,) = runs.values()
    columns = {"policy": "", "photos edited for a gain": ".2f", "mean gain": "+.2f", "CIEDE2000 to the photo": ".2f"}
    columns |= {"clipped before": ".2%", "after": ".2%"}
    rows = [
        [
            *(name, of_policy(policy, "success_rate"), of_policy(policy, "mean_gain")),
            *(policy["measures"]["CIEDE2000"][1], *policy["measures"]["clipped"]),
        ]
        for name, policy in run.result["policies"].items()
    ]
    return {"policies": {"columns": columns, "rows": rows}}


def advise(runs: Mapping[str, Run], _: Sequence[int]) -> dict[str, Table]:
    """What advice comes to, through the command line."""
    found = runs["run"].result
    rows = [
        ["share of the distance that is recovered", estimate(*found["recovered"])],
        ["flawed photos that come nearer", estimate(*found["nearer"])],
        ["flawed photos that are left alone", estimate(*found["left_alone_flawed"])],
        ["photos as they are that are left alone", estimate(*found["left_alone_original"])],
        ["CIEDE2000 that is added to these", estimate(*found["harm"])],
    ]
    return {"advice": {"columns": {"": "", "figure": ".2f"}, "rows": rows}}


def plain_rl(runs: Mapping[str, Run], _: Sequence[int]) -> dict[str, Table]:
    """Algorithms after the same seconds, and how far `recover` is ahead."""
    found = runs["run"].result
    columns = {"algorithm": "", "photos or steps": ",.0f", "recovered": ".3f", "by seed": ".3f"}
    columns |= {"nearer": ".2f", "harm": ".1f", "`recover` is ahead by": ".3f"}
    rows = []
    for name in ("recover", "ppo", "sac"):
        one, ahead = found[name], found.get(f"recover_minus_{name}")
        rows.append(
            [
                *(f"`{name}`", fmean(one["steps"]), estimate(one["recovered"], one["recovered_ci95"])),
                [seed["mean"] for seed in one["recovered_by_seed"]],
                *(one["nearer"], one["harm"], ahead and estimate(ahead["mean"], ahead["ci95"])),
            ]
        )
    return {"algorithms": {"columns": columns, "rows": rows}}


def rainbow(runs: Mapping[str, Run], seeds: Sequence[int]) -> dict[str, Table]:
    """Success of DQN with each part of Rainbow beside DQN alone."""
    names = [name for name in runs[f"run {seeds[0]}"].result if name not in ("photos", "steps", "seeds")]
    folders = {name: [runs[f"run {seed}"].folder / "runs" / f"{name}_{seed}" for seed in seeds] for name in names}
    groups = {name: group(name, of_name) for name, of_name in folders.items()}
    columns = {"algorithm": "", "success": ".3f", "by seed": ".3f", "minus `dqn`": "+.3f", "mean gain": "+.2f"}
    rows = []
    for name, one in groups.items():
        success, ahead = one.sample(0), difference(groups[names[0]], one, 0)
        rows.append(
            [
                *(f"`{name}`", estimate(success.mean, rate_interval(success))),
                [round(run.summary["policies"]["agent"]["success_rate"], 3) for run in one.runs],
                *(None if name == names[0] else estimate(ahead.mean, ahead.interval), one.sample(1).mean),
            ]
        )
    return {"algorithms": {"columns": columns, "rows": rows}}


BOTH_WAYS = (("bsds", "osie"), ("osie", "bsds"))


def flaws(runs: Mapping[str, Run], _: Sequence[int]) -> dict[str, Table]:
    """Pairs that two jurors tell, what greedy makes of their scores, and which flaws are told when they are weak."""
    columns = {"juror": "", "fitted on": "", "tested on": "", "pairs right": ".3f", "gain on good": "+.2f"}
    columns |= {"on flawed": "+.2f", "ratio": ".2f", "harm": ".1f", "clipped before": ".2%", "after": ".2%"}
    columns |= {"flawed photos nearer": ".2f"}
    short = {name: title.partition(",")[0] for name, (title, _) in COLLECTIONS.items()}
    rows = []
    for juror in ("flaws", "naturalness"):
        for fitted, tested in BOTH_WAYS:
            one = runs[f"{juror} {fitted} {tested}"].result
            means = {name: estimate(value["mean"], value["ci95"]) for name, value in one.items() if _is_mean(value)}
            rows.append(
                [
                    *(f"`{juror}`", short[fitted], short[tested], estimate(*one["pairs"]["all"].values())),
                    *(means["gain_good"]["mean"], means["gain_flawed"]["mean"], one["gain_ratio"], means["harm"]),
                    *(*one["clipped_before_after"], means["flawed_nearer"]["mean"]),
                ]
            )
    told = [runs[f"flaws {fitted} {tested}"].result["by_flaw"] for fitted, tested in BOTH_WAYS]
    ends = {f"{short[tested]}, {at}": ".2f" for _, tested in BOTH_WAYS for at in ("weakest", "strongest")}
    kinds = [[flaw.replace("_", " "), *(by_flaw[flaw][at] for by_flaw in told for at in (0, -1))] for flaw in told[0]]
    return {
        "jurors": {"columns": columns, "rows": rows},
        "kinds": {"columns": {"flaw": ""} | ends, "rows": kinds},
    }


def _is_mean(value: object) -> bool:
    return isinstance(value, dict) and value.keys() == {"mean", "ci95"}


def neural_juror(runs: Mapping[str, Run], seeds: Sequence[int]) -> dict[str, Table]:
    """Policies under a network's score, what they do to the photo, and what a juror says that was not trained on."""
    run = runs[f"second juror {seeds[0]}"]
    columns = {"policy": "", "better than before": ".3f", "mean gain": "+.2f", "edits": ".1f"}
    columns |= {"juror calls a photo": ".1f", "clipped before": ".1%", "after": ".1%"}
    columns |= {"`naturalness` before": ".2f", "`naturalness` after": ".2f"}
    rows = [
        [
            *(f"`{name}`", of_policy(policy, "success_rate"), of_policy(policy, "mean_gain"), policy["mean_steps"]),
            policy["juror_calls"] / run.result["episodes"],
            *(*policy["measures"]["clipped"], *policy["measures"]["juror second"]),
        ]
        for name, policy in run.result["policies"].items()
    ]
    return {"policies": {"columns": columns, "rows": rows}}


def export(runs: Mapping[str, Run], _: Sequence[int]) -> dict[str, Table]:
    """How far look-up tables are off, by number of steps."""
    found = runs["run"].result
    columns = {"steps": "", "exact as a table a channel": ".0%"}
    kinds = [name for name in found["1 steps"] if name != "exact as a table a channel"]
    for kind in kinds:
        columns |= {f"`{kind}`, largest": "d", f"`{kind}`, within 2": ".0%", f"`{kind}`, mean": ".2f"}
    rows = [
        [
            *(str(n), found[f"{n} steps"]["exact as a table a channel"]),
            *(value for kind in kinds for value in found[f"{n} steps"][kind].values()),
        ]
        for n in range(1, 5)
    ]
    return {"differences": {"columns": columns, "rows": rows}}


def near_duplicates(runs: Mapping[str, Run], _: Sequence[int]) -> dict[str, Table]:
    """Copies that are missed, and different photos that are taken for copies."""
    found = runs["run"].result
    rows = [["pairs of different photos taken for copies", found["taken_for_copies"], found["pairs"]]]
    rows += [[f"copies missed: {kind}", missed, found["copies"]] for kind, missed in found["missed"].items()]
    return {"copies": {"columns": {"": "", "found": ",d", "of": ",d"}, "rows": rows}}


CAUTIOUS = "run.py task=evaluate checkpoint={first}/checkpoints/best.zip policy=[agent] policy.agent.caution="
NEURAL = (
    "juror=onnx juror.path={model} juror.size=224 juror.mean=[0.5,0.5,0.5] juror.std=[0.5,0.5,0.5] "
    "juror.mapping.centre=-10 juror.mapping.scale=5"
)
SHORT = "train.total_timesteps=2000 train.eval_every=2000 train.checkpoint_every=2000"
FIGURES = {
    "one_degradation": Figure("One degradation, PPO", scores, {"run": f"run.py {ON_BSDS}"}, seeds=(42,)),
    "restore_best": Figure(
        "One degradation, `undo`",
        seeds_by_success,
        each={"run": f"run.py experiment=restore_best {ON_BSDS} policy=[agent] seed={{seed}}"},
        seeds=(1, 2, 3),
    ),
    "restore_two": Figure("Two degradations", scores, {"run": f"run.py experiment=restore_two {ON_BSDS}"}, seeds=(42,)),
    "sensible": Figure("One photographic flaw", scores, {"run": f"run.py experiment=sensible {ON_BSDS}"}, seeds=(42,)),
    "demo": Figure("The demo", demo, {"run": "run.py experiment=demo"}, seeds=(42,)),
    "repair": Figure(
        "Repairing photographic flaws",
        repair,
        each={"run": f"run.py experiment=repair {ON_BOTH} policy=[agent] seed={{seed}}"}
        | {name: CAUTIOUS + value for value, name in CAUTIONS.items() if value != "0"},
        seeds=(1, 2, 3),
    ),
    "repair_discrete": Figure(
        "The same with transforms of fixed strength",
        truths,
        {"run": f"run.py experiment=repair_discrete {ON_BSDS}"},
        seeds=(42,),
    ),
    "plain_rl": Figure(
        "Plain reinforcement learning on the same task",
        plain_rl,
        {"run": "benchmarks/repair.py --photos {both} --seconds 180 --seeds 1 2 3 --clock cpu"},
        seeds=(1, 2, 3),
    ),
    "advise": Figure(
        "The agent that comes with apsi",
        advise,
        {"run": "benchmarks/advise.py --photos {osie} --count 250"},
        seeds=(0,),
    ),
    "without_learning": Figure(
        "Without learning, and at most",
        truths,
        {
            "run": f"run.py experiment=repair {ON_BSDS} {SHORT} "
            "policy=[nothing,auto_contrast,gray_world,gamma_auto,clahe,oracle]"
        },
        seeds=(42,),
    ),
    "rainbow": Figure(
        "Rainbow and its parts",
        rainbow,
        each={"run": "benchmarks/rainbow.py --photos {bsds} --steps 8000 --seeds {seed} --out {out}"},
        seeds=(1, 2, 3),
    ),
    "flaws": Figure(
        "The juror of flaws, on photos of another collection",
        flaws,
        {
            f"{juror} {fit} {test}": f"benchmarks/flaws.py --juror {juror} --fit {{{fit}}} --test {{{test}}} "
            "--each 40 --greedy 80"
            for juror in ("flaws", "naturalness")
            for fit, test in BOTH_WAYS
        },
        seeds=(0,),
    ),
    "flaws_optimise": Figure(
        "The juror of flaws, on photos like its own",
        untouched,
        {
            "run": f"run.py experiment=optimise juror=flaws algo=afterstate {ON_BOTH} dataset.enlarge.train=1 "
            "policy=[agent,nothing,greedy] train.total_timesteps=1500 train.n_envs=16 "
            "train.eval_every=1500 train.checkpoint_every=1500 algo.gradient_steps=16"
        },
        seeds=(42,),
    ),
    "near_duplicates": Figure(
        "Near-duplicates", near_duplicates, {"run": "benchmarks/near_duplicates.py --photos {both}"}
    ),
    "neural_juror": Figure(
        "Photos as they are, and a neural juror",
        neural_juror,
        each={
            "run": f"run.py experiment=optimise_photos {ON_BSDS} {NEURAL} "
            "policy.expected_improvement.min_improvement=0.1 seed={seed}",
            "second juror": "run.py task=evaluate checkpoint={first}/checkpoints/best.zip "
            "juror@second_juror=naturalness",
        },
        seeds=(42,),
    ),
    "export": Figure("How exact look-up tables are", export, {"run": "benchmarks/export.py --recipes 30"}, seeds=(0,)),
}
"""By name, in the order of the pages"""
