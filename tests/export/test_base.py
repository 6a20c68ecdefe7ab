"""Several exports at once, and the names of their files."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.errors import ApsiError
from apsi.export.base import Export, export_all, file_in
from apsi.photo.write import write_text
from apsi.transform.recipe import Recipe
from tests.export.recipes import PHOTO
from tests.test_conf import OPTIONS

ALL = [option for group, option in OPTIONS if group == "export"]


def exports() -> dict[str, Export]:
    config = load_config([f"export=[{','.join(ALL)}]"])
    return {str(option): instantiate(node) for option, node in config.export.items()}


@given(st.text())
def test_a_file_lies_in_its_folder_whatever_the_name(name: str) -> None:
    path = file_in(Path("out"), name, "cube")
    assert path.parent == Path("out")
    assert re.fullmatch(r'[^\\/:*?"<>|\x00-\x1f]+\.cube', path.name)
    assert path.name.encode("utf-8")
    assert not path.name.startswith((".", " "))
    assert len(path.name.encode()) <= 255 - len(".rawtherapee.pp3")


@pytest.mark.parametrize("name", ["a" * 300, "照片" * 45, "📷" * 100])
def test_a_long_name_is_written_whatever_its_letters(tmp_path: Path, name: str) -> None:
    path = file_in(tmp_path, name, "darktable.dtstyle")
    write_text(path, "style")
    assert path.read_text() == "style"
    assert name.startswith(path.name.removesuffix(".darktable.dtstyle"))


def test_a_plain_name_stays() -> None:
    assert file_in(Path(), "a" * 119 + "é", "cube").name == "a" * 119 + "é.cube"
    assert file_in(Path(), "Grün & Söhne (2)", "cube").name == "Grün & Söhne (2).cube"


@pytest.mark.slow
def test_every_export_says_of_every_step_whether_it_holds_it(tmp_path: Path) -> None:
    recipe = Recipe.of(["white_balance", "gamma_up", "blur_box_3", "crop_thirds", "flip_vertical"])
    results = export_all(exports(), recipe, PHOTO, tmp_path, "../it")
    assert list(results) == ALL
    assert len(ALL) >= 5
    for option, result in results.items():
        assert {"blur_box_3", "flip_vertical"} <= {one.label for one in result.left_out}, option
        assert all(path.parent == tmp_path and path.is_file() for path in result.paths)
        assert "white_balance" in result.notes[0]
    assert {path.name for path in tmp_path.iterdir()} == {p.name for r in results.values() for p in r.paths}


def test_nothing_is_written_where_a_photo_is_needed_and_missing(tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match="photo=FILE"):
        export_all(exports(), Recipe.of(["gamma_up", "auto_contrast"]), None, tmp_path, "it")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("labels", [[], ["blur_box_3", "flip_vertical"]])
def test_no_export_writes_a_file_of_nothing(labels: list[str], tmp_path: Path) -> None:
    for option, result in export_all(exports(), Recipe.of(labels), PHOTO, tmp_path, "it").items():
        assert result.paths == (), option
        assert [one.label for one in result.left_out] == labels, option
        assert result.notes, option
