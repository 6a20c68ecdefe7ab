"""The pictures of the pages: each is there and is shown, and the gallery has every transform."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from apsi.transform.catalogue import by_label, catalogue, parsers
from docs import screenshots, stories
from docs.gallery import COLUMNS, FOLDER, HEIGHT, WIDTH, gallery, labels, main, shown
from docs.hooks import on_page_markdown
from tests.browsers import NEEDS_CHROMIUM
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
    assert max(path.stat().st_size for path in (DOCS / "assets" / "screenshots").iterdir()) < screenshots.MAX_BYTES


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


def test_the_stories_show_every_table_and_only_what_their_commands_made() -> None:
    for name in stories.STORIES:
        page = (DOCS / f"story-{name}.md").read_text(encoding="utf-8")
        tables = json.loads((stories.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        assert set(re.findall(r"<!-- story (\S+) -->", page)) == {f"{name}.{table}" for table in tables}
        assert all(row.keys() == rows[0].keys() for rows in tables.values() for row in rows)
    assert stories.story("advice.steps").startswith("| step | advice | gained |")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in stories.STORIES if name != "taste"])
def test_a_story_is_what_its_command_makes(tmp_path: Path, name: str) -> None:
    stories.main([name], tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {path.name for path in stories.FOLDER.glob(f"{name}*")}
    assert json.loads((tmp_path / f"{name}.json").read_text()) == json.loads(
        (stories.FOLDER / f"{name}.json").read_text()
    )


@pytest.mark.slow
def test_the_story_of_taste_can_be_made_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stories, "ENOUGH", (("warm_tight", 12),))
    monkeypatch.setattr(stories, "PEOPLE", (("warm_tight", 12), ("wide_calm", 12)))
    monkeypatch.setattr(stories, "TASTED", stories.TASTED[:1])
    stories.main(["taste"], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in stories.FOLDER.glob("taste*")}
    rows = json.loads((tmp_path / "taste.json").read_text(encoding="utf-8"))["figures"]
    assert [row["made-up person"] for row in rows] == ["warm, tight", "wide, calm"]


class TestScreenshots:
    """The command takes every picture that the pages show."""

    pytestmark = NEEDS_CHROMIUM

    def test_they_are_taken_of_what_it_ran(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        small = tuple((*run, "train.total_timesteps=512") if "debug=tiny" in run else run for run in screenshots.RUNS)
        monkeypatch.setattr(screenshots, "RUNS", small)
        screenshots.main(tmp_path / "work", tmp_path / "pictures")
        made = {path.name: path for path in (tmp_path / "pictures").iterdir()}
        assert made.keys() == {path.name for path in screenshots.PLACE.iterdir()}
        for path in made.values():
            with Image.open(path) as picture:
                assert picture.size == Image.open(screenshots.PLACE / path.name).size
                assert len(picture.getcolors(1 << 24) or []) > 50, f"{path.name} is blank"
