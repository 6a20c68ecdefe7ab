"""Pages as people see them: in a real browser, on a phone, a tablet and a desktop, light and dark."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.evaluate.calibration_page import write_calibration
from apsi.evaluate.comparison import Compared
from apsi.evaluate.comparison_page import write_comparison
from apsi.evaluate.multirun import summarise_multirun
from apsi.juror.mapping import Linear
from apsi.juror.proposal import propose
from apsi.policy.rollout import EpisodeResult
from apsi.tracking.recorded import RecordedRun
from apsi.tracking.run_folder import FAILED, RunFolder
from tests.browsers import NEEDS_CHROMIUM, browser, serious
from tests.evaluate.test_comparison import compared
from tests.evaluate.test_multirun import make_run
from tests.evaluate.test_report import report
from tests.search.test_page import page_of, search

__all__ = ["browser"]
pytestmark = NEEDS_CHROMIUM

WIDTHS = (400, 800, 1400)
LONG = "holiday_2024/a_rather_long_name_of_a_file_without_any_place_to_break_it_0123456789.jpeg"
TEXTS = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || parent.closest('defs, style') || !parent.checkVisibility()) continue;
    const shown = parent.closest('[role=region], pre');
    const clip = shown ? shown.getBoundingClientRect() : null;
    const svg = parent.closest('svg');
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (!box.width || !box.height) continue;
      if (clip && (box.right > clip.right + 1 || box.bottom > clip.bottom + 1)) continue;  // scrolled out of sight
      const rim = svg ? svg.getBoundingClientRect() : box;
      const scale = svg ? svg.clientWidth / svg.viewBox.baseVal.width : 1;
      found.push({
        text: node.data.trim().slice(0, 40), left: box.left, right: box.right, top: box.top, bottom: box.bottom,
        size: parseFloat(getComputedStyle(parent).fontSize) * scale,
        outside: Math.max(rim.left - box.left, box.right - rim.right, rim.top - box.top, box.bottom - rim.bottom),
      });
    }
  }
  return found;
}"""


@pytest.fixture
def pages(results: dict[str, list[EpisodeResult]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """A page of each kind with names and numbers of the awkward kind."""
    played = [replace(r, episode=replace(r.episode, source=LONG)) for r in results["greedy"]]
    more = [replace(r, frames=(*r.frames, *r.frames[:1]) if r.frames else (), success=False) for r in played]
    idle = [replace(r, episode=replace(r.episode, source=LONG)) for r in results["nothing"]]
    history = [
        {"timesteps": t, "val_success_rate": t / 1e5, "val_mean_gain": t / 3e5 - 0.1, "train_success_rate": t / 2e5}
        for t in range(0, 100_001, 10_000)
    ]
    report(tmp_path, {"agent": more, "nothing": idle, "greedy": played, "a_policy_with_a_long_name": more}, history)
    outcomes = [(f"{i}.jpg", float(i % 2), i / 7 - 1) for i in range(20)]
    curve = [(t, t / 1e5) for t in range(0, 100_001, 20_000)]
    runs: list[Compared] = [
        replace(
            compared(f"/home/someone/outputs/pipeline/2026-11-2{i}_10-11-12-123456", outcomes, gamma=f"0.{i}"),
            curve=curve,
        )
        for i in range(1, 5)
    ]
    write_comparison(tmp_path, runs)
    (tmp_path / "search").mkdir()
    page_of(search(20), tmp_path / "search")
    monkeypatch.setattr(RecordedRun, "curve", lambda run, metric: [(t, v / (2 + len(run.name) % 3)) for t, v in curve])
    multirun = tmp_path / "a_rather_long_name_of_a_folder" / "multirun"
    for i, (algo, seed) in enumerate(
        (algo, seed) for algo in ("ppo", "feature_extractor=nature_cnn") for seed in (1, 2)
    ):
        make_run(multirun / str(i), algo, seed)
    make_run(multirun / "9", "ppo", 3)
    RunFolder(multirun / "9").finish(FAILED, error="the picture /home/someone/outputs/pipeline/a.png can't be written")
    with pytest.raises(ApsiError, match="1 of 5 runs"):
        summarise_multirun(multirun)
    values = np.linspace(-3, 3, 12)
    write_calibration(
        tmp_path,
        names=[f"{i} {LONG}" for i in range(12)],
        photos=[r.frames[0].photo for r in played[:2]] * 6,
        values=values,
        degraded=values - 1,
        proposal=propose(Linear, values, values - 1),
        command=f"python run.py juror=onnx juror.path=/home/someone/{LONG}.onnx juror.size=224",
        described=["It names no normalisation."],
    )
    return {
        "calibration": tmp_path / "calibration.html",
        "multirun": multirun / "multirun.html",
        "report": tmp_path / "report.html",
        "comparison": tmp_path / "comparison.html",
        "search": tmp_path / "search" / "report.html",
    }


@pytest.mark.parametrize("kind", ["report", "comparison", "search", "multirun", "calibration"])
def test_a_page_can_be_read_on_every_screen_and_by_everyone(kind: str, pages: dict[str, Path], browser: Any) -> None:
    for scheme in ("light", "dark"):
        for width in WIDTHS:
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            asked: list[str] = []
            said: list[str] = []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.on("console", lambda message, said=said: said.append(message.text))
            page.goto(pages[kind].as_uri())
            place = f"{kind}, {width} px, {scheme}"
            assert [url for url in asked if not url.startswith(("file:", "data:"))] == [], place
            _check_folded_and_unfolded(page, width, place)
            _check_colours(page, scheme, place)
            assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)"), place
            assert serious(page) == [], place
            assert said == [], place  # the content policy reports there what it blocked
            page.close()


def _check_folded_and_unfolded(page: Any, width: int, place: str) -> None:
    for _ in range(2):
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place
        texts = page.evaluate(TEXTS)
        assert len(texts) > 50, place
        assert [(a["text"], b["text"]) for a, b in _overlaps(texts)] == [], place
        assert [text["text"] for text in texts if text["outside"] > 2] == [], f"{place}: cut off"
        assert [text["text"] for text in texts if text["size"] < 7.5] == [], f"{place}: too small"
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")


def _overlaps(texts: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pairs of boxes of text that share more than the rim of their letters."""
    ordered = sorted(texts, key=lambda text: text["top"])
    found = []
    for i, a in enumerate(ordered):
        for b in ordered[i + 1 :]:
            if b["top"] >= a["bottom"]:
                break
            high = min(a["bottom"], b["bottom"]) - b["top"]
            wide = min(a["right"], b["right"]) - max(a["left"], b["left"])
            if wide > 2 and high > 0.3 * min(a["bottom"] - a["top"], b["bottom"] - b["top"]):
                found.append((a, b))
    return found


def _check_colours(page: Any, scheme: str, place: str) -> None:
    """Text in plots is of the same colour as the page's, which is light on dark in the dark and dark on light else."""
    paper, ink, plots = page.evaluate(
        """() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color,
                  [...document.querySelectorAll('.plot svg text')].map(text => getComputedStyle(text).fill)]"""
    )
    assert set(plots) == {ink}, place
    assert (_brightness(paper) < _brightness(ink)) is (scheme == "dark"), place


def _brightness(colour: str) -> int:
    return sum(int(part) for part in colour[4:-1].split(","))
