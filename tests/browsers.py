"""Chromium for tests of pages: `from tests.browsers import NEEDS_CHROMIUM, browser`.

Needs the extra `browser` and a Chromium; docs/developing.md says how to install them. Tests are skipped without.
"""

import importlib.util
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
_MISSING = [name for name in ("playwright", "axe_playwright_python") if importlib.util.find_spec(name) is None]

NEEDS_CHROMIUM = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(_MISSING), reason="needs playwright and axe: pip install 'apsi[browser]'"),
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@contextmanager
def watched_page(browser: Any, url: str, **context: Any) -> Iterator[Any]:
    """A page of the server at `url`; nothing may be asked of other servers, be blocked or go wrong in its scripts."""
    opened = browser.new_context(**context)
    page = opened.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if "status of 4" not in message.text else None)
    yield page
    assert [address for address in asked if not address.startswith((url, f"blob:{url}"))] == []
    assert wrong == []
    opened.close()


def until(page: Any, condition: str) -> None:
    """Waits for what a script says; Playwright's own way to needs what the pages' policy forbids."""
    deadline = time.monotonic() + 10
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(20)


def serious(page: Any) -> list[tuple[str, list[str]]]:
    """What axe calls serious or critical, with the places."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        (violation["id"], [node["html"][:100] for node in violation["nodes"]][:3])
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
