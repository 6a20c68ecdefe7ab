"""The page of classes and functions names what is there and says what it does, and is made without importing it."""

import ast
import re

import pytest
import yaml

from tests.command_line import REPOSITORY

NAMED = re.findall(r"^::: (\S+)$", (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("name", NAMED)
def test_what_the_page_names_is_defined_there_with_a_docstring(name: str) -> None:
    module, _, inside = name.rpartition(".")
    text = (REPOSITORY / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    found = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    assert ast.get_docstring(found[inside]), name


def test_the_page_names_every_base_that_extending_has_an_example_of() -> None:
    text = (REPOSITORY / "docs" / "extending.md").read_text(encoding="utf-8")
    bases = set(re.findall(r"^from (apsi\.\w+\.base) import (?:\w+, )*([A-Z]\w+)$", text, re.MULTILINE))
    assert {f"{module}.{name}" for module, name in bases} <= {*NAMED, "apsi.transform.base.Named"}


def test_the_site_reads_the_source_and_asks_no_other_site() -> None:
    text = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8")
    plugin = next(entry["mkdocstrings"] for entry in yaml.safe_load(text)["plugins"] if "mkdocstrings" in entry)
    assert plugin["handlers"]["python"]["options"]["allow_inspection"] is False
    assert "inventories" not in plugin["handlers"]["python"]
