"""The packages of apsi import in one direction: no circle between rooms or files, imports inside functions included."""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import apsi

ROOT = Path(apsi.__file__).parent
MODULES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in ROOT.rglob("*.py")
}


def imports(path: Path) -> Iterator[str]:
    """Modules of apsi that a file imports anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            below = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in MODULES else str(node.module) for name in below)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)


def room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def circle(edges: Mapping[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_what_is_imported_inside_functions_is_seen_too() -> None:
    assert len(MODULES) > 200
    assert "apsi.evaluate.multirun" in set(imports(MODULES["apsi.multirun"]))
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == {"a", "b", "c"}
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


def test_no_file_is_part_of_a_circle() -> None:
    assert circle({name: set(imports(path)) - {name} for name, path in MODULES.items()}) == []


def test_no_room_is_part_of_a_circle() -> None:
    edges: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        edges.setdefault(room(name), set()).update({room(found) for found in imports(path)} - {room(name)})
    edges.pop("apsi")  # the version, which everything may name
    assert circle(edges) == []
