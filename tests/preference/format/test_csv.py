"""A table says all that holds, comes back as it was, and runs nothing in a spreadsheet."""

import csv
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apsi.dataset.folder import Folder
from apsi.errors import ApsiError
from apsi.photo.hash import file_hash
from apsi.preference.answer import REASONS
from apsi.preference.folder import Comparison, PreferenceFolder
from apsi.preference.format.base import Outgoing, add
from apsi.preference.format.csv import COLUMNS, Csv, joined, parted
from apsi.preference.format.names import Names
from apsi.preference.pair import Pair, Version
from apsi.preference.photos import Originals
from apsi.preference.split import Splits, latest
from tests.preference.format.made import SAID, known, standing_in
from tests.preference.made import answer

HEAD = "image,left,right,answer,annotator"

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\\"), min_size=1, max_size=20)
names_of_photos = words.filter(lambda name: not name.startswith("/") and ".." not in name.split("/"))
people = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
recipes = st.lists(st.sampled_from(["swap_rb", "exposure(+0.200)", "crop(0.100,0.000,0.900,1.000)"]), max_size=3)


@st.composite
def answered(draw: st.DrawFn) -> list[Comparison]:
    found = []
    for _ in range(draw(st.integers(1, 6))):
        numbers = st.integers(0, 3)
        photos = draw(st.one_of(st.tuples(numbers, numbers), numbers.map(lambda n: (n, n))))
        name, other = draw(names_of_photos), draw(names_of_photos)
        left = Version(f"{photos[0]:064x}", name, tuple(draw(recipes)))
        right = Version(f"{photos[1]:064x}", name if photos[0] == photos[1] else other, tuple(draw(recipes)))
        if left.key != right.key:
            split = latest(["train", "val", "test", "train"][n] for n in photos)
            pair = Pair(left, right, split, draw(words))
            more = {
                "milliseconds": draw(st.integers(0, 10**6)),
                "reason": draw(st.sampled_from([None, *REASONS])),
                "is_repeat": draw(st.booleans()),
            }
            given = answer(pair, draw(st.sampled_from(SAID)), draw(people), **more)
            found.append(Comparison(given, left, right, split, pair.source))
    return found


@pytest.fixture(scope="module")
def nothing_known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("empty")


@pytest.mark.slow
@given(comparisons=answered())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_comes_back_as_it_was(comparisons: list[Comparison], nothing_known: Path) -> None:
    file = nothing_known / "answers.csv"
    file.unlink(missing_ok=True)
    names = Names(Folder(str(nothing_known), {}, []), nothing_known, Splits(0, (1, 0, 0)))
    if not comparisons:
        return
    Csv().write(Outgoing({}, comparisons, cast(Originals, None)), nothing_known)
    read = Csv().read(file, names)
    first = {one.answer.pair: one for one in reversed(comparisons)}  # a pair keeps the name and source that came first
    for back, before in zip(read.answers, comparisons, strict=True):
        assert back == before.answer
    for pair in read.pairs:
        before = first[pair.id]
        assert {pair.left.key, pair.right.key} == {before.left.key, before.right.key} and pair.split == before.split
    assert {pair.id for pair in read.pairs} == set(first)


@given(st.lists(words.map(str.strip).filter(bool)).map(tuple))
def test_a_recipe_in_a_cell_comes_back(labels: tuple[str, ...]) -> None:
    assert parted(joined(labels)) == labels


def test_a_folder_goes_out_and_into_another_one(outgoing: Outgoing, names: Names, tmp_path: Path) -> None:
    done = Csv().write(outgoing, tmp_path)
    assert done.written == 8 and done.notes == [
        "the file has the names of 2 people: give it to nobody without asking them"
    ]
    read = Csv().read(tmp_path / "answers.csv", names)
    other = PreferenceFolder(tmp_path / "other")
    assert vars(add(other, read)) == {"pairs": 4, "answers": 8, "known": 0, "annotators": ["Ann", "Bob"]}
    assert known(other.comparisons()) == known(outgoing.comparisons) == known(standing_in(read))
    assert add(other, read).answers == 0 and len(other.answers()) == 8
    with pytest.raises(ApsiError, match=r"answers\.csv is there already"):
        Csv().write(outgoing, tmp_path)


def test_a_spreadsheet_runs_nothing(outgoing: Outgoing, tmp_path: Path) -> None:
    one = outgoing.comparisons[0]
    evil = Version("name:x", "=HYPERLINK(1).jpg", ())
    pair = Pair(evil, one.right, "train", "+x")
    given = answer(pair, annotator="@SUM(A1)")
    Csv().write(Outgoing({}, [Comparison(given, evil, one.right, "train", "+x")], outgoing.originals), tmp_path)
    with (tmp_path / "answers.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [rows[0][name] for name in ("image", "annotator", "source")] == ["'=HYPERLINK(1).jpg", "'@SUM(A1)", "'+x"]


def test_a_table_of_ones_own_needs_five_columns(names: Names, photos: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(
        f'{HEAD},right_image\na.png,"crop(0.1,0,0.9,1)|exposure_up",,left,Ann,\nb.png,,,right,Ann,a.png\n'
        "gone.jpg,clarity,,,Ann,\n"
    )
    read = Csv().read(file, names)
    first, second, third = read.pairs
    assert (first.left.photo, first.left.recipe) == (file_hash(photos / "a.png"), ("crop(0.1,0,0.9,1)", "exposure_up"))
    assert first.right.recipe == () and first.source == "csv"
    assert (second.left.name, second.right.name) == ("sub/b.png", "a.png"), "one of this name, wherever it lies"
    assert third.left.photo == "name:gone.jpg"
    assert [given.answer for given in read.answers] == ["left", "right"], "the third pair is there to be answered"
    assert [given.milliseconds for given in read.answers] == [0, 0]
    again = Csv().read(file, names)
    assert [given.id for given in again.answers] == [given.id for given in read.answers]
    assert len({given.id for given in read.answers}) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the header .* has no image, left"),
        ("image,left,right,answer\n", "line 1: .* has no annotator"),
        (f"{HEAD},tiem\n", "line 1: the column 'tiem' is none of .* Did you mean 'time'"),
        (f"{HEAD},answer\n", "line 1: the column 'answer' stands twice"),
        (f"{HEAD}\na.png,,clarity,left\n", "line 2: 4 values for 5 columns"),
        (f"{HEAD}\na.png,,clarity,best,Ann\n", "line 2: answer='best' must be one of left, right, tie, skip"),
        (f"{HEAD}\na.png,,,left,Ann\n", "line 2: a pair of a.png with itself"),
        (f"{HEAD}\na.png,,clarify,left,Ann\n", "unknown transform 'clarify'"),
        (f"{HEAD}\n../a.png,,clarity,left,Ann\n", r"line 2: '\.\./a\.png' is no name of a photo's file below"),
        (f"{HEAD}\n/etc/passwd,,clarity,left,Ann\n", "line 2: '/etc/passwd' is no name"),
        (f"{HEAD},photo\n../a.png,,clarity,left,Ann,name:x\n", r"line 2: '\.\./a\.png' is no name"),
        (f"{HEAD},photo\na.png,,clarity,left,Ann,x\n", "line 2: 'x' is no photo"),
        (f"{HEAD}\na.png,,clarity,left,\n", "line 2: annotator='' must be a name"),
        (f"{HEAD},milliseconds\na.png,,clarity,left,Ann,-5\n", "line 2: milliseconds='-5' must be a whole number"),
        (f"{HEAD},time\na.png,,clarity,left,Ann,soon\n", "line 2: time='soon' is no time"),
        (f"{HEAD},reason\na.png,,clarity,left,Ann,bad\n", "line 2: reason='bad' must be one of"),
        (f"{HEAD},split\na.png,,clarity,left,Ann,all\n", "line 2: split='all' must be one of"),
        (f"{HEAD},is_repeat\na.png,,clarity,left,Ann,oui\n", "line 2: is_repeat='oui' must be true, false"),
        (f"{HEAD},id\na.png,,clarity,left,Ann,../../x\n", r"line 2: '\.\./\.\./x' is no id"),
        (f'{HEAD}\na.png,,clarity,left,"Ann\n', "line 2: unexpected end of data"),
        (f"{HEAD}\n{'a' * 140_000},,clarity,left,Ann\n", "line 2: field larger than field limit"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, message: str, names: Names, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(text)
    with pytest.raises(ApsiError, match=message):
        Csv().read(file, names)


def test_the_columns_are_those_that_the_docs_list() -> None:
    assert len(COLUMNS) == len(set(COLUMNS)) == 16


def test_one_name_for_two_photos_must_be_told_apart(photos: Path, names: Names, tmp_path: Path) -> None:
    (photos / "other").mkdir()
    (photos / "other" / "b.png").write_bytes((photos / "a.png").read_bytes())
    (tmp_path / "own.csv").write_text(f"{HEAD}\nb.png,,clarity,left,Ann\n")
    with pytest.raises(ApsiError, match=r"'b\.png' is the name of 2 photos of dataset="):
        Csv().read(tmp_path / "own.csv", names)
