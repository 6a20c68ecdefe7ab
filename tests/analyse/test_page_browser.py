"""The page of an analysis and the scoring report in a real browser: on a phone and a desktop, light and dark."""

from pathlib import Path
from typing import Any

import pytest

from apsi.analyse.analysis import Analysis
from apsi.analyse.page import SCORING_PAGE, write_page
from apsi.analyse.scoring import write_scoring
from apsi.preprocess.engine.local import Local
from apsi.preprocess.steps import Prepared
from tests.browsers import NEEDS_CHROMIUM, browser, serious, watched_page

__all__ = ["browser"]
pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def pages(analysis: Analysis, made: Prepared, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    write_page(folder / "analysis.html", analysis, seed=0, seconds={"resize": 1.5, "degrade": 12.25})
    write_scoring(made.folder, folder, Local(1), seed=0)
    return {"analysis": folder / "analysis.html", "scoring": folder / SCORING_PAGE}


@pytest.mark.parametrize("kind", ["analysis", "scoring"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_everyone_can_read_it(kind: str, scheme: str, width: int, pages: dict[str, Path], browser: Any) -> None:
    url = pages[kind].as_uri()
    look = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    with watched_page(browser, url, **look) as page:
        page.goto(url)
        assert page.evaluate("document.querySelectorAll('img').length") > 10
        assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing is wider than the screen"
