"""Takes the figures that the pages show, each by one command, and writes them down with when, on what and for how long.

    python benchmarks/figures.py --list
    python benchmarks/figures.py demo
    python benchmarks/figures.py repair --bsds PHOTOS --osie PHOTOS [--seeds 1 2 3] [--out DIR]

A figure is made by one or more runs, each a command that could as well be typed. What they came to goes to
`docs/figures/NAME.json`, from which the pages make their tables. Finished runs are kept in `--out`: called again, a
figure goes on with the run that was interrupted, and with the seeds that are missing; `--afresh` forgets them. Seconds
are by the clock and of the processor, in all processes of the runs. Collections are those that the pages name: `--bsds`
the 300 photos of BSDS500's train and val images, `--osie` the 250 of OSIE, `--fixations` OSIE's fixations.json,
`--votes` FCDB's ranking_annotation.json, `--model` an ONNX juror.
"""

import argparse
import json
import os
import platform
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from apsi.errors import ApsiError

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "docs" / "figures"
CODE = ("apsi", "conf")
"""Whose changes make a figure one of an earlier version"""
WHERE = ("quiet=true", "tracking=none", "device=cpu")
"""Said to every run of apsi, beside its folders"""
COLLECTIONS = {"bsds": ("BSDS500, train and val", 300), "osie": ("OSIE", 250)}
"""What each is called, and how many photos it has"""
FILES = {"fixations": "OSIE's fixations", "votes": "FCDB's votes", "model": "an ONNX juror"}
PHOTO = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Run:
    """What a finished run came to."""

    result: dict[str, Any]
    folder: Path
    """where its files are"""
    taken: str
    """day"""
    versions: dict[str, str]
    machine: dict[str, Any]
    wall: float
    cpu: float
    load: float
    """processes that other work had at its start, on average of a minute"""


Runs = Mapping[str, Run]
"""By name; of seeds `NAME SEED`"""


@dataclass(frozen=True)
class Figure:
    """Something that is measured, and what of it is shown."""

    about: str
    tables: Callable[[Runs, Sequence[int]], dict[str, dict[str, Any]]]
    """made of the runs and the seeds that are whole"""
    once: Mapping[str, str] = field(default_factory=dict)
    """commands by name of the run; names of collections and files in braces"""
    each: Mapping[str, str] = field(default_factory=dict)
    """the same, for every seed; `{first}` is the folder of the seed's first run"""
    seeds: tuple[int, ...] = ()

    @property
    def needs(self) -> list[str]:
        """The options that say where its photos and files are."""
        text = " ".join([*self.once.values(), *self.each.values()])
        found = [name for name in (*COLLECTIONS, *FILES) if f"{{{name}}}" in text]
        return [*COLLECTIONS, *(name for name in found if name in FILES)] if "{both}" in text else found

    @property
    def shown(self) -> list[str]:
        """The commands of its runs, as a page shows them."""
        names = {name: name.upper() for name in (*COLLECTIONS, *FILES)}
        names |= {"both": "BSDS_AND_OSIE", "out": "FOLDER", "seed": "SEED", "first": "RUN"}
        return [_python(line.format_map(names)) for line in (*self.once.values(), *self.each.values())]

    def command(self, name: str) -> str:
        """The one that takes it."""
        needs = [f"--{need} {need.upper()}" for need in self.needs]
        return " ".join([f"python benchmarks/figures.py {name}", *needs])


def _python(line: str) -> str:
    return f"python {line}"


def _one_degradation(runs: Runs, seeds: Sequence[int]) -> dict[str, dict[str, Any]]:
    raise NotImplementedError


_todo = _one_degradation
ON_BSDS = "dataset=folder dataset.path={bsds} device.threads=1"
ON_BOTH = "dataset=folder dataset.path={both} device.threads=1"
FLAWS = "benchmarks/flaws.py --each 40 --greedy 80"
ALL = {
    "demo": Figure("`make demo`: one scrambling edit undone", _todo, {"demo": "run.py experiment=demo"}),
    "one_degradation": Figure("One degradation undone, PPO", _todo, {"ppo": f"run.py {ON_BSDS}"}),
    "restore_best": Figure(
        "One degradation undone, `undo`",
        _todo,
        each={"run": f"run.py experiment=restore_best {ON_BSDS} seed={{seed}}"},
        seeds=(1, 2, 3),
    ),
    "restore_two": Figure("Two degradations undone", _todo, {"run": f"run.py experiment=restore_two {ON_BSDS}"}),
    "sensible": Figure("One photographic flaw", _todo, {"run": f"run.py experiment=sensible {ON_BSDS}"}),
    "repair": Figure(
        "Repairing photographic flaws",
        _todo,
        each={"run": f"run.py experiment=repair {ON_BOTH} seed={{seed}}"}
        | {
            f"caution {caution}": f"run.py task=evaluate checkpoint={{first}} policy=[agent] policy.agent.caution={caution}"
            for caution in (0.15, 0.3, 0.5)
        },
        seeds=(1, 2, 3),
    ),
    "repair_discrete": Figure(
        "The same with transforms of fixed strength", _todo, {"run": f"run.py experiment=repair_discrete {ON_BSDS}"}
    ),
    "without_learning": Figure(
        "The same without learning",
        _todo,
        {
            "run": f"run.py experiment=repair {ON_BSDS} train.total_timesteps=2000 train.eval_every=2000 "
            "train.checkpoint_every=2000 policy=[nothing,auto_contrast,gray_world,gamma_auto,clahe,oracle]"
        },
    ),
    "plain_rl": Figure(
        "Plain reinforcement learning on the same task",
        _todo,
        {"run": "benchmarks/repair.py --photos {both} --seconds 180 --seeds 1 2 3 --clock cpu"},
        seeds=(),
    ),
    "advise": Figure(
        "The agent that comes with apsi", _todo, {"run": "benchmarks/advise.py --photos {osie} --count 250"}
    ),
    "rainbow": Figure(
        "Rainbow and its parts",
        _todo,
        each={"run": "benchmarks/rainbow.py --photos {bsds} --steps 8000 --seeds {seed} --out {out}"},
        seeds=(1, 2, 3),
    ),
    "flaws": Figure(
        "The juror of flaws on photos of another collection",
        _todo,
        {
            f"{juror} {fit} {test}": f"{FLAWS} --juror {juror} --fit {{{fit}}} --test {{{test}}}"
            for juror in ("flaws", "naturalness")
            for fit, test in (("bsds", "osie"), ("osie", "bsds"))
        },
    ),
    "flaws_optimise": Figure(
        "The juror of flaws on photos like its own",
        _todo,
        {
            "run": f"run.py experiment=optimise juror=flaws algo=afterstate {ON_BOTH} dataset.enlarge.train=1 "
            "policy=[agent,nothing,greedy] train.total_timesteps=1500 train.n_envs=16 algo.gradient_steps=16"
        },
    ),
    "attention": Figure(
        "What people look at that crops keep",
        _todo,
        {"run": "benchmarks/attention.py --photos {osie} --fixations {fixations}"},
    ),
    "crop_prior": Figure("The juror of boxes alone", _todo, {"run": "benchmarks/crop_prior.py --votes {votes}"}),
    "preference": Figure("The model of a person and people", _todo, {"run": "benchmarks/preference.py --votes {votes}"}),
    "preference_people": Figure(
        "The model of a person and made-up people", _todo, {"run": "benchmarks/preference_people.py --photos {osie}"}
    ),
    "export": Figure("Look-up tables", _todo, {"run": "benchmarks/export.py --recipes 30"}),
}
"""By name, in the order of the pages"""


def main() -> None:
    """Takes one figure, or lists them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", choices=list(ALL), metavar="NAME", help="one that --list names")
    parser.add_argument("--list", action="store_true", help="which there are, and which are stale or were never taken")
    for name in COLLECTIONS:
        parser.add_argument(f"--{name}", type=Path, metavar="FOLDER", help=f"the photos of {COLLECTIONS[name][0]}")
    for name, what in FILES.items():
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=what)
    parser.add_argument("--seeds", type=int, nargs="+", help="only these of its seeds")
    parser.add_argument("--out", type=Path, default=ROOT / "outputs" / "figures", help="folder of the runs")
    parser.add_argument("--afresh", action="store_true", help="repeat its runs that are finished")
    options = parser.parse_args()
    if options.list or options.name is None:
        print("\n".join(f"{name:18}{state(name, figure)}" for name, figure in ALL.items()))
        return
    figure = ALL[options.name]
    seeds = options.seeds or figure.seeds
    if set(seeds) - set(figure.seeds):
        parser.error(f"--seeds {shlex.join(map(str, seeds))}: {options.name} has {figure.seeds or 'none'}")
    signal.signal(signal.SIGTERM, lambda *_: _interrupt())
    try:
        take(options.name, figure, seeds, vars(options))
    except ApsiError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit("Interrupted. Finished runs are kept; the same command goes on from there.")


def _interrupt() -> None:
    raise KeyboardInterrupt


def take(name: str, figure: Figure, seeds: Sequence[int], options: Mapping[str, Any]) -> None:
    """Runs what is missing; after each run, writes down what whole seeds come to."""
    out = options["out"].absolute() / name
    if options["afresh"]:
        shutil.rmtree(out, ignore_errors=True)
    places = {need: _place(need, options[need], name, figure) for need in figure.needs}
    if {"bsds", "osie"} <= places.keys():
        places["both"] = _both(out.parent / "both", places)
    places["out"] = out / "kept"
    for run, line in figure.once.items():
        _run_unless_done(out / run, line, places)
    if not figure.each:
        _write(name, figure, out, ())
    for seed in seeds:
        first: Path | None = None
        for run, line in figure.each.items():
            found = _run_unless_done(out / f"{run} {seed}", line, places | {"seed": seed, "first": first})
            first = first or found.folder
        _write(name, figure, out, [seed for seed in figure.seeds if _is_whole(figure, out, seed)])


def _place(need: str, path: Path | None, name: str, figure: Figure) -> Path:
    """Where photos or a file are, which are what they should be."""
    what = COLLECTIONS[need][0] if need in COLLECTIONS else FILES[need]
    if path is None:
        raise ApsiError(f"{name} needs {what}: add --{need} PATH, as in {figure.command(name)}")
    if need in COLLECTIONS:
        count, wanted = len(_photos(path)), COLLECTIONS[need][1]
        if count != wanted:
            raise ApsiError(f"--{need} {path} has {count} photos and {what} {wanted}: name the folder of just these")
    elif not path.is_file():
        raise ApsiError(f"--{need} {path} is no file: name that of {what}")
    return path.absolute()


def _photos(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PHOTO) if folder.is_dir() else []


def _both(folder: Path, places: Mapping[str, Path]) -> Path:
    """One folder with links to the photos of all collections."""
    for name in COLLECTIONS:
        for photo in _photos(places[name]):
            link = folder / f"{name}_{photo.name}"
            if not link.exists():
                folder.mkdir(parents=True, exist_ok=True)
                link.unlink(missing_ok=True)
                link.symlink_to(photo)
    return folder


def _is_whole(figure: Figure, out: Path, seed: int) -> bool:
    return all((out / f"{run} {seed}" / "run.json").is_file() for run in figure.each)


def _run_unless_done(folder: Path, line: str, places: Mapping[str, Any]) -> Run:
    if not (folder / "run.json").is_file():
        _run(folder, line, places)
    return _read(folder)


def _read(folder: Path) -> Run:
    content = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return Run(**content | {"folder": Path(content["folder"])})


def _run(folder: Path, line: str, places: Mapping[str, Any]) -> None:
    """Runs a command in a process of its own; time of attempts that were interrupted counts."""
    words = [word.format_map(places) for word in shlex.split(line)]
    if words[0] == "run.py":
        words += [*WHERE, f"output_dir={folder}", f"data_dir={folder.parent.parent / 'data'}"]
        words = [f"{key}={value}/checkpoints/best.zip" if key == "checkpoint" else word
                 for word in words for key, _, value in [word.partition("=")]]
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{datetime.now():%H:%M} {folder.parent.name}, {folder.name}: {line}", flush=True)
    load, before, began = os.getloadavg()[0], _cpu(), time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with (folder / "stderr").open("w") as errors:
        process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            output, _ = process.communicate()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.communicate()
            raise
        finally:
            with (folder / "attempts.jsonl").open("a") as attempts:
                spent = {"wall": time.monotonic() - began, "cpu": _cpu() - before, "load": load}
                attempts.write(json.dumps(spent) + "\n")
    if process.returncode:
        raise ApsiError(f"{shlex.join(words)} ended with {process.returncode}; {folder / 'stderr'} says why")
    answer = json.loads(output.splitlines()[-1])
    spent_in = [json.loads(text) for text in (folder / "attempts.jsonl").read_text().splitlines()]
    run = Run(
        result=answer["result"] if words[0] == "run.py" else answer,
        folder=Path(answer["folder"]) if words[0] == "run.py" else Path(places["out"]),
        taken=datetime.now(UTC).date().isoformat(),
        versions=versions(),
        machine=machine(),
        wall=round(sum(one["wall"] for one in spent_in), 1),
        cpu=round(sum(one["cpu"] for one in spent_in), 1),
        load=round(max(one["load"] for one in spent_in), 1),
    )
    (folder / "run.json").write_text(json.dumps(asdict(run), default=str, indent=1), encoding="utf-8")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def versions() -> dict[str, str]:
    """Of apsi, with the commit, Python and PyTorch."""
    commit = _git("rev-parse", "--short=10", "HEAD")
    if _git("status", "--porcelain", "--", *CODE):
        commit += " with changes"
    return {"apsi": version("apsi"), "commit": commit, "python": platform.python_version(), "torch": version("torch")}


def machine() -> dict[str, Any]:
    """The processor, how many of its cores there are, and that no other device is used."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {"cpu": models[0] if models else platform.processor(), "cores": os.cpu_count(), "gpu": None}


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _write(name: str, figure: Figure, out: Path, seeds: Sequence[int]) -> None:
    pass


def state(name: str, figure: Figure) -> str:
    return ""


if __name__ == "__main__":
    main()
