"""States are written and read back as they were, and nothing in a damaged or foreign one runs."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from apsi.state import State, fill, generator, generator_state, read_state, write_state


def written(state: State) -> io.BytesIO:
    file = io.BytesIO()
    write_state(file, state)
    file.seek(0)
    return file


def test_values_and_arrays_come_back_as_they_were() -> None:
    state: State = {
        "numbers": [1, 0.1 + 0.2, 2**127 + 1, None, True, "ü"],
        "nested": {"list": [{"array": np.arange(6, dtype=np.int16).reshape(2, 3)}], "empty": []},
        "flags": np.array([True, False]),
    }
    back = read_state(written(state))
    assert back["numbers"] == state["numbers"]
    array = back["nested"]["list"][0]["array"]
    assert array.dtype == np.int16 and array.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert back["flags"].tolist() == [True, False] and back["nested"]["empty"] == []


def test_an_array_that_is_there_twice_is_written_once() -> None:
    photo = np.zeros((50, 50, 3), np.uint8)
    file = written({"starts": [photo, photo], "photos": [photo]})
    with zipfile.ZipFile(file) as members:
        assert len(members.namelist()) == 2
    back = read_state(file)
    assert back["starts"][0] is back["photos"][0]


def test_a_generator_goes_on_where_it_stood() -> None:
    rng = np.random.default_rng(5)
    rng.integers(10, size=3, dtype=np.int32)  # half a draw is kept
    state = read_state(written(generator_state(rng)))
    assert generator(state).random(9).tolist() == rng.random(9).tolist()


def test_what_is_damaged_or_could_run_is_an_error(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return (Path.touch, (tmp_path / "ran",))

    pickled = io.BytesIO()
    np.savez(pickled, tree=np.array([Evil()], dtype=object))
    listed = io.BytesIO()
    np.savez(listed, tree=np.frombuffer(b"[1]", np.uint8))
    lost = io.BytesIO()
    np.savez(lost, tree=np.frombuffer(b'{"a": {"$array": "a0"}}', np.uint8))
    for file in (pickled, listed, lost, io.BytesIO(pickle.dumps(Evil())), io.BytesIO(b"none")):
        file.seek(0)
        with pytest.raises((KeyError, TypeError, ValueError, zipfile.BadZipFile)):
            read_state(file)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("values", [np.zeros(1), np.zeros((3, 1)), np.zeros(3, np.float32)], ids=str)
def test_only_what_fits_is_filled_in(values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="is needed"):
        fill(np.ones(3), values)
