"""The episodes of a run's `results.csv`, as data: what is no number is none."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from typing import IO, Any

from apsi.browse.annotations import number_of, photo_id, text_of
from apsi.errors import ApsiError

_MOST, _LONGEST_RECIPE = 2_000_000, 4000
_MEASURES = 60


@dataclass(frozen=True, slots=True)
class Played:
    """One episode of one policy."""

    policy: str
    image: str
    recipe: str
    """labels, a space between them"""
    start: float | None
    target: float | None
    final: float | None
    success: bool
    steps: int | None
    measures: str
    """JSON: by name what was measured before and after"""


@dataclass(frozen=True)
class RunFacts:
    """What a run says of itself."""

    id: int
    name: str
    """its path below `output_dir`"""
    dataset: str
    split: str
    juror: str


def read_facts(name: str, summary: bytes) -> RunFacts:
    """What `summary.json` says.

    Raises:
        ApsiError: it is damaged.
    """
    try:
        content = json.loads(summary)
        if not isinstance(content, dict):
            raise ValueError("no object")
    except (ValueError, RecursionError) as error:
        raise ApsiError("its summary.json is damaged") from error
    dataset, split, juror = (text_of(content.get(key)) for key in ("dataset", "split", "juror"))
    return RunFacts(photo_id("run", name), name, dataset, split, juror)


def read_results(file: IO[bytes]) -> Iterator[Played]:
    """The lines of a `results.csv`.

    Raises:
        ApsiError: it is no such file.
    """
    with TextIOWrapper(file, "utf-8", errors="replace", newline="") as text:
        try:
            rows = csv.DictReader(_lines(text))
            names = rows.fieldnames or []
            if not {"policy", "image", "recipe", "final_score"} <= set(names):
                raise ApsiError(
                    "it has no columns policy, image, recipe and final_score, as it is of an earlier version"
                )
            measured = [name[7:] for name in names if name.startswith("before ")][:_MEASURES]
            for row in rows:
                yield _played(row, measured)
        except csv.Error as error:
            raise ApsiError(f"it is no table ({error})") from error


def _lines(text: TextIOWrapper) -> Iterator[str]:
    for number, line in enumerate(text):
        if number > _MOST or len(line) > 1_000_000:
            raise ApsiError(f"it has more than {_MOST:,} lines, or one that is longer than any is")
        yield line


def _played(row: dict[str, Any], measured: list[str]) -> Played:
    pairs = {name: [_number(row.get(f"{when} {name}")) for when in ("before", "after")] for name in measured}
    steps = _number(row.get("steps"))
    return Played(
        text_of(row["policy"], 100),
        text_of(row["image"], 255),
        text_of(row["recipe"], _LONGEST_RECIPE),
        _number(row.get("start_score")),
        _number(row.get("target_score")),
        _number(row.get("final_score")),
        row.get("success") == "1",
        None if steps is None or not 0 <= steps < 2**31 else int(steps),
        json.dumps({text_of(k, 80): v for k, v in pairs.items() if v != [None, None]}),
    )


def _number(text: object) -> float | None:
    try:
        return number_of(float(str(text)[:40]))
    except ValueError:
        return None
