"""Which photos are taken: by size, shape, tags and a draw that depends on names and the seed alone."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.dataset import choose as module
from apsi.dataset.base import Dataset, Listing, Skipped, SourceFile
from apsi.dataset.choose import choose
from apsi.dataset.folder import Folder
from apsi.dataset.selection import Selection
from apsi.errors import ApsiError
from apsi.photo.facts import PhotoFacts
from apsi.photo.write import write_png

ONCE = {"train": 1, "val": 1, "test": 1}


@dataclass
class Named(Dataset):
    """Photos that are names alone, or have tags."""

    names: Sequence[str]
    selection: Selection = field(default_factory=Selection)
    enlarge: dict[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "named"

    def listing(self) -> Listing:
        return Listing(tuple(SourceFile(n, Path(n), PhotoFacts(tags=tuple(n.split()))) for n in self.names))

    def fetch(self, files: Sequence[SourceFile]) -> tuple[Skipped, ...]:
        self.asked += [file.name for file in files]
        return tuple(Skipped(file.name, "gone") for file in files if file.name in self.missing)


@pytest.fixture
def sized(monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers say that every photo has 10 x 20 pixels."""
    monkeypatch.setattr(module, "read_size_of_any", lambda path: (10, 20))


def names_of(listing: Listing) -> list[str]:
    return [file.name for file in listing.files]


NAMES = st.lists(st.text("abcdefgh0", min_size=1, max_size=4), min_size=1, max_size=40, unique=True)


@pytest.mark.usefixtures("sized")
@settings(deadline=None, max_examples=30, suppress_health_check=[])
@given(NAMES, st.integers(1, 20), st.integers(0, 20), st.integers(0, 9), st.randoms())
def test_a_draw_depends_on_no_order_and_is_part_of_a_larger_one(
    names: list[str], few: int, more: int, seed: int, random: object
) -> None:
    shuffled = sorted(names, key=lambda _: random.random())  # type: ignore[attr-defined]
    small = choose(Named(names, Selection(limit=few)), seed)
    assert set(names_of(small)) == set(names_of(choose(Named(shuffled, Selection(limit=few)), seed)))
    large = choose(Named(names, Selection(limit=few + more)), seed)
    assert set(names_of(small)) <= set(names_of(large))
    assert len(small.files) == min(few, len(names))
    assert names_of(small) == [name for name in names if name in set(names_of(small))], "in the order of the listing"
    assert sum(small.left_out.values()) == len(names) - len(small.files)


@pytest.mark.usefixtures("sized")
def test_another_seed_draws_others_and_the_same_seed_the_same() -> None:
    names = [f"{i}" for i in range(60)]
    draws = [names_of(choose(Named(names, Selection(limit=20)), seed)) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.usefixtures("sized")
def test_what_can_not_be_had_is_skipped_and_another_photo_takes_its_place() -> None:
    names = [f"{i}" for i in range(30)]
    first = names_of(choose(Named(names, Selection(limit=10)), 0))
    dataset = Named(names, Selection(limit=10), missing=(first[0], first[1]))
    found = choose(dataset, 0)
    assert len(found.files) == 10 and not {first[0], first[1]} & set(names_of(found))
    assert {(entry.name, entry.reason) for entry in found.skipped} == {(first[0], "gone"), (first[1], "gone")}
    assert len(dataset.asked) == 12, "no more is asked for than is needed"


def test_without_settings_everything_is_taken_and_no_header_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "read_size_of_any", None)
    listing = choose(Named(["b", "a"]), 0)
    assert (names_of(listing), listing.left_out) == (["b", "a"], {})


def test_photos_with_one_of_the_tags_are_taken_in_capitals_or_not() -> None:
    listing = choose(Named(["beach dog", "Dog", "cat", "hotdog"], Selection(tags=["DOG", " cat"])), 0)
    assert names_of(listing) == ["beach dog", "Dog", "cat"]
    assert listing.left_out == {"none of dataset.tags=['DOG', ' cat']": 1}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sizes")
    for width, height in ((20, 20), (60, 40), (40, 60), (100, 20), (200, 150)):
        write_png(folder / f"{width}x{height}.png", np.zeros((height, width, 3), np.uint8))
    (folder / "broken.png").write_bytes(b"no photo")
    os.mkfifo(folder / "pipe.png")
    return folder


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(min_side=40), {"60x40", "40x60", "200x150"}),
        (Selection(max_side=60), {"20x20", "60x40", "40x60"}),
        (Selection(aspect=[1, 1.6]), {"20x20", "60x40", "200x150"}),
        (Selection(min_side=40, max_side=100, aspect=[0.5, 1]), {"40x60"}),
    ],
)
def test_sizes_and_shapes_come_from_headers_and_what_does_not_fit_is_counted_by_reason(
    photos: Path, selection: Selection, expected: set[str]
) -> None:
    dataset = Folder(str(photos), ONCE, [])
    dataset.selection = selection
    listing = choose(dataset, 0)
    assert {Path(name).stem for name in names_of(listing)} == expected
    assert sum(listing.left_out.values()) == 5 - len(expected)
    assert all("dataset." in reason for reason in listing.left_out)
    assert {entry.name: entry.reason for entry in listing.skipped} == {
        "broken.png": "not an image, or of a kind that is not read",
        "pipe.png": "can't be opened: not a regular file but a named pipe",
    }


def test_nothing_left_is_an_error_with_the_reasons(photos: Path) -> None:
    dataset = Folder(str(photos), ONCE, [])
    dataset.selection = Selection(min_side=1000)
    with pytest.raises(
        ApsiError, match=r"no photo .* is left: 5 shorter side below dataset\.min_side=1000; ask for less"
    ):
        choose(dataset, 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"limit": 0}, r"dataset\.limit=0 must be at least 1"),
        ({"min_side": 9, "max_side": 8}, "no photo fits"),
        ({"aspect": [2.0, 0.5]}, "the smaller first"),
        ({"aspect": [1.0]}, "two numbers"),
        ({"aspect": [0.5, float("nan")]}, "two numbers"),
        ({"tags": [" "]}, "empty tag"),
        ({"name": "../"}, "must have a letter or digit"),
    ],
)
def test_settings_that_can_not_be_meant_are_errors(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ApsiError, match=message):
        Selection(**wrong)  # type: ignore[arg-type]
