"""Folders that exist whole or not at all."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from apsi.preprocess.base import Context, batches, build_once


def write_two(folder: Path) -> None:
    (folder / "one").write_text("1")
    (folder / "two").write_text("2")


def test_a_folder_appears_with_all_its_files(tmp_path: Path) -> None:
    build_once(tmp_path / "deep" / "target", write_two)
    assert {path.name: path.read_text() for path in (tmp_path / "deep" / "target").iterdir()} == {
        "one": "1",
        "two": "2",
    }


def test_a_folder_that_is_there_is_not_built_again(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    build_once(tmp_path / "target", write_two)
    assert list((tmp_path / "target").iterdir()) == []


def test_a_build_that_raises_leaves_nothing_under_the_final_name_and_is_continued(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "one").write_text("from the first try")
        raise KeyboardInterrupt

    def go_on(folder: Path) -> None:
        assert (folder / "one").read_text() == "from the first try"
        (folder / "two").write_text("2")

    with pytest.raises(KeyboardInterrupt):
        build_once(tmp_path / "target", fail)
    assert not (tmp_path / "target").exists()
    build_once(tmp_path / "target", go_on)
    assert {path.name for path in (tmp_path / "target").iterdir()} == {"one", "two"}


def test_of_several_that_want_one_folder_a_single_one_builds_it_and_the_others_wait(tmp_path: Path) -> None:
    built = []

    def build(folder: Path) -> None:
        built.append(folder)
        time.sleep(0.2)
        write_two(folder)

    def want(_: int) -> int:
        build_once(tmp_path / "target", build)
        return len(list((tmp_path / "target").iterdir()))

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(want, range(4))) == [2, 2, 2, 2]
    assert len(built) == 1


@pytest.mark.parametrize(
    ("size", "expected"), [(2, [[0, 1], [2, 3], [4]]), (5, [[0, 1, 2, 3, 4]]), (9, [[0, 1, 2, 3, 4]])]
)
def test_batches_are_consecutive_and_complete(size: int, expected: list[list[int]]) -> None:
    assert [list(batch) for batch in batches(range(5), size)] == expected


@pytest.mark.parametrize("change", [lambda c: c.then("b"), lambda c: c.then("a", "a"), lambda c: c.then("a").then("a")])
def test_a_key_depends_on_every_value_in_order(context: Context, change: Callable[[Context], Context]) -> None:
    assert context.then("a").key == context.then("a").key
    assert len({context.key, context.then("a").key, change(context).key}) == 3
