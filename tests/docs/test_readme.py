"""The README is short, and leads on to every page."""

import re
from pathlib import Path

from tests.command_line import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PAGES = {f"docs/{path.name}": path for path in (REPOSITORY / "docs").glob("*.md")}


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub and MkDocs make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_its_links_lead_to_files_and_headings_and_every_page_is_reached() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)#?([^)]*)\)", README)
    for file, anchor in links:
        assert (REPOSITORY / file).is_file(), file
        assert not anchor or anchor in anchors(PAGES[file]), f"{file}#{anchor}"
    assert {file for file, _ in links} >= PAGES.keys() - {"docs/index.md"}
