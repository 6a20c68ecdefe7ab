"""The site in a browser: from a server as it is published, and opened from its folder."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.browsers import NEEDS_CHROMIUM, browser, serious, until, watched_page
from tests.command_line import REPOSITORY

__all__ = ["browser"]

pytestmark = NEEDS_CHROMIUM
PAGES = sorted(path.stem for path in (REPOSITORY / "docs").glob("*.md"))
SIZES = {"narrow": {"width": 400, "height": 900}, "wide": {"width": 1400, "height": 900}}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """Where the site is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("size", "colours"), [("narrow", "dark"), ("wide", "light")])
@pytest.mark.parametrize("name", PAGES)
def test_pages_can_be_read_by_everybody(name: str, size: str, colours: str, browser: Any, served: str) -> None:
    with watched_page(browser, served, viewport=SIZES[size], color_scheme=colours) as page:
        page.goto(f"{served}/{name}.html")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the window"
        assert page.evaluate("document.body.dataset.mdColorScheme") == {"light": "default", "dark": "slate"}[colours]
        assert serious(page) == []


@pytest.mark.parametrize("size", SIZES)
def test_searching_finds_pages_without_a_server(size: str, browser: Any, site: Path) -> None:
    with watched_page(browser, f"file://{site}", viewport=SIZES[size]) as page:
        page.goto(f"file://{site}/index.html")
        page.click("label[for=__search]" if size == "narrow" else ".md-search__input")
        page.locator(".md-search__input").press_sequentially("quantile")  # it listens for keys
        until(page, "document.querySelectorAll('.md-search-result__link').length > 0")
        page.locator(".md-search-result__link", has_text="Configuration").first.click()
        until(page, "location.pathname.endsWith('/configuration.html')")
