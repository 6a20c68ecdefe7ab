"""The scoring report of `task=preprocess`: what the juror says of the photos that were just prepared."""

import json
import logging
import time
from pathlib import Path

from apsi.analyse.analysis import overview
from apsi.analyse.embedding import Layout
from apsi.analyse.material import Material
from apsi.analyse.page import SCORING_PAGE, write_page
from apsi.preprocess.engine.base import Engine

log = logging.getLogger(__name__)

TIMINGS = "timings.json"
"""In the folder of the run: by step, the seconds that it took"""
MOST = 2000
"""Photos at most that are put into groups: the report is to cost little beside preparing"""


def write_scoring(prepared: Path, folder: Path, engine: Engine, seed: int) -> float:
    """Writes `scoring.html` and returns the seconds that it took.

    Args:
        prepared: the prepared folder.
        folder: of the run; the seconds of each step stand in its `timings.json`, where there is one.
        engine: reads photos.
        seed: of what is drawn.
    """
    began = time.monotonic()
    analysis = overview(Material.load(prepared), Layout(), engine, seed=seed, most=MOST)
    write_page(folder / SCORING_PAGE, analysis, seed=seed, seconds=_seconds(folder / TIMINGS))
    seconds = round(time.monotonic() - began, 2)
    log.info("Scoring report: %s", folder / SCORING_PAGE)
    return seconds


def _seconds(path: Path) -> dict[str, float] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return {str(step): float(value) for step, value in content.items()} or None
