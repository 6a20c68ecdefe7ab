"""Filters, orders and counts, held against the same in pandas."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.browse.catalogue import Catalogue
from apsi.browse.wanted import SORTS, Wanted
from tests.browse.made import LABELS, SET, indexed, random_records, record, write_run, write_set
from tests.browse.reference import frame_of, wanted_from

OTHER = "field-ba9876543210"
KINDS = sorted({label.partition("(")[0] for label in LABELS})


@dataclass(repr=False)
class Held:
    """Photos, twice."""

    catalogue: Catalogue
    frame: pd.DataFrame


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Held:
    """Two sets with three splits, dropped and skipped photos; and the same as a table."""
    root = tmp_path_factory.mktemp("catalogue")
    rng = np.random.default_rng(1)
    records = random_records(rng, 300)
    splits = {"train": records[:150], "val": records[150:200], "test": records[200:280]}
    skipped = [(f"d{i}/broken.jpg", "corrupt") for i in range(7)]
    write_set(root / "data", splits, dropped=records[280:], skipped=skipped)
    write_set(root / "data", {"train": random_records(rng, 60), "test": []}, OTHER)
    catalogue = indexed(root).catalogue
    assert catalogue is not None and len(catalogue) == 367
    return Held(catalogue, frame_of(root / "data"))


def some(values: list[str]) -> Any:
    return st.lists(st.sampled_from(values), max_size=3)


FIGURE = st.sampled_from(["", "0", "2.5", "5", "7.1", "-3"])
RANGE = st.tuples(FIGURE, FIGURE).map(":".join)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    query=st.fixed_dictionaries(
        {},
        optional={
            "q": st.sampled_from(["", "äpfel", "ÄPFEL 1", "d3/", "broken", "000", "nothing", "%"]).map(
                lambda one: [one]
            ),
            "set": some(["beach-0123456789ab", OTHER, "gone"]),
            "split": some(["train", "val", "test", ""]),
            "state": some(["kept", "dropped", "skipped", "lost"]),
            "with": some([*KINDS, "warmth"]),
            "edits": some(["0", "1", "3", "9"]),
            "score": RANGE.map(lambda one: [one]),
            "initial": RANGE.map(lambda one: [one]),
            "improvement": RANGE.map(lambda one: [one]),
            "starred": st.just(["1"]),
        },
    ),
    sort=st.sampled_from(SORTS[:6]),
    down=st.booleans(),
    stars=st.sets(st.integers(0, 366), max_size=60),
)
def test_every_filter_and_order_is_that_of_pandas(
    held: Held, query: dict[str, list[str]], sort: str, down: bool, stars: set[int]
) -> None:
    catalogue, frame = held.catalogue, held.frame
    starred = set(catalogue.ids[sorted(stars)].tolist())
    query = {**query, "sort": [sort], "down": ["1" if down else "0"]}
    wanted = Wanted.of(query)
    expected = wanted_from(frame, query, starred)
    assert catalogue.ids[catalogue.order(wanted, starred)].tolist() == expected["id"].tolist()
    counts = catalogue.counts(wanted, starred)

    def without(name: str) -> pd.DataFrame:
        return wanted_from(frame, query | {name: []}, starred, any_state=name == "state")

    for name, column in (("set", "set"), ("split", "split"), ("state", "state")):
        told = {value: count for value, count in counts[name].items() if count}
        assert told == without(name)[column].value_counts().to_dict(), name
    assert counts["edits"] == {str(k): v for k, v in without("edits")["edits"].value_counts().to_dict().items()}
    kinds = without("with")["kinds"].explode().dropna().value_counts().to_dict()
    assert {kind: count for kind, count in counts["with"].items() if count} == kinds
    for name in ("score", "initial", "improvement"):
        assert sum(counts["ranges"][name]["counts"]) == without(name)[name].notna().sum(), name


def test_missing_figures_come_last_in_both_directions_and_ties_are_by_name(
    held: Held,
) -> None:
    catalogue = held.catalogue
    for down in ("0", "1"):
        order = catalogue.order(Wanted.of({"sort": ["score"], "down": [down]}), ())
        scores = catalogue.figures["score"][order]
        known = scores[~np.isnan(scores)]
        assert np.isnan(scores[len(known) :]).all() and len(known) < len(scores)
        assert (np.diff(known) <= 0).all() if down == "1" else (np.diff(known) >= 0).all()
        names = [catalogue.names[place] for place in order]
        ties = [(a, b) for a, b, x, y in zip(names, names[1:], scores, scores[1:], strict=False) if x == y]
        assert len(ties) > 50 and all(a <= b for a, b in ties)


def test_two_runs_are_held_against_each_other_on_the_photos_that_both_have(tmp_path: Path) -> None:
    records = [record(i, split="test") for i in range(6)]
    write_set(tmp_path / "data", {"test": records})
    images = [one.file_name for one in records]
    first = {"agent": dict.fromkeys(images[:5], ("swap_rg swap_rb", 5.0))}
    recipes = ["swap_rg swap_rb", "swap_rb", "", "invert_r swap_rg swap_rb invert_r"]
    ends = zip(images[1:5], recipes, [6.0, 3.0, 5.5, 9.0], strict=True)
    write_run(tmp_path / "out", "a/one", first)
    write_run(tmp_path / "out", "a/two", {"agent": {image: (recipe, end) for image, recipe, end in ends}})
    catalogue = indexed(tmp_path).catalogue
    assert catalogue is not None
    one, two = (run.key for run in catalogue.runs)

    def order(**query: str) -> list[int]:
        wanted = Wanted.of({name: [value] for name, value in {"a": one, "b": two, **query}.items()})
        return [int(catalogue.names[place][-5]) for place in catalogue.order(wanted, ())]

    assert order() == [1, 2, 3, 4]
    assert order(sort="difference") == [2, 3, 1, 4] and order(sort="difference", down="1") == [4, 1, 3, 2]
    assert order(sort="distance", down="1") == [4, 2, 1, 3]
    assert order(sort="recipes", down="1") == [3, 4, 2, 1]
    assert order(difference="0.5:1") == [1, 3]
    compared = catalogue.compared(one, two)
    assert compared.distances[compared.there].tolist() == [0, 1, 2, 2] and compared.same_juror


def test_runs_of_different_sets_meet_in_photos_to_which_the_same_was_done(tmp_path: Path) -> None:
    records = [record(i, split="test", transformations=("swap_rb",)) for i in range(3)]
    others = [records[0], record(1, split="test", transformations=("invert_r",)), records[2]]
    write_set(tmp_path / "data", {"test": records})
    write_set(tmp_path / "data", {"test": others}, OTHER, juror="another")
    played = {"agent": {one.file_name: ("swap_rb", 7.0) for one in records}}
    write_run(tmp_path / "out", "a/one", played)
    write_run(tmp_path / "out", "a/two", played, dataset=OTHER, juror="another")
    catalogue = indexed(tmp_path).catalogue
    assert catalogue is not None
    compared = catalogue.compared(*(run.key for run in catalogue.runs))
    assert [catalogue.names[place][-5] for place in np.flatnonzero(compared.there)] == ["0", "2"]
    assert not compared.same_juror


@pytest.mark.parametrize(
    "values", [{"version": 1}, {"original": ""}], ids=["random crops", "photos whose originals are not known"]
)
def test_runs_of_different_sets_never_meet_in_what_may_be_other_photos(values: dict[str, Any], tmp_path: Path) -> None:
    records = [record(i, split="test", **values) for i in range(2)]
    played = {"agent": {one.file_name: ("swap_rb", 7.0) for one in records}}
    for name, dataset in (("a/one", SET), ("a/two", OTHER)):
        write_set(tmp_path / "data", {"test": records}, dataset)
        write_run(tmp_path / "out", name, played, dataset=dataset)
    catalogue = indexed(tmp_path).catalogue
    assert catalogue is not None and len(set(catalogue.twins.tolist())) == 4
    assert not catalogue.compared(*(run.key for run in catalogue.runs)).there.any()


@pytest.mark.parametrize(
    "query",
    [
        {"sort": ["?"]},
        {"sort": ["distance"]},
        {"edits": ["x"]},
        {"score": ["1"]},
        {"score": ["x:"]},
        {"score": ["nan:"]},
    ],
)
def test_what_makes_no_sense_is_named(query: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match=next(iter(query))):
        Wanted.of(query)


def test_nothing_at_all_is_an_empty_catalogue(tmp_path: Path) -> None:
    catalogue = indexed(tmp_path).catalogue
    assert catalogue is not None and len(catalogue) == 0
    assert catalogue.order(Wanted.of({"q": ["x"], "sort": ["score"], "with": ["y"]}), (1,)).tolist() == []
    assert catalogue.counts(Wanted(), ())["ranges"] == {}
