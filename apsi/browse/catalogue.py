"""All indexed photos as columns in memory: filters, orders and counts take milliseconds."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from apsi.browse.annotations import STATES
from apsi.browse.collecting import no_collecting
from apsi.browse.index import Index
from apsi.browse.wanted import RANGES, Wanted

Column = npt.NDArray[Any]
BINS = 50
_ENDS = {"score": (0.0, 10.0), "initial": (0.0, 10.0)}


@dataclass(frozen=True)
class RunPolicy:
    """One policy of one run, whose episodes can be looked at."""

    key: str
    """`RUN.POLICY`, the first in hexadecimal digits"""
    run: int
    name: str
    """of the run"""
    policy: str
    dataset: str
    split: str
    juror: str


@dataclass(frozen=True, eq=False)
class Compared:
    """What two runs made of the same photos, by the places of the photos; NaN and empty where one of them lacks it."""

    finals: tuple[Column, Column]
    """scores that the episodes end with"""
    recipes: tuple[Sequence[str], Sequence[str]]
    episodes: tuple[Column, Column]
    """their numbers in the index; 0: none"""
    there: Column
    """whether both have it"""
    distances: Column
    """how many edits of one recipe are to be put in, left out or exchanged to make the other of it"""
    same_juror: bool

    @property
    def difference(self) -> Column:
        """The second less the first."""
        return np.asarray(self.finals[1] - self.finals[0])


@dataclass(eq=False)
class Catalogue:
    """The photos, in the order of their names; a place is a number in this order."""

    ids: Column
    names: Sequence[str]
    files: Sequence[str | None]
    sets: Column
    """numbers in `set_names`"""
    splits: Column
    states: Column
    """numbers in `STATES`"""
    edits: Column
    figures: Mapping[str, Column]
    """score, initial, improvement, size; NaN where there is none"""
    set_names: Sequence[str]
    split_names: Sequence[str]
    categories: Sequence[str]
    of_category: tuple[Column, Column]
    """places and numbers of categories: each pair says that an edit of this kind was made of the photo there"""
    runs: Sequence[RunPolicy]
    twins: Column
    """the same number where the same was done to the same whole original at the same size, in another set too; of
    crops, which each set draws for itself, and of what has no known original, the photo's own id"""
    index: Index

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def load(cls, index: Index) -> "Catalogue":
        """Everything that the index has.

        Raises:
            sqlite3.DatabaseError: it is broken.
        """
        with no_collecting(), index.open() as database:
            cursor = database.cursor()
            cursor.row_factory = None
            rows = cursor.execute(
                "SELECT id, name, file, set_name, split, state, width, height, score, initial, steps, original, version"
                " FROM photos ORDER BY name, set_name, split, file, id"
            ).fetchall()
            runs = cursor.execute(
                "SELECT r.id, r.name, e.policy, r.dataset, r.split, r.juror FROM runs r JOIN"
                " (SELECT DISTINCT run, policy, min(id) AS first FROM episodes GROUP BY run, policy) e ON e.run = r.id"
                " ORDER BY r.name, e.first"
            ).fetchall()
            return _built(rows, [_policy(row) for row in runs], index)

    def prepare(self) -> None:
        """Makes what the first search and the first order would wait for."""
        _ = self.ranks, self._searched, self._places

    @cached_property
    def ranks(self) -> Column:
        """Of the names: the same number for the same name."""
        new = [True, *(a != b for a, b in zip(self.names, self.names[1:], strict=False))] if self.names else []
        return np.cumsum(np.array(new, np.int32))

    @cached_property
    def _searched(self) -> list[str]:
        return [f"{name}\0{file or ''}".casefold() for name, file in zip(self.names, self.files, strict=True)]

    @cached_property
    def _places(self) -> tuple[Column, Column]:
        order = np.argsort(self.ids)
        return self.ids[order], order

    def place(self, number: int) -> int | None:
        """Of the photo with this id."""
        ids, order = self._places
        at = int(np.searchsorted(ids, number))
        return int(order[at]) if at < len(ids) and ids[at] == number else None

    def order(self, wanted: Wanted, stars: Collection[int]) -> Column:
        """The places of the photos that are wanted, in the order that is wanted; missing figures last, ties by name."""
        places = np.flatnonzero(_all(self._masks(wanted, stars).values(), len(self)))
        if wanted.sort == "name" and not wanted.down:
            return places
        values = self._sorted_by(wanted)[places]
        return np.asarray(places[np.argsort(-values if wanted.down else values, kind="stable")])

    def counts(self, wanted: Wanted, stars: Collection[int]) -> dict[str, Any]:
        """How many photos each further choice would show, and histograms.

        Each is counted under all filters but its own.
        """
        masks = self._masks(wanted, stars)

        def under_others(name: str) -> Column:
            return _all((mask for other, mask in masks.items() if other != name), len(self))

        places, numbers = self.of_category
        counted: dict[str, Any] = {
            "set": _named(self.set_names, self.sets[under_others("set")]),
            "split": _named(self.split_names, self.splits[under_others("split")]),
            "state": _named(STATES, self.states[under_others("state")]),
            "with": _named(self.categories, numbers[under_others("with")[places]]),
            "edits": _numbers(self.edits[under_others("edits")]),
        }
        counted["ranges"] = {name: self._histogram(name, wanted, under_others(name)) for name in RANGES}
        counted["ranges"] = {name: found for name, found in counted["ranges"].items() if found}
        counted["starred"] = int(under_others("starred")[self._starred(stars)].sum())
        return counted

    def compared(self, first: str, second: str) -> Compared:
        """Two runs on the same photos; raises a KeyError where one is not there."""
        return self._compare(first, second)

    @cached_property
    def _compare(self) -> Callable[[str, str], Compared]:
        @lru_cache(4)
        def compare(first: str, second: str) -> Compared:
            by_key = {run.key: run for run in self.runs}
            runs = by_key[first], by_key[second]
            one, other = (self._ends(run) for run in runs)
            both = other if runs[0].dataset == runs[1].dataset else self._at_twins(one, other)
            there = (one[2] > 0) & (both[2] > 0)
            recipes = one[1], both[1]
            distances = np.full(len(self), np.nan)
            for place in np.flatnonzero(there):
                distances[place] = _edits_between(recipes[0][place], recipes[1][place])
            same = runs[0].juror == runs[1].juror
            return Compared((one[0], both[0]), recipes, (one[2], both[2]), there, distances, same)

        return compare

    def _ends(self, run: RunPolicy) -> tuple[Column, list[str], Column]:
        """Final scores, recipes and numbers of a run's episodes, by place."""
        finals, numbers = np.full(len(self), np.nan), np.zeros(len(self), np.int64)
        recipes = [""] * len(self)
        by_file = self.places_of(run)
        with self.index.open() as database:
            found = database.execute(
                "SELECT id, image, final, recipe FROM episodes WHERE run=? AND policy=?", (run.run, run.policy)
            )
            for number, image, final, recipe in found:
                place = by_file.get(image)
                if place is not None:
                    finals[place] = np.nan if final is None else final
                    recipes[place], numbers[place] = recipe, number
        return finals, recipes, numbers

    def places_of(self, run: RunPolicy) -> dict[str, int]:
        """The photos of a run's set by their files."""
        if run.dataset not in self.set_names:
            return {}
        mask = (self.sets == self.set_names.index(run.dataset)) & (self.states == 0)
        if run.split in self.split_names:
            mask &= self.splits == self.split_names.index(run.split)
        found: dict[str, int] = {}
        for place in np.flatnonzero(mask).tolist():
            if (file := self.files[place]) is not None:
                found.setdefault(file, place)
        return found

    def _at_twins(
        self, one: tuple[Column, list[str], Column], other: tuple[Column, list[str], Column]
    ) -> tuple[Column, list[str], Column]:
        """What `other` has of the twins of the photos that `one` has, at the places of these."""
        twins = {int(self.twins[place]): int(place) for place in np.flatnonzero(other[2])}
        finals, numbers, recipes = np.full(len(self), np.nan), np.zeros(len(self), np.int64), [""] * len(self)
        for place in np.flatnonzero(one[2]).tolist():
            twin = twins.get(int(self.twins[place]))
            if twin is not None:
                finals[place], numbers[place], recipes[place] = other[0][twin], other[2][twin], other[1][twin]
        return finals, recipes, numbers

    def _figure(self, name: str, wanted: Wanted) -> Column | None:
        if name in self.figures:
            return self.figures[name]
        return self.compared(wanted.first, wanted.second).difference if wanted.compares else None

    def _sorted_by(self, wanted: Wanted) -> Column:
        if wanted.sort == "name":
            return self.ranks
        if wanted.sort == "edits":
            return self.edits.astype(np.float64)
        if wanted.sort in self.figures:
            return self.figures[wanted.sort]
        compared = self.compared(wanted.first, wanted.second)
        if wanted.sort == "recipes":
            return compared.distances
        return compared.difference if wanted.sort == "difference" else np.abs(compared.difference)

    def _masks(self, wanted: Wanted, stars: Collection[int]) -> dict[str, Column]:
        masks = {"state": np.isin(self.states, [STATES.index(name) for name in wanted.states if name in STATES])}
        if wanted.sets:
            masks["set"] = np.isin(self.sets, _places_in(self.set_names, wanted.sets))
        if wanted.splits:
            masks["split"] = np.isin(self.splits, _places_in(self.split_names, wanted.splits))
        if wanted.edits:
            masks["edits"] = np.isin(self.edits, list(wanted.edits))
        if wanted.categories:
            places, numbers = self.of_category
            masks["with"] = np.zeros(len(self), bool)
            masks["with"][places[np.isin(numbers, _places_in(self.categories, wanted.categories))]] = True
        if wanted.text:
            masks["text"] = np.fromiter((wanted.text in name for name in self._searched), bool, len(self))
        if wanted.starred:
            masks["starred"] = self._starred(stars)
        for name, (low, high) in wanted.ranges:
            figure = self._figure(name, wanted)
            if figure is not None:
                masks[name] = ~np.isnan(figure)
                if low is not None:
                    masks[name] &= figure >= low
                if high is not None:
                    masks[name] &= figure <= high
        if wanted.compares:
            masks["compared"] = self.compared(wanted.first, wanted.second).there
        return masks

    def _starred(self, stars: Collection[int]) -> Column:
        return np.isin(self.ids, np.fromiter(stars, np.int64, len(stars)))

    def _histogram(self, name: str, wanted: Wanted, mask: Column) -> dict[str, Any] | None:
        figure = self._figure(name, wanted)
        if figure is None:
            return None
        known = figure[~np.isnan(figure)]
        if not len(known):
            return None
        low, high = _ENDS.get(name) or (float(np.floor(max(known.min(), -10))), float(np.ceil(min(known.max(), 10))))
        high = max(high, low + 1)
        shown = np.clip(figure[mask & ~np.isnan(figure)], low, high)
        return {"low": low, "high": high, "counts": np.histogram(shown, BINS, (low, high))[0].tolist()}


def _policy(row: tuple[Any, ...]) -> RunPolicy:
    run, name, policy, dataset, split, juror = row
    return RunPolicy(f"{run:015x}.{policy}", run, name, policy, dataset, split, juror)


def _built(rows: Sequence[tuple[Any, ...]], runs: Sequence[RunPolicy], index: Index) -> Catalogue:
    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * 13
    ids, names, files, sets, splits, states, widths, heights, scores, initials, steps, originals, versions = columns
    set_names, set_numbers = _coded(sets)
    split_names, split_numbers = _coded(splits)
    score, initial = (np.array(values, np.float64) for values in (scores, initials))  # None is NaN
    with np.errstate(over="ignore", invalid="ignore"):
        improvement = score - initial
    improvement[~np.isfinite(improvement)] = np.nan
    size = np.array(widths, np.float64) * np.array(heights, np.float64)
    recipes, of_recipe = _coded(steps)
    kinds = [sorted({label.partition("(")[0] for label in recipe.split()}) for recipe in recipes]
    categories = sorted({kind for some in kinds for kind in some})
    numbers = {kind: number for number, kind in enumerate(categories)}
    coded = [np.array([numbers[kind] for kind in some], np.int32) for some in kinds]
    counts = np.array([len(some) for some in coded], np.int64)
    of_category = (
        np.repeat(np.arange(len(ids), dtype=np.int32), counts[of_recipe] if len(ids) else 0),
        np.concatenate([coded[number] for number in of_recipe] or [np.array([], np.int32)]),
    )
    edits = np.array([len(recipe.split()) for recipe in recipes], np.int32)[of_recipe]
    twins = [
        hash((original, width, height, done)) if original and version == 0 else number
        for number, original, version, width, height, done in zip(
            ids, originals, versions, widths, heights, steps, strict=True
        )
    ]
    return Catalogue(
        np.array(ids, np.int64),
        list(names),
        list(files),
        set_numbers,
        split_numbers,
        np.array([STATES.index(state) for state in states], np.int8),
        edits,
        {"score": score, "initial": initial, "improvement": improvement, "size": size},
        set_names,
        split_names,
        categories,
        of_category,
        runs,
        np.array(twins, np.int64),
        index,
    )


def _coded(values: Sequence[str]) -> tuple[list[str], Column]:
    names = sorted(set(values))
    numbers = {name: number for number, name in enumerate(names)}
    return names, np.array([numbers[value] for value in values], np.int32)


def _places_in(names: Sequence[str], wanted: Collection[str]) -> list[int]:
    return [number for number, name in enumerate(names) if name in wanted]


def _all(masks: Any, count: int) -> Column:
    whole = np.ones(count, bool)
    for mask in masks:
        whole &= mask
    return whole


def _named(names: Sequence[str], numbers: Column) -> dict[str, int]:
    return dict(zip(names, np.bincount(numbers, minlength=len(names)).tolist(), strict=True))


def _numbers(values: Column) -> dict[str, int]:
    found, counts = np.unique(values, return_counts=True)
    return {str(value): count for value, count in zip(found.tolist(), counts.tolist(), strict=True)}


@lru_cache(100_000)
def _edits_between(first: str, second: str) -> int:
    """Levenshtein's distance of two recipes, edit by edit."""
    one, other = first.split(), second.split()
    if first == second:
        return 0
    row = list(range(len(other) + 1))
    for i, label in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, wanted in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (label != wanted))
    return row[-1]
