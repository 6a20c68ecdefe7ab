"""Links of README.md and docs/ lead to files and headings that are there; those to other sites are whole addresses."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from markdown.extensions.toc import slugify

from tests.docs.blocks import PAGES

LINK = re.compile(r"\]\(<?([^)\s>]*)>?(?: \"[^\"]*\")?\)|(?:href|src)=\"([^\"]*)\"|^\[[^]]+\]: (\S+)", re.MULTILINE)


def prose(page: Path) -> str:
    """A page without its code, in which what looks like a link or a heading is none."""
    text = re.sub(r"^( *)(`{3,}).*?^\1\2 *$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "`code`", text)


def links(page: Path) -> list[str]:
    return ["".join(found) for found in LINK.findall(prose(page))]


@cache
def anchors(page: Path) -> frozenset[str]:
    """What `#` may name on a page: headings, as MkDocs writes them, and classes and functions that it describes."""
    text = re.sub(r"^( *)(`{3,}).*?^\1\2 *$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)|[`*]", r"\1", heading) for heading in headings)
    return frozenset([*(slugify(heading, "-") for heading in plain), *re.findall(r"^::: (\S+)$", text, re.MULTILINE)])


def wrong(link: str, page: Path) -> str:
    """What is wrong with a link; nothing where it leads somewhere."""
    place = urlsplit(link)
    if place.scheme:
        return "" if place.scheme in ("http", "https", "mailto") and (place.netloc or place.path) else "no address"
    if place.netloc or place.path.startswith("/"):
        return "leads out of the repository"
    target = (page.parent / place.path).resolve() if place.path else page
    if not target.exists():
        return "leads to no file"
    if place.fragment and place.fragment not in (anchors(target) if target.suffix == ".md" else ()):
        return "leads to no heading"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert {link: said for link in links(page) if (said := wrong(link, page))} == {}


def test_links_are_found_at_all() -> None:
    assert sum(len(links(page)) for page in PAGES) >= 100


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `heading` of [ours](a.md)\n\n[a](b.md) [b](#c) [c](//d) [d](https:e)\n\n```bash\n# e\n```\n")
    assert [wrong(link, page) for link in links(page)] == [
        "leads to no file",
        "leads to no file",
        "leads to no heading",
        "leads out of the repository",
        "",
    ]
    assert wrong("#a-heading-of-ours", page) == "" and wrong("#e", page) == "leads to no heading"
    assert wrong("https://", page) == "no address"
