"""The pictures of the pages: each is there and is shown, and the gallery has every transform."""

import re
from pathlib import Path

import pytest
from PIL import Image

from apsi.transform.catalogue import by_label, catalogue, parsers
from docs.gallery import COLUMNS, FOLDER, HEIGHT, WIDTH, gallery, labels, main, shown
from docs.hooks import on_page_markdown
from tests.command_line import REPOSITORY

DOCS = REPOSITORY / "docs"
PICTURES = {".png", ".webp", ".jpg", ".jpeg", ".gif", ".svg"}


def pictures_of(page: Path) -> list[tuple[str, Path]]:
    """Alternative text and file of each picture that a page shows."""
    text = page.read_text(encoding="utf-8").replace("<!-- gallery -->", gallery())
    found = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text)
    for tag in re.findall(r"<img [^>]*>", text):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        found.append((attributes.get("alt", ""), attributes["src"]))
    return [(alt, (page.parent / source.partition("#")[0]).resolve()) for alt, source in found]


def test_each_picture_of_a_page_exists_and_has_alt_text_and_each_picture_in_docs_is_shown() -> None:
    pages = [REPOSITORY / "README.md", *sorted(DOCS.rglob("*.md"))]
    used = {page: pictures_of(page) for page in pages}
    assert not [
        (page.name, alt, file.name) for page, found in used.items() for alt, file in found if not file.is_file()
    ]
    assert not [(page.name, file.name) for page, found in used.items() for alt, file in found if len(alt) < 3]
    there = {path for path in DOCS.rglob("*") if path.suffix.lower() in PICTURES}
    assert there and there == {file for found in used.values() for _, file in found}


def test_the_pictures_take_little_room() -> None:
    sizes = {path.name: path.stat().st_size for path in DOCS.rglob("*") if path.suffix.lower() in PICTURES}
    assert sum(sizes.values()) < 6_000_000
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2_000_000


def test_the_gallery_has_every_transform_that_there_is() -> None:
    in_pictures = {family: [cell.label for cell in cells] for family, cells in shown().items()}
    assert in_pictures == labels(), "run python docs/gallery.py"
    every = {label for members in in_pictures.values() for label in members}
    assert every >= catalogue().keys()
    assert {label.partition("(")[0] for label in every} >= parsers().keys()


def test_the_page_shows_each_with_its_advice_in_the_cell_that_it_has() -> None:
    page = on_page_markdown((DOCS / "gallery.md").read_text(encoding="utf-8"))
    for family, cells in shown().items():
        with Image.open(FOLDER / f"{family}.webp") as sheet:
            assert sheet.size == (COLUMNS * WIDTH, -(-len(cells) // COLUMNS) * HEIGHT)
        assert page.count(f'src="assets/gallery/{family}.webp"') == len(cells)
    assert "<code>warmth</code> " + by_label("warmth").advice in page
    assert 'alt="exposure(+1.000)" width="180" height="120" loading="lazy" style="object-position: -540px -0px"' in page


@pytest.mark.slow
def test_the_command_makes_the_gallery_that_is_there(tmp_path: Path) -> None:
    main(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in FOLDER.iterdir()}
    assert shown(tmp_path) == shown()
