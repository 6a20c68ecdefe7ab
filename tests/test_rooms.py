"""The packages of apsi import in one direction: no circle between rooms or files, imports inside functions included."""

import ast
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import apsi
from tests.command_line import REPOSITORY

PAGE = REPOSITORY / "docs" / "developing.md"
ORDER = re.findall(r"`(\w+)`", "".join(re.findall(r"^\d\. .+\n", PAGE.read_text(encoding="utf-8"), re.MULTILINE)))
"""The packages as the page lists them"""
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


def edges() -> dict[str, set[str]]:
    """By room, the others that it imports from."""
    found: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        found.setdefault(room(name), set()).update({room(other) for other in imports(path)} - {room(name)})
    found.pop("apsi")  # the version, which everything may name
    return found


def test_no_room_is_part_of_a_circle() -> None:
    assert circle(edges()) == []


def test_a_package_imports_only_from_those_that_the_page_lists_before_it() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert sorted(ORDER) == sorted(packages), f"{PAGE.name} lists every package once"
    places = {f"apsi.{name}": place for place, name in enumerate(ORDER)}
    against = {
        f"{importer} imports {other}"
        for importer, others in edges().items()
        for other in others
        if places.get(other, -1) > places.get(importer, len(ORDER))
    }
    assert not against
