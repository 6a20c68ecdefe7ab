"""What an object holds that changes, as plain values and arrays: kept in checkpoints and given back, without pickle."""

import json
from collections.abc import Mapping
from typing import IO, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

State: TypeAlias = dict[str, Any]
"""Nested dicts with text keys and lists of what JSON knows, and arrays; tuples come back as lists"""

_ARRAY = "$array"
_TREE = "tree"


@runtime_checkable
class Stateful(Protocol):
    """Something whose state can be taken and given back to another one made alike."""

    def state(self) -> State:
        """What changes; arrays are not copied."""

    def restore(self, state: State) -> None:
        """Goes on as the one that the state was taken of would.

        Raises:
            KeyError, TypeError, ValueError: it does not fit.
        """


def write_state(file: IO[bytes], state: State) -> None:
    """Writes a state; an array that is in it several times is written once."""
    names: dict[int, str] = {}
    arrays: dict[str, npt.NDArray[Any]] = {}

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            name = names.setdefault(id(value), f"a{len(names)}")
            arrays[name] = value
            return {_ARRAY: name}
        if isinstance(value, Mapping):
            return {key: plain(inner) for key, inner in value.items()}
        return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value

    tree = json.dumps(plain(state)).encode()
    np.savez(file, allow_pickle=False, **{_TREE: np.frombuffer(tree, np.uint8)}, **arrays)


def read_state(file: IO[bytes]) -> State:
    """Reads what `write_state` wrote; runs nothing that is in it.

    Raises:
        KeyError, TypeError, ValueError, zipfile.BadZipFile: it is damaged.
    """
    with np.load(file, allow_pickle=False) as members:
        arrays = {name: members[name] for name in members.files}

    def whole(value: Any) -> Any:
        if isinstance(value, dict):
            return arrays[value[_ARRAY]] if _ARRAY in value else {name: whole(inner) for name, inner in value.items()}
        return [whole(inner) for inner in value] if isinstance(value, list) else value

    state = whole(json.loads(arrays[_TREE].tobytes()))
    if not isinstance(state, dict):
        raise TypeError("a state is a dict")
    return state


def fill(target: npt.NDArray[Any], values: npt.NDArray[Any]) -> None:
    """Puts values into an array of the same shape and type; anything else is a ValueError."""
    if values.shape != target.shape or values.dtype != target.dtype:
        raise ValueError(f"{values.shape} {values.dtype} where {target.shape} {target.dtype} is needed")
    target[...] = values


def generator_state(rng: np.random.Generator) -> State:
    """Where a generator stands."""
    return dict(rng.bit_generator.state)


def generator(state: State) -> np.random.Generator:
    """A new generator that stands there."""
    rng = np.random.default_rng(0)
    rng.bit_generator.state = state
    return rng
