"""What a measured figure is: the runs that make it, and what they are made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COLLECTIONS = {"bsds": ("BSDS500, train and val", 300), "osie": ("OSIE", 250)}
"""Of photos: what each is called, and how many it has"""
VOTED_ON, SAMPLE = ("FCDB, of which there are votes only", 3_362), ("`dataset=sample`", 8)
FILES = {
    "fixations": "OSIE's fixations.json",
    "votes": "FCDB's ranking_annotation.json",
    "model": "an ONNX juror: 224 x 224 RGB from -1 to 1 in, one number out, near -3 where a photo is good",
}


@dataclass(frozen=True)
class Run:
    """What a finished run came to."""

    result: dict[str, Any]
    """the last line that it printed"""
    folder: Path
    """where its files are"""
    taken: str
    """day"""
    versions: dict[str, str]
    machine: dict[str, Any]
    wall: float
    cpu: float
    """seconds, those of attempts that were interrupted with them"""
    load: float
    """processes that wanted a core at its start, on average of a minute"""


Table = dict[str, Any]
"""`columns`, formats of numbers by name, and `rows`, whose cells are text, numbers, estimates or lists of numbers"""


@dataclass(frozen=True)
class Figure:
    """Something that is measured, and what of it is shown."""

    about: str
    tables: Callable[[Mapping[str, Run], Sequence[int]], dict[str, Table]]
    """by name, made of the runs and those of `seeds` that are whole"""
    once: Mapping[str, str] = field(default_factory=dict)
    """commands by name of the run; collections and files in braces, `{both}` are all photos in one folder"""
    each: Mapping[str, str] = field(default_factory=dict)
    """the same for every seed, `NAME SEED`; `{first}` is the folder of the seed's first run"""
    seeds: tuple[int, ...] = ()
    """those of `each` or, where that is empty, those that `once` names"""
    made: tuple[str, int] | None = None
    """what it is measured on and how many, where that is neither a collection nor the sample photos"""

    @property
    def needs(self) -> list[str]:
        """The options that say where its photos and files are."""
        text = " ".join([*self.once.values(), *self.each.values()]).replace("{both}", "{bsds}{osie}")
        return [name for name in (*COLLECTIONS, *FILES) if f"{{{name}}}" in text]

    @property
    def photos(self) -> list[dict[str, Any]]:
        """What it is measured on."""
        known = [COLLECTIONS[need] for need in self.needs if need in COLLECTIONS]
        known += [VOTED_ON] if "votes" in self.needs else []
        known += [self.made] if self.made else []
        return [{"name": name, "count": count} for name, count in known or [SAMPLE]]

    @property
    def shown(self) -> list[str]:
        """The commands of its runs, with words in capitals for what is not the same everywhere."""
        names = {name: name.upper() for name in (*COLLECTIONS, *FILES)}
        names |= {"both": "BSDS_AND_OSIE", "out": "FOLDER", "seed": "SEED", "first": "RUN"}
        return [f"python {line.format_map(names)}" for line in (*self.once.values(), *self.each.values())]

    def command(self, name: str) -> str:
        """The one that takes it."""
        return " ".join([f"python benchmarks/figures.py {name}", *(f"--{need} {need.upper()}" for need in self.needs)])


def estimate(mean: float, interval: Sequence[float] | None) -> dict[str, Any]:
    """A mean with its 95 % interval, None where there is none."""
    return {"mean": round(mean, 4), "ci95": interval and [round(end, 4) for end in interval]}


ON_BSDS, ON_OSIE, ON_BOTH = (
    f"dataset=folder dataset.path={{{name}}} device.threads=1" for name in ("bsds", "osie", "both")
)
