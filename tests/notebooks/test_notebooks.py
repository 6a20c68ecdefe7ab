"""The notebooks run anywhere, show pictures, and hold nothing of the machine that they were written on."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import REPOSITORY

NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
_STRIP = "clear all outputs in the editor before saving, in JupyterLab Edit, Clear Outputs of All Cells"
_MACHINE = re.compile(r"(?<![\w.~])/(home|Users|root|tmp|work|mnt|opt|var|usr|private|content)/|[A-Za-z]:\\\\")


def cells(notebook: Path) -> list[dict[str, Any]]:
    return list(json.loads(notebook.read_text(encoding="utf-8"))["cells"])


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def test_the_page_lists_every_notebook() -> None:
    page = (REPOSITORY / "docs" / "notebooks.md").read_text(encoding="utf-8")
    assert len(NOTEBOOKS) == 7
    assert sorted(set(re.findall(r"\w+\.ipynb", page))) == [notebook.name for notebook in NOTEBOOKS]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
class TestSource:
    """What can be seen without running one."""

    def test_outputs_are_stripped(self, notebook: Path) -> None:
        for cell in cells(notebook):
            assert not cell.get("outputs") and cell.get("execution_count") is None, f"{notebook.name}: {_STRIP}"

    def test_it_begins_with_its_title_and_what_it_is_for(self, notebook: Path) -> None:
        first = cells(notebook)[0]
        assert first["cell_type"] == "markdown" and source(first).startswith("# ")
        assert len(source(first).split()) > 40

    def test_it_says_in_one_line_how_to_take_photos_of_ones_own(self, notebook: Path) -> None:
        assert any(re.search(r"# .*(photos?) of your own|your own photos", source(cell)) for cell in cells(notebook))

    def test_it_names_no_place_on_a_machine(self, notebook: Path) -> None:
        for cell in cells(notebook):
            assert not _MACHINE.search(source(cell)), source(cell)

    def test_files_that_it_links_to_are_there(self, notebook: Path) -> None:
        text = "\n".join(source(cell) for cell in cells(notebook) if cell["cell_type"] == "markdown")
        links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
        for link in links:
            assert (notebook.parent / link).is_file(), link


def test_a_place_on_a_machine_is_found() -> None:
    for named in ('"/home/someone/x"', "'/tmp/x'", "'C:\\\\Users'"):
        assert _MACHINE.search(named)
    assert not _MACHINE.search('work / "data"  # ~/Photos, sqlite:///outputs/mlflow.db and ../docs/figures.md')


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_from_top_to_bottom_and_shows_pictures(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")])))
    for variable in ("TMPDIR", "IPYTHONDIR", "JUPYTER_CONFIG_DIR"):  # nothing is left behind or taken from elsewhere
        monkeypatch.setenv(variable, str(tmp_path))
    read = nbformat.read(notebook, as_version=4)
    client = NotebookClient(read, timeout=1800, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}})
    client.execute()  # raises what a cell raises
    outputs = [output for cell in read.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2
    said = "".join(output["text"] for output in outputs if output.output_type == "stream" and output.name == "stderr")
    assert "Warning" not in said, said
