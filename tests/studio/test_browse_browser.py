"""The page of all photos in Chromium: 100,000 of them, every filter and sort, keys, the back button, stars, kill -9."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from apsi.advise.words import Words
from apsi.browse.stars import Stars
from apsi.config.compose import load_config
from apsi.photo.write import write_png
from tests.browse.made import SET, random_records, record, write_pictures, write_run, write_set
from tests.browse.reference import frame_of, wanted_from
from tests.browsers import NEEDS_CHROMIUM, browser, serious, until, watched_page
from tests.command_line import REPOSITORY
from tests.conftest import natural_photo
from tests.studio.browsed import Browsed, browsed

__all__ = ["browser"]
pytestmark = NEEDS_CHROMIUM
DESKTOP = {"viewport": {"width": 1400, "height": 900}, "reduced_motion": "reduce"}
READY = "document.body.dataset.ready === 'true' && document.getElementById('grid').dataset.query !== undefined"
CELLS = "[...document.querySelectorAll('.cell')]"
IDS = f"{CELLS}.sort((a, b) => a.dataset.index - b.dataset.index).map((cell) => cell.dataset.id)"
OPEN = "document.getElementById('detail').dataset.photo"


def shows(query: str) -> str:
    """A condition: the grid and the counts are those of this query."""
    return f"document.getElementById('grid').dataset.query === {query!r} && {OF_COUNTS} === {query!r}"


OF_COUNTS = "document.getElementById('filters').dataset.query"


def found(page: Any) -> int:
    """How many photos the page says that there are."""
    return int(page.inner_text("#found").partition(" ")[0].replace(",", ""))


@pytest.fixture(scope="module")
def config() -> Any:
    return load_config(["tracking=none"])


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, config: Any) -> Iterator[tuple[Browsed, pd.DataFrame]]:
    """100,000 photos, of which a few have pictures, and the same as a table."""
    root = tmp_path_factory.mktemp("many")
    records = random_records(np.random.default_rng(0), 100_000)
    splits = {"train": records[:70_000], "val": records[70_000:85_000], "test": records[85_000:99_900]}
    folder = write_set(
        root / "data", splits, dropped=records[99_900:], skipped=[(f"no{i}.jpg", "empty") for i in range(30)]
    )
    for one in records[:40]:
        write_png(folder / "train" / "images" / one.file_name, natural_photo(int(one.file_name[:6])))
    with browsed(root, config) as served:
        yield served, frame_of(root / "data")


@pytest.fixture
def place(tmp_path: Path, config: Any) -> Path:
    """60 photos with pictures, and two runs."""
    records = write_pictures(tmp_path / "data", 60)
    images = [one.file_name for one in records if one.split == "test"]
    text = OmegaConf.to_yaml(config, resolve=True)
    first = {"agent": {image: ("swap_rb", 5.0 + i % 3) for i, image in enumerate(images)}}
    write_run(tmp_path / "out", "pipeline/one", first, config=text)
    second = {"agent": dict.fromkeys(images[2:], ("swap_rg warmth", 6.5))}
    write_run(tmp_path / "out", "pipeline/two", second, config=text)
    return tmp_path


def come_in(page: Any, url: str, query: str = "") -> None:
    page.goto(f"{url}/browse/{query}")
    until(page, READY)
    until(page, f"{CELLS}.length > 0")


def test_of_100_000_photos_only_those_in_sight_are_in_the_page(
    many: tuple[Browsed, pd.DataFrame], browser: Any
) -> None:
    served, frame = many
    expected = [f"{one:015x}" for one in wanted_from(frame, {}, set())["id"]]
    assert len(expected) == 99_900
    with watched_page(browser, served.url, **DESKTOP) as page:
        come_in(page, served.url)
        assert found(page) == 99_900
        for share in (0.5, 0.123, 1.0, 0.0):
            page.evaluate(
                f"(() => {{ const g = document.getElementById('grid'); g.scrollTop = g.scrollHeight * {share}; }})()"
            )
            page.wait_for_timeout(100)
            until(page, f"{CELLS}.length > 20")
            ids, first = (
                page.evaluate(IDS),
                page.evaluate(f"Math.min(...{CELLS}.map((cell) => Number(cell.dataset.index)))"),
            )
            assert len(ids) < 120 and ids == expected[first : first + len(ids)]
            assert abs(first - share * 99_900) < 150
        page.focus("#grid")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("End")
        until(page, "document.activeElement.dataset.index === '99899'")
        page.keyboard.press("Home")
        until(page, "document.activeElement.dataset.index === '0'")
        assert page.evaluate("document.getElementById('grid').getAttribute('aria-rowcount')") == str(
            -(-99_900 // page.evaluate("document.querySelectorAll('.line:first-child .cell').length"))
        )


QUERIES = [
    *(
        f"sort={name}{down}"
        for name in ("score", "initial", "improvement", "size", "edits")
        for down in ("", "&down=1")
    ),
    *(
        "down=1",
        "q=d3%2F",
        "q=äpfel 77",
        "split=val&split=test",
        "state=dropped",
        "state=skipped",
        "state=kept&state=skipped",
    ),
    *("edits=0&edits=3", "with=swap_rb&with=exposure", "score=2.5:7", "initial=:3", "improvement=-1:1.5&sort=score"),
    "q=d1&split=train&with=invert_r&edits=2&score=3:&initial=:8&improvement=-4:4&sort=improvement&down=1",
]


@pytest.mark.parametrize("query", QUERIES)
def test_every_filter_and_sort_is_that_of_pandas(many: tuple[Browsed, pd.DataFrame], browser: Any, query: str) -> None:
    served, frame = many
    values: dict[str, list[str]] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        values.setdefault(name, []).append(value.replace("%2F", "/"))
    expected = wanted_from(frame, values, set())
    with watched_page(browser, served.url, **DESKTOP) as page:
        come_in(page, served.url, f"?{query}")
        assert found(page) == len(expected)
        ids = page.evaluate(IDS)
        assert ids == [f"{one:015x}" for one in expected["id"][: len(ids)]]
        page.evaluate("(() => { const g = document.getElementById('grid'); g.scrollTop = g.scrollHeight; })()")
        page.wait_for_timeout(100)
        until(page, f"{CELLS}.some((cell) => cell.dataset.index === '{len(expected) - 1}')")
        last = page.evaluate(IDS)
        assert last == [f"{one:015x}" for one in expected["id"][-len(last) :]]


def test_choices_in_the_panel_narrow_and_the_back_button_takes_them_back(
    many: tuple[Browsed, pd.DataFrame], browser: Any
) -> None:
    served, frame = many
    with watched_page(browser, served.url, **DESKTOP) as page:
        come_in(page, served.url)
        page.check("[data-list=split] input[value=test]")
        until(page, shows("split=test"))
        page.check("[data-list=with] input[value=swap_rb]")
        until(page, shows("split=test&with=swap_rb"))
        page.focus("[data-range=score] input[aria-label$=least]")
        for _ in range(30):
            page.keyboard.press("ArrowRight")
        until(page, shows("split=test&with=swap_rb&score=3%3A"))
        page.select_option("#sort", "score")
        until(page, shows("split=test&with=swap_rb&score=3%3A&sort=score"))
        page.click("#down")
        until(page, shows("split=test&with=swap_rb&score=3%3A&sort=score&down=1"))
        values = {"split": ["test"], "with": ["swap_rb"], "score": ["3:"], "sort": ["score"], "down": ["1"]}
        expected = wanted_from(frame, values, set())
        assert found(page) == len(expected)
        ids = page.evaluate(IDS)
        assert ids == [f"{one:015x}" for one in expected["id"][: len(ids)]]
        count = page.inner_text("[data-list=split] label:has(input[value=val]) .count")
        assert int(count) == len(wanted_from(frame, values | {"split": ["val"]}, set()))
        page.go_back()
        page.go_back()
        until(page, shows("split=test&with=swap_rb&score=3%3A"))
        page.reload()
        until(page, READY)
        assert page.is_checked("[data-list=with] input[value=swap_rb]")
        assert float(page.input_value("[data-range=score] input[aria-label$=least]")) == 3
        page.keyboard.press("/")
        page.keyboard.type("d2/")
        until(page, shows("split=test&with=swap_rb&score=3%3A&q=d2%2F"))
        assert found(page) == len(
            wanted_from(frame, {k: values[k] for k in ("split", "with", "score")} | {"q": ["d2/"]}, set())
        )
        page.click("[data-do=clear]")
        until(page, shows(""))
        box = page.locator("[data-range=initial] svg").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 20, steps=4)
        page.mouse.up()
        page.wait_for_timeout(300)
        low, high = (
            float(end) for end in page.evaluate("new URLSearchParams(location.search).get('initial')").split(":")
        )
        assert low == pytest.approx(2.5, abs=0.1) and high == pytest.approx(7.5, abs=0.1)


def test_2000_photos_are_seen_wherever_one_goes(tmp_path: Path, browser: Any, config: Any) -> None:
    write_pictures(tmp_path / "data", 2000)
    loaded = "[...document.querySelectorAll('.cell img')].every((image) => image.complete && image.naturalWidth)"
    with browsed(tmp_path, config) as served, watched_page(browser, served.url, **DESKTOP) as page:
        come_in(page, served.url)
        for share in (0.0, 0.3, 0.9, 0.6, 1.0):
            page.evaluate(
                f"(() => {{ const g = document.getElementById('grid'); g.scrollTop = g.scrollHeight * {share}; }})()"
            )
            page.wait_for_timeout(150)
            until(page, f"{CELLS}.length > 20 && {loaded}")
            assert page.evaluate("document.querySelectorAll('.gone').length") == 0


def test_one_photo_with_keys_and_the_back_button(place: Path, browser: Any, config: Any) -> None:
    pictures = "['left', 'right'].map((side) => document.getElementById(`${side}-picture`))"
    both = f"{pictures}.every((image) => image.complete && image.naturalWidth === 56)"
    with browsed(place, config) as served, watched_page(browser, served.url, **DESKTOP) as page:
        come_in(page, served.url, "?split=test")
        page.focus("#grid")
        page.keyboard.press("ArrowRight")
        until(page, "document.activeElement.dataset.index === '1'")
        second = page.evaluate("document.activeElement.dataset.id")
        page.keyboard.press("Enter")
        until(page, f"{OPEN} === {second!r} && {both}")
        assert page.inner_text("#position") == "Photo 2 of 30" and f"photo={second}" in page.url
        assert page.inner_text("#photo-title") == "photos/IMG_000003.jpg"
        assert "swap_rb" in page.inner_text("#played") and "redness" in page.inner_text("#jurors")
        assert page.evaluate("document.getElementById('right').selectedOptions[0].text") == "agent, pipeline/one"
        page.select_option("#left", "original")
        until(page, both)
        page.focus("#compare input")
        page.keyboard.press("ArrowLeft")
        assert page.evaluate("document.getElementById('compare').style.getPropertyValue('--at')") == "49%"
        page.focus("#photo-title")
        page.keyboard.press("ArrowRight")
        until(page, f"{OPEN} && {OPEN} !== {second!r} && {both}")
        assert page.input_value("#left") == "original", "what was chosen stays"
        page.keyboard.press("s")
        until(page, "document.querySelector('#detail [data-do=star]').getAttribute('aria-pressed') === 'true'")
        third = page.evaluate(OPEN)
        page.reload()
        until(page, f"{READY} && {OPEN} === {third!r}")
        assert page.inner_text("#position") == "Photo 3 of 30"
        page.keyboard.press("Escape")
        until(page, "!document.getElementById('detail').open")
        assert page.url.endswith("?split=test")
        page.check("[name=starred]")
        until(page, shows("split=test&starred=1"))
        assert page.evaluate(IDS) == [third]
    assert [f"{one:015x}" for one in Stars(place / "data" / "stars.jsonl").in_order] == [third]


def test_how_many_photos_there_are_is_said_however_late_it_is_known(place: Path, browser: Any, config: Any) -> None:
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    with browsed(place, config) as served, watched_page(browser, served.url, **DESKTOP) as page:
        come_in(page, served.url, "?split=test")
        page.click("[data-index='1']")
        until(page, OPEN)
        page.route("**/photos?*", hold)
        page.reload()
        until(page, "document.getElementById('position').textContent !== ''")
        for route in held:
            route.continue_()
        page.unroute("**/photos?*")
        until(page, "document.getElementById('position').textContent === 'Photo 2 of 30'")


def test_the_focus_stays_in_the_grid_when_it_is_filled_anew(place: Path, browser: Any, config: Any) -> None:
    at = "document.activeElement.dataset.index"
    with browsed(place, config) as served, watched_page(browser, served.url, **DESKTOP) as page:
        come_in(page, served.url)
        page.focus("#grid")
        page.keyboard.press("ArrowRight")
        for index in (2, 3):
            page.keyboard.press("s")
            until(page, f"document.getElementById('starred-count').textContent === '{index - 1}'")
            page.keyboard.press("ArrowRight")
            until(page, f"{at} === '{index}'")
        columns = "document.getElementById('grid').getAttribute('aria-colcount')"
        before = page.evaluate(columns)
        page.set_viewport_size({"width": 1000, "height": 900})
        until(page, f"{columns} !== {before!r} && {CELLS}.length")
        assert page.evaluate(at) == "3"
        page.check("[name=starred]")
        until(page, f"{shows('starred=1')} && {CELLS}.length === 2")
        page.focus("[data-index='1']")
        page.keyboard.press("s")
        until(page, f"{CELLS}.length === 1 && {at} === '0'")
        page.keyboard.press("s")
        until(page, f"{CELLS}.length === 0")
        assert page.evaluate("document.activeElement.id") == "grid"


def test_two_runs_side_by_side(place: Path, browser: Any, config: Any) -> None:
    with browsed(place, config) as served, watched_page(browser, served.url, **DESKTOP) as page:
        come_in(page, served.url)
        page.select_option("#run-a", label="agent, pipeline/one")
        page.select_option("#run-b", label="agent, pipeline/two")
        until(page, f"{CELLS}.length && {CELLS}.every((cell) => cell.querySelectorAll('img').length === 2)")
        assert found(page) == 28
        page.select_option("#sort", "distance")
        page.click("#down")
        until(
            page,
            f"new URLSearchParams(document.getElementById('grid').dataset.query).get('down') === '1' && {CELLS}.length",
        )
        said = page.evaluate(f"{CELLS}.map((cell) => cell.querySelector('.said').textContent)")
        differences = [abs(float(b) - float(a)) for a, b in (re.findall(r"\d\.\d\d", one) for one in said)]
        assert differences == sorted(differences, reverse=True) and max(differences) == 1.5
        assert all("2 edits differ" in one for one in said)
        page.click(".cell")
        until(page, OPEN)
        chosen = [
            page.evaluate(f"document.getElementById('{side}').selectedOptions[0].text") for side in ("left", "right")
        ]
        assert chosen == ["agent, pipeline/one", "agent, pipeline/two"]
        page.keyboard.press("Escape")
        page.select_option("#run-b", "")
        until(page, "!location.search.includes('sort')")


def test_names_are_text_and_what_is_gone_has_a_placeholder(tmp_path: Path, browser: Any, config: Any) -> None:
    name = "<img src=x onerror=alert(1)>"
    folder = write_set(
        tmp_path / "data", {"train": [record(i, source=f"{name}{i}") for i in range(3)]}, f"{name}-0123456789ab"
    )
    (folder / "train" / "annotations.json").touch()
    with browsed(tmp_path, config) as served, watched_page(browser, served.url, **DESKTOP) as page:
        come_in(page, served.url)
        until(page, "document.querySelectorAll('.gone').length === 3")
        assert page.inner_text(".cell .gone") == "no picture" and page.inner_text(".cell .name").startswith(
            "<img src=x"
        )
        page.click(".cell")
        until(page, f"{OPEN} && document.getElementById('detail-wrong').textContent")
        assert "its file is gone" in page.inner_text("#detail-wrong")
        assert name in page.inner_text("#facts")
        assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (400, "dark"), (1400, "light"), (1400, "dark")])
def test_everyone_can_use_it(place: Path, browser: Any, config: Any, width: int, scheme: str) -> None:
    with browsed(place, config, Words("de")) as served:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce", locale="de"
        )
        page = context.new_page()
        come_in(page, served.url)
        assert page.inner_text("#found") == "60 von 62 Fotos"
        assert serious(page) == [], "grid"
        if width < 800:
            page.click("#panel summary")
        page.check("[data-list=state] input[value=skipped]")
        until(page, f"{OF_COUNTS} === 'state=kept&state=skipped'")
        assert serious(page) == [], "filters"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if width < 800:
            page.click("#panel summary")
        page.click(".menu summary")
        assert serious(page) == [], "menu"
        page.click(".menu summary")
        page.focus("#grid")
        page.keyboard.press("ArrowRight")
        until(page, "document.activeElement.dataset.index === '1'")
        page.keyboard.press("Enter")
        until(page, OPEN)
        assert serious(page) == [], "photo"
        assert page.evaluate("document.getElementById('detail').scrollWidth") <= width
        page.keyboard.press("Escape")
        until(page, "document.activeElement.dataset.index === '1'")
        page.keyboard.press("?")
        page.wait_for_selector("#keys[open]")
        assert serious(page) == [], "keys"
        page.keyboard.press("Escape")
        heights = page.evaluate("[...document.querySelectorAll('button')].map((e) => e.getBoundingClientRect().height)")
        assert all(height == 0 or height >= 24 for height in heights)  # WCAG 2.2, target size
        context.close()


@contextmanager
def running(place: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The command itself, and its address."""
    command = [sys.executable, str(REPOSITORY / "run.py"), "task=browse", "task.port=0", "tracking=none"]
    command += [f"data_dir={place / 'data'}", f"output_dir={place / 'out'}", f"task.cache_dir={place / 'cache'}"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": "400"},
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if address := re.search(r"http://127.0.0.1:\d+", said):
                break
        else:
            raise AssertionError(said)
        yield address[0], process
    finally:
        process.kill()
        process.wait()


def test_kill_9_loses_no_star(place: Path, browser: Any) -> None:
    kept: list[str] = []
    for point in range(4):
        context = browser.new_context(**DESKTOP)
        page = context.new_page()
        with running(place) as (url, process):
            come_in(page, url)
            until(page, f"document.getElementById('starred-count').textContent === '{len(kept)}'")
            for i in range(point + 1):
                page.focus("#grid")
                cell = page.locator(f"[data-index='{10 * point + i}']")
                cell.focus()
                page.keyboard.press("s")
                one = cell.get_attribute("data-id")
                until(
                    page, f"document.querySelector('[data-id=\"{one}\"] .star').getAttribute('aria-pressed') === 'true'"
                )
                kept.append(one)
            process.send_signal(signal.SIGKILL)
            process.wait()
        context.close()
        assert [f"{one:015x}" for one in Stars(place / "data" / "stars.jsonl").in_order] == kept
    assert SET in (place / "data" / "stars.jsonl").read_text()
