"""Takes the figures that the pages show, each by one command, and writes them down with when, on what and for how long.

    python benchmarks/figures.py --list
    python benchmarks/figures.py demo
    python benchmarks/figures.py repair --bsds PHOTOS --osie PHOTOS [--seeds 1] [--out DIR]

A figure is made by one or more runs, each of a command that could as well be typed. What they came to is written to
`docs/figures/NAME.json`, of which the pages make their tables. Finished runs are kept in `--out`: called again, a
figure goes on with the run that was interrupted and with the seeds that are missing. `--afresh` forgets them. Seconds
are by the clock and of the processor, in all processes of the runs.

`--bsds` is a folder with the 300 photos of BSDS500's train and val images, `--osie` one with the 250 of OSIE,
`--fixations` OSIE's fixations.json, `--votes` FCDB's ranking_annotation.json, `--model` a juror as ONNX model.
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
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from figure import COLLECTIONS, FILES, Figure, Run
from figure_tables import FIGURES
from people_tables import PEOPLE
from speed_tables import SPEED

from apsi.errors import ApsiError

ROOT = Path(__file__).parents[1]
ALL = FIGURES | PEOPLE | SPEED
RECORDS = ROOT / "docs" / "figures"
CODE = ("apsi", "conf")
"""Whose later changes make a figure one of an earlier version"""
WHERE = ("quiet=true", "tracking=none", "device=cpu")
"""Said to every run of apsi, beside where its folders are"""
PHOTO = (".jpg", ".jpeg", ".png")
_DONE, _ATTEMPTS, _ERRORS = "done.json", "attempts.jsonl", "stderr.txt"


def main() -> None:
    """Takes one figure, or lists all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", choices=list(ALL), metavar="NAME", help="one of those that --list names")
    parser.add_argument("--list", action="store_true", help="which there are, how old they are, and which are missing")
    for name, (title, count) in COLLECTIONS.items():
        parser.add_argument(f"--{name}", type=Path, metavar="FOLDER", help=f"the {count} photos of {title}")
    for name, title in FILES.items():
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=title)
    parser.add_argument("--seeds", type=int, nargs="+", help="only these of its seeds")
    parser.add_argument("--out", type=Path, default=ROOT / "outputs" / "figures", help="folder of the runs")
    parser.add_argument("--afresh", action="store_true", help="takes runs again that are there")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{name:18}{state(name)}" for name in ALL))
        return
    if options.name is None:
        print(json.dumps({"skipped": "name a figure, one of those that --list names"}))
        return
    for each in (signal.SIGINT, signal.SIGTERM):  # SIGINT is ignored in the background of a shell
        signal.signal(each, signal.default_int_handler)
    figure = ALL[options.name]
    if unknown := set(options.seeds or ()) - set(figure.seeds if figure.each else ()):
        parser.error(f"--seeds {min(unknown)}: {options.name} has {figure.seeds if figure.each else 'none to choose'}")
    try:
        take(options.name, figure, options.seeds or figure.seeds, vars(options))
    except ApsiError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit("Interrupted. What is finished is kept; the same command goes on from there.")


def state(name: str, folder: Path = RECORDS) -> str:
    """Whether a figure was taken, whether it lacks seeds, and whether its commands or the code are others by now."""
    path = folder / f"{name}.json"
    if not path.is_file():
        return "never taken"
    figure, record = ALL[name], json.loads(path.read_text(encoding="utf-8"))
    found = [f"taken {record['date']}"]
    if missing := set(figure.seeds) - set(record["seeds"]):
        found.append(f"without seed {', '.join(map(str, sorted(missing)))}")
    if record["runs"] != figure.shown:
        found.append("stale: its commands are others now")
    first = record["versions"]["commit"].replace(",", " ").split()[0]
    try:
        later = _git("rev-list", "--count", f"{first}..HEAD", "--", *CODE)
    except subprocess.CalledProcessError:
        found.append("stale: at a commit that is not known here")
    else:
        if later != "0":
            found.append(f"stale: {later} later commits to {' and '.join(CODE)}")
    return ", ".join(found)


def take(name: str, figure: Figure, seeds: Sequence[int], options: Mapping[str, Any], figures: Path = RECORDS) -> None:
    """Runs what is missing; as soon as all that has no seed is there, and after each seed, writes what it comes to."""
    out = options["out"].absolute() / name
    if options["afresh"]:
        shutil.rmtree(out, ignore_errors=True)
    places: dict[str, Any] = {need: place(need, options[need], figure.command(name)) for need in figure.needs}
    if COLLECTIONS.keys() <= places.keys():
        places["both"] = all_photos(out.parent / "both", places)
    places["out"] = out / "kept"
    for run, line in figure.once.items():
        run_unless_done(out / run, line, places)
    if not figure.each:
        write(name, figure, out, figure.seeds, figures)
    for seed in seeds if figure.each else ():
        first = None
        for run, line in figure.each.items():
            done = run_unless_done(out / f"{run} {seed}", line, places | {"seed": seed, "first": first})
            first = first or done.folder
        write(name, figure, out, [seed for seed in figure.seeds if is_whole(figure, out, seed)], figures)


def place(need: str, path: Path | None, command: str) -> Path:
    """Where photos or a file are, which must be what they are called."""
    title = COLLECTIONS[need][0] if need in COLLECTIONS else FILES[need]
    if path is None:
        raise ApsiError(f"this figure needs {title}: add --{need} PATH, as in {command}")
    if need in COLLECTIONS:
        count, wanted = len(photos_in(path)), COLLECTIONS[need][1]
        if count != wanted:
            raise ApsiError(
                f"--{need} {path} has {count} photos, {title} {wanted}: name the folder that has just these"
            )
    elif not path.is_file():
        raise ApsiError(f"--{need} {path} is no file: name {title}")
    return path.absolute()


def photos_in(folder: Path) -> list[Path]:
    """Image files, none where there is no such folder."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PHOTO) if folder.is_dir() else []


def all_photos(folder: Path, places: Mapping[str, Path]) -> Path:
    """A folder with links to the photos of all collections."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in COLLECTIONS:
        for photo in photos_in(places[name]):
            (folder / f"{name}_{photo.name}").symlink_to(photo)
    return folder


def is_whole(figure: Figure, out: Path, seed: int) -> bool:
    """Whether all runs of a seed are finished."""
    return all((out / f"{run} {seed}" / _DONE).is_file() for run in figure.each)


def run_unless_done(folder: Path, line: str, places: Mapping[str, Any]) -> Run:
    """What a command came to, now or before."""
    if not (folder / _DONE).is_file():
        run(folder, line, places)
    return read(folder)


def read(folder: Path) -> Run:
    """What a finished run left."""
    content = json.loads((folder / _DONE).read_text(encoding="utf-8"))
    return Run(**content | {"folder": Path(content["folder"])})


def run(folder: Path, line: str, places: Mapping[str, Any]) -> None:
    """Runs a command in a process of its own and keeps what it prints last; Ctrl-C lets it save its progress."""
    words = [word.format_map(places) for word in shlex.split(line)]
    is_apsi = words[0] == "run.py"
    if is_apsi:
        paths = {"output_dir": folder, "data_dir": folder.parent.parent / "data"}
        words += [*WHERE, *(f"{name}={json.dumps(str(path))}" for name, path in paths.items())]
    folder.mkdir(parents=True, exist_ok=True)
    made_by, began, before, load = versions(), time.monotonic(), cpu_seconds(), os.getloadavg()[0]
    print(f"{datetime.now():%H:%M} {folder.parent.name}, {folder.name}: python {shlex.join(words)}", flush=True)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with (folder / _ERRORS).open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            process_group=0,  # a terminal's Ctrl-C would reach it twice
        )
        try:
            output, _ = process.communicate()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.communicate()
            raise
        finally:
            process.kill()  # where Ctrl-C came again meanwhile
            process.wait()
            spent = {"wall": time.monotonic() - began, "cpu": cpu_seconds() - before, "load": load}
            with (folder / _ATTEMPTS).open("a", encoding="utf-8") as attempts:
                attempts.write(f"{json.dumps(spent)}\n")
    if process.returncode:
        raise ApsiError(f"python {shlex.join(words)} ended with {process.returncode}; {folder / _ERRORS} says why")
    answer = json.loads(output.splitlines()[-1])
    tried = [json.loads(text) for text in (folder / _ATTEMPTS).read_text(encoding="utf-8").splitlines()]
    done = Run(
        result=answer["result"] if is_apsi else answer,
        folder=Path(answer["folder"] if is_apsi else places["out"]),
        taken=datetime.now(UTC).date().isoformat(),
        versions=made_by,
        machine=machine(),
        wall=round(sum(attempt["wall"] for attempt in tried), 1),
        cpu=round(sum(attempt["cpu"] for attempt in tried), 1),
        load=round(max(attempt["load"] for attempt in tried), 1),
    )
    (folder / _DONE).write_text(json.dumps(asdict(done), default=str, indent=1), encoding="utf-8")


def cpu_seconds() -> float:
    """Of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def versions() -> dict[str, str]:
    """Of apsi, with its commit, Python and PyTorch."""
    commit = _git("rev-parse", "--short=10", "HEAD")
    if _git("status", "--porcelain", "--", *CODE):
        commit += " with changes"
    return {"apsi": version("apsi"), "commit": commit, "python": platform.python_version(), "torch": version("torch")}


def machine() -> dict[str, Any]:
    """The processor and how many cores there are; a GPU is not used."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {"cpu": models[0] if models else platform.processor(), "cores": os.cpu_count(), "gpu": None}


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def write(name: str, figure: Figure, out: Path, seeds: Sequence[int], figures: Path) -> None:
    """Writes what the runs come to."""
    names = [*figure.once, *(f"{run} {seed}" for seed in seeds for run in figure.each)]
    runs = {run: read(out / run) for run in names}
    last = list(runs.values())[-1]
    record = {
        "about": figure.about,
        "command": figure.command(name),
        "runs": figure.shown,
        "photos": figure.photos,
        "seeds": list(seeds),
        "date": last.taken,
        "versions": last.versions
        | {"commit": ", ".join(dict.fromkeys(one.versions["commit"] for one in runs.values()))},
        "machine": last.machine,
        "load": max(one.load for one in runs.values()),
        "seconds": {
            "wall": round(sum(one.wall for one in runs.values())),
            "cpu": round(sum(one.cpu for one in runs.values())),
        },
        "tables": figure.tables(runs, seeds),
    }
    figures.mkdir(parents=True, exist_ok=True)
    (figures / f"{name}.json").write_text(f"{json.dumps(record, indent=1)}\n", encoding="utf-8")
    print(f"{datetime.now():%H:%M} {name} is written, seeds {', '.join(map(str, seeds)) or '-'}", flush=True)


if __name__ == "__main__":
    main()
