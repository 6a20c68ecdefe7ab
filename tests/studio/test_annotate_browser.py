"""The room of pairs in Chromium, as people use it: keys, fingers, bad lines, two at once, on a phone and a desktop."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from apsi.advise.words import Words
from apsi.photo.hash import file_hash
from apsi.photo.write import encode_jpeg
from apsi.preference.folder import PreferenceFolder
from apsi.preference.pair import Pair, Version
from tests.browsers import NEEDS_CHROMIUM, browser, serious, until, watched_page
from tests.command_line import REPOSITORY
from tests.conftest import natural_photo
from tests.studio.pairs import Place, annotating, make_place

__all__ = ["browser"]
pytestmark = NEEDS_CHROMIUM
DESKTOP: dict[str, Any] = {"viewport": {"width": 1400, "height": 900}}
PHONE: dict[str, Any] = {"viewport": {"width": 400, "height": 850}, "has_touch": True}
KEYS = {"1": "left", "2": "right", "0": "tie", "x": "skip"}
SHOWN = "document.getElementById('work').dataset.shown"
SAVED = "Object.keys(localStorage).every((key) => !key.startsWith('apsi-answer-'))"
OPEN = "!document.getElementById('work').hidden && document.querySelectorAll('.frame img').length === 2"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path, 6, 30, 300, 450)


def come_in(page: Any, url: str, name: str = "Ann") -> None:
    page.goto(f"{url}/annotate/")
    page.fill("#name", name)
    page.keyboard.press("Enter")
    until(page, OPEN)


def key(page: Any, name: str) -> str:
    """Presses a key that answers once a pair is seen; which it was."""
    page.wait_for_selector("#waiting", state="hidden")
    before = str(page.evaluate(SHOWN))
    page.keyboard.press(name)
    until(page, f"{SHOWN} !== '{before}' || !document.getElementById('finished').hidden")
    return before


def said(place: Place, name: str = "Ann") -> dict[str, str]:
    """What stands on the disk, by the turn as the page names it."""
    return {
        f"{answer.pair}{'-again' if answer.is_repeat else ''}": str(answer.answer) for answer in place.standing(name)
    }


def test_that_pairs_come_again_is_told_until_the_first_answer(place: Place, browser: Any) -> None:
    with annotating(place, repeats=0.5) as served, watched_page(browser, served.url, **PHONE) as page:
        come_in(page, served.url)
        assert "show a pair again" in page.inner_text("#status")
        key(page, "1")
        assert page.inner_text("#status") == ""
        page.reload()
        until(page, OPEN)
        assert page.inner_text("#status") == "", "one who goes on knows it"


def test_two_hundred_pairs_with_keys_and_fingers_and_a_reload(tmp_path: Path, browser: Any) -> None:
    place = make_place(tmp_path, 10, 200, 300, 450)
    expected: dict[str, str] = {}
    with annotating(place) as served, watched_page(browser, served.url, **DESKTOP) as page:
        come_in(page, served.url)
        for name in islice(cycle("12010x21"), 120):
            expected[key(page, name)] = KEYS[name]
        page.reload()
        until(page, OPEN)
        assert page.inner_text("#count").startswith("Pair 121 of ")
        page.evaluate(
            """() => {
              window.taken = [];
              const work = document.getElementById('work');
              let began = 0;
              addEventListener('keydown', () => { began = performance.now(); }, true);
              new MutationObserver(() => window.taken.push(performance.now() - began))
                .observe(work, { attributeFilter: ['data-shown'] });
            }"""
        )
        for name in islice(cycle("2101"), 40):
            page.wait_for_timeout(150)  # nobody looks at a pair for less
            expected[key(page, name)] = KEYS[name]
        taken = page.evaluate("window.taken")
        assert len(taken) == 40 and median(taken) < 100, taken
    with annotating(place) as served, watched_page(browser, served.url, **PHONE) as page:
        come_in(page, served.url)
        turns = 0
        while page.evaluate("document.getElementById('finished').hidden"):
            choice = ("left", "right", "tie")[turns % 3]
            page.wait_for_selector("#waiting", state="hidden")
            before = page.evaluate(SHOWN)
            if turns % 2:
                page.tap(f".choices [data-do={choice}]")
            elif choice == "tie":
                swipe(page, 250, 0)
            else:
                page.tap(f".frame[data-side={choice}]")
            until(page, f"{SHOWN} !== '{before}' || !document.getElementById('finished').hidden")
            expected[before] = choice
            turns += 1
        assert "saved" in page.inner_text("#finished-count")
        until(page, SAVED)
    assert said(place) == expected
    lines = place.folder.answers("Ann")
    assert len(lines) == len(expected) >= 205 and {line.pair for line in lines} == {pair.id for pair in place.pairs}


def swipe(page: Any, x: int, y: int) -> None:
    """With one finger over the pictures, from their middle."""
    box = page.locator("#stage").bounding_box()
    cdp = page.context.new_cdp_session(page)
    at = [box["x"] + box["width"] / 2 - x / 2, box["y"] + box["height"] / 2 - y / 2]
    cdp.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": at[0], "y": at[1]}]})
    for share in (0.3, 0.6, 1.0):
        point = {"x": at[0] + share * x, "y": at[1] + share * y}
        cdp.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    cdp.detach()


@pytest.mark.parametrize(
    ("context", "moves"),
    [
        (PHONE, {(0, -200): "left", (0, 200): "right", (200, 0): "tie", (-200, 10): "tie"}),
        (
            {"viewport": {"width": 850, "height": 400}, "has_touch": True},
            {(-200, 0): "left", (200, 0): "right", (0, -100): "tie"},
        ),
    ],
)
def test_swipes_lead_towards_the_better_one(place: Place, browser: Any, context: Any, moves: Any) -> None:
    expected = {}
    with annotating(place) as served, watched_page(browser, served.url, **context) as page:
        come_in(page, served.url)
        for (x, y), choice in moves.items():
            before = page.evaluate(SHOWN)
            swipe(page, x, y)
            until(page, f"{SHOWN} !== '{before}'")
            expected[before] = choice
        before = page.evaluate(SHOWN)
        swipe(page, 20, 15)  # neither a tap nor a swipe
        if context is not PHONE:
            swipe(page, 0, 100)
        page.wait_for_timeout(500)
        assert page.evaluate(SHOWN) == before
        until(page, SAVED)
    assert said(place) == expected


def test_a_double_tap_enlarges_both_at_the_same_place_and_answers_nothing(place: Place, browser: Any) -> None:
    with annotating(place) as served, watched_page(browser, served.url, **PHONE) as page:
        come_in(page, served.url)
        before = page.evaluate(SHOWN)
        box = page.locator(".frame[data-side=right]").bounding_box()
        for _ in range(2):
            page.touchscreen.tap(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.75)
        until(page, "document.getElementById('stage').classList.contains('is-zoomed')")
        origins = page.evaluate("[...document.querySelectorAll('.frame img')].map((one) => one.style.transformOrigin)")
        shares = [[float(number.rstrip("%")) for number in origin.split()[:2]] for origin in origins]
        assert shares[0] == shares[1] == [pytest.approx(25, abs=1), pytest.approx(75, abs=1)]
        swipe(page, 0, 200)
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(400)
        assert page.evaluate(SHOWN) == before
        page.tap("[data-do=zoom]")
        until(page, "!document.getElementById('stage').classList.contains('is-zoomed')")
    assert place.folder.answers() == []


def test_pictures_stand_at_the_same_height_or_with_the_same_area_and_nothing_jumps(place: Place, browser: Any) -> None:
    frames = """[...document.querySelectorAll('.frame')].map((frame) => {
      const { width, height } = frame.getBoundingClientRect();
      const image = frame.firstElementChild;
      return [width, height, image.naturalWidth / image.naturalHeight];
    })"""
    places = """['#stage', '.choices', '.reasons', '.tools', '.top'].map(
      (at) => JSON.stringify(document.querySelector(at).getBoundingClientRect())
    )"""
    with annotating(place) as served:
        for context in (DESKTOP, PHONE):
            with watched_page(browser, served.url, **context) as page:
                come_in(page, served.url, str(context["viewport"]["width"]))
                where = page.evaluate(places)
                for name in "1201":
                    key(page, name)
                    one, other = page.evaluate(frames)
                    for width, height, ratio in (one, other):
                        assert width / height == pytest.approx(ratio, rel=0.01) and height > 150
                    if context is DESKTOP:
                        assert one[1] == pytest.approx(other[1]) and one[0] + other[0] > 1000
                    else:
                        assert one[0] * one[1] == pytest.approx(other[0] * other[1], rel=0.01)
                    assert page.evaluate(places) == where
                    size = page.evaluate(
                        "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
                    )
                    assert size[0] <= context["viewport"]["width"] and size[1] <= context["viewport"]["height"]


def test_a_click_chooses_and_leaves_space_to_flipping(place: Place, browser: Any) -> None:
    with annotating(place) as served, watched_page(browser, served.url, **DESKTOP) as page:
        come_in(page, served.url)
        page.wait_for_timeout(400)  # a click that brings the window to the front chooses nothing
        first = page.evaluate(SHOWN)
        page.click(".frame[data-side=right]")
        until(page, f"{SHOWN} !== '{first}'")
        second = page.evaluate(SHOWN)
        page.click(".choices [data-do=left]")
        until(page, f"{SHOWN} !== '{second}'")
        page.keyboard.press("Space")
        assert page.get_attribute("[data-do=flip]", "aria-pressed") == "true"
        for state in ("true", "false", "true"):
            page.click("[data-do=flip]")
            assert page.get_attribute("[data-do=flip]", "aria-pressed") == state
        page.dblclick(".frame[data-side=left]")
        until(page, "document.getElementById('stage').classList.contains('is-zoomed')")
        page.wait_for_timeout(400)
        until(page, SAVED)
    assert said(place) == {first: "right", second: "left"}


def test_keys_walk_replace_undo_flip_zoom_and_say_that_all_is_saved(place: Place, browser: Any) -> None:
    with annotating(place, repeats=0.0) as served, watched_page(browser, served.url, **DESKTOP) as page:
        come_in(page, served.url)
        page.keyboard.press("u")
        until(page, "document.getElementById('status').textContent.includes('nothing to undo')")
        page.keyboard.press("5")
        first, second = key(page, "1"), key(page, "2")
        third = key(page, "ArrowLeft")
        assert page.evaluate(SHOWN) == second
        assert page.get_attribute(".choices [data-do=right]", "aria-pressed") == "true"
        key(page, "ArrowLeft")
        assert page.get_attribute("[data-reason=light]", "aria-pressed") == "true"
        page.keyboard.press("ArrowLeft")
        until(page, "document.getElementById('status').textContent.includes('This is the first')")
        key(page, "0")  # instead of left, and on to the second
        assert page.evaluate(SHOWN) == second
        key(page, "ArrowRight")
        assert page.evaluate(SHOWN) == third
        page.keyboard.press("ArrowRight")
        key(page, "x")
        key(page, "u")
        assert page.evaluate(SHOWN) == third
        page.keyboard.press("s")
        until(page, "document.getElementById('status').textContent === 'All your answers are saved: 2.'")
        seen = "[...document.querySelectorAll('.frame')].map((frame) => getComputedStyle(frame).visibility)"
        page.keyboard.press("Space")
        assert page.evaluate(seen) == ["visible", "hidden"] and page.inner_text("#which") == "Left"
        page.keyboard.press("Space")
        assert page.evaluate(seen) == ["hidden", "visible"] and page.inner_text("#which") == "Right"
        page.keyboard.press("z")
        for _ in range(3):
            page.keyboard.press("ArrowLeft")
        origin = page.evaluate("[...document.querySelectorAll('.frame img')].map((one) => one.style.transformOrigin)")
        assert origin[0] == origin[1] and origin[0].startswith("20%")
        assert page.evaluate(SHOWN) == third, "arrow keys move what is enlarged"
        page.keyboard.press("Escape")
        assert page.evaluate(seen) == ["visible", "visible"]
        until(page, SAVED)
    assert said(place) == {first: "tie", second: "right"}
    lines = place.folder.answers("Ann")
    assert [line.answer for line in lines] == ["left", "right", "tie", "skip", None]
    assert lines[0].reason == "light" and lines[2].undoes == lines[0].id and lines[4].undoes == lines[3].id


def test_a_pause_hides_the_pictures_and_stops_the_clock_and_so_does_a_hidden_tab(place: Place, browser: Any) -> None:
    hidden = "getComputedStyle(document.querySelector('.frame')).visibility"
    hide = """(is) => {
      Object.defineProperty(document, 'hidden', { value: is, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }"""
    with annotating(place) as served, watched_page(browser, served.url, **DESKTOP) as page:
        come_in(page, served.url)
        page.wait_for_timeout(300)
        page.keyboard.press("p")
        assert page.evaluate(hidden) == "hidden" and page.inner_text("#resting h2") == "Paused"
        assert serious(page) == []
        page.keyboard.press("1")
        page.wait_for_timeout(1500)
        assert place.folder.answers() == []
        page.keyboard.press("Enter")  # the button has the focus
        assert page.evaluate(hidden) == "visible"
        page.evaluate(hide, True)
        assert page.evaluate(hidden) == "hidden"
        page.wait_for_timeout(1500)
        page.evaluate(hide, False)
        assert page.evaluate(hidden) == "visible"
        page.keyboard.press("?")
        page.wait_for_timeout(1500)
        page.keyboard.press("Escape")
        page.wait_for_timeout(100)
        key(page, "1")
        until(page, SAVED)
    (line,) = place.folder.answers()
    assert 350 <= line.milliseconds < 1800


def test_two_people_and_two_windows_of_one_of_them(place: Place, browser: Any) -> None:
    with (
        annotating(place, repeats=0.0) as served,
        watched_page(browser, served.url, **DESKTOP) as ann,
        watched_page(browser, served.url, **DESKTOP) as bob,
    ):
        come_in(ann, served.url)
        come_in(bob, served.url, "<img src=x onerror=alert(1)>")
        assert bob.inner_text("#person") == "<img src=x onerror=alert(1)>"
        window = ann.context.new_page()
        window.goto(f"{served.url}/annotate/")
        until(window, OPEN)
        for number in range(8):
            key(ann, "12"[number % 2])
            key(bob, "0")
            key(window, "21"[number % 2])
        for page in (ann, bob, window):
            until(page, SAVED)
    assert Counter(said(place, "<img src=x onerror=alert(1)>").values()) == {"tie": 8}
    standing = place.standing("Ann")
    assert len({line.pair for line in standing}) == len(standing) >= 8
    assert len({line.id for line in place.folder.answers("Ann")}) == 16


def test_a_full_disk_is_said_and_the_answer_is_sent_again(
    place: Place, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with annotating(place) as served:
        context = browser.new_context(**DESKTOP)
        page = context.new_page()
        come_in(page, served.url)
        with monkeypatch.context() as patch:
            patch.setattr(PreferenceFolder, "add_answers", full)
            key(page, "1")
            until(page, "document.getElementById('status').textContent.startsWith('The disk of the server is full')")
            key(page, "2")
            page.reload()
            until(page, OPEN)
            assert place.folder.answers() == []
        until(page, SAVED)
        until(page, "document.getElementById('count').textContent.startsWith('Pair 3 ')")
        context.close()
    assert sorted(said(place).values()) == ["left", "right"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.mark.parametrize("stays", [False, True])
def test_answers_wait_for_their_folder_while_another_one_is_served_at_the_same_address(
    place: Place, browser: Any, stays: bool
) -> None:
    other = make_place(place.root / "other", 6, 30, 300, 450)
    assert other.pairs == place.pairs, "they would fit there"
    port = free_port()
    context = browser.new_context(**DESKTOP)
    page = context.new_page()
    with annotating(place, port=port) as served:
        come_in(page, served.url)
    first = key(page, "1")  # into the dark
    until(page, "document.getElementById('status').textContent.startsWith('The server does not answer')")
    if not stays:
        page.goto("about:blank")
    with annotating(other, port=port) as served:
        if stays:
            page.wait_for_selector(f"#who[data-folder='{other.folder.id}']", state="attached")  # it reloads itself
        else:
            page.goto(f"{served.url}/annotate/")
        until(page, OPEN)
        second = key(page, "2")
        page.keyboard.press("s")
        until(page, "document.getElementById('status').textContent === 'All your answers are saved: 1.'")
        assert not page.evaluate(SAVED)
    with annotating(place, port=port) as served:
        page.goto(f"{served.url}/annotate/")
        until(page, f"{OPEN} && {SAVED}")
    context.close()
    assert said(place) == {first: "left"} and said(other) == {second: "right"}


def test_an_answer_to_a_pair_that_is_gone_is_not_said_to_be_saved_and_is_sent_when_it_is_back(
    place: Place, browser: Any
) -> None:
    port = free_port()
    context = browser.new_context(**DESKTOP)
    page = context.new_page()
    with annotating(place, port=port) as served:
        come_in(page, served.url)
    first = key(page, "1")
    until(page, "document.getElementById('status').textContent.startsWith('The server does not answer')")
    lines = place.folder.pairs_file.read_text()
    place.folder.pairs_file.write_text(lines.partition("\n")[2])
    with annotating(place, port=port):
        until(page, "document.getElementById('status').textContent.includes('could not be saved: 1.')")
        page.wait_for_timeout(300)
        assert "could not be saved: 1." in page.inner_text("#status") and not page.evaluate(SAVED)
    place.folder.pairs_file.write_text(lines)
    with annotating(place, port=port):
        page.reload()
        until(page, f"{OPEN} && {SAVED}")
    context.close()
    assert said(place) == {first: "left"} == {place.pairs[0].id: "left"}


def test_what_an_earlier_version_stored_is_sent_where_it_fits_and_kept_where_not(place: Place, browser: Any) -> None:
    with annotating(place) as served, watched_page(browser, served.url, **DESKTOP) as page:
        come_in(page, served.url)
        records = {
            f"{number:032x}": {"pair": pair, "repeat": False, "answer": "left", "reason": None, "milliseconds": 9}
            for number, pair in enumerate([place.pairs[0].id, "0123456789ab"])
        }
        texts = {
            id: json.dumps({"id": id, "annotator": "Ann", "at": 0, "said": answer}) for id, answer in records.items()
        }
        for name, text in {"f" * 32: "{", "e" * 32: "null", **texts}.items():
            page.evaluate("([name, text]) => localStorage.setItem(`apsi-answer-${name}`, text)", [name, text])
        fits, strange = texts
        for _ in range(2):
            page.reload()
            until(page, f"{OPEN} && document.getElementById('status').textContent.includes('could not be saved: 1.')")
            assert page.evaluate(f"localStorage.getItem('apsi-answer-{fits}')") is None
            assert page.evaluate(f"localStorage.getItem('apsi-answer-{strange}')") == texts[strange]
    assert said(place) == {place.pairs[0].id: "left"}


def test_a_photo_that_was_changed_is_told_by_its_name_as_text(place: Place, browser: Any) -> None:
    name = "<img src=x onerror=alert(1)>.jpg"
    path = place.photos / name
    path.write_bytes(encode_jpeg(natural_photo(77, 60, 90)))
    versions = [Version(file_hash(path), name, recipe) for recipe in ((), ("warmth",))]
    folder = PreferenceFolder(place.root / "other")
    folder.add_pairs([Pair(*versions, "train", "agent"), *place.pairs])
    path.write_bytes(encode_jpeg(natural_photo(78, 60, 90)))
    other = Place(place.root, place.pairs)
    with annotating(_moved(other, folder)) as served, watched_page(browser, served.url, **DESKTOP) as page:
        come_in(page, served.url)
        assert page.evaluate(SHOWN) == place.pairs[0].id
        text = page.inner_text("#status")
        assert text == f"1 pair is left out, as its photo is missing or was changed: {name}"
        key(page, "1")


def _moved(place: Place, folder: PreferenceFolder) -> Place:
    folder.pairs_file.replace(place.folder.pairs_file)
    return place


def test_the_goal_is_reached_and_one_can_look_back_and_go_on(place: Place, browser: Any) -> None:
    with annotating(place, goal=4, repeats=0.0) as served, watched_page(browser, served.url, **DESKTOP) as page:
        come_in(page, served.url)
        last = [key(page, "1") for _ in range(4)][-1]
        until(page, "!document.getElementById('finished').hidden && document.activeElement.id === 'finished-title'")
        assert serious(page) == []
        page.keyboard.press("1")
        page.click("[data-do=review]")
        until(page, f"{OPEN} && {SHOWN} === '{last}'")
        page.keyboard.press("2")
        until(page, "!document.getElementById('finished').hidden")
        page.click("[data-do=more]")
        until(page, OPEN)
        assert page.inner_text("#count") == "Pair 5 of 30"
        key(page, "0")
        until(page, SAVED)
    assert list(said(place).values()) == ["left", "left", "left", "right", "tie"]


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (400, "dark"), (1400, "light"), (1400, "dark")])
def test_everyone_can_use_it(place: Place, browser: Any, width: int, scheme: str) -> None:
    with annotating(place, words=Words("de")) as served:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce", locale="de"
        )
        page = context.new_page()
        page.goto(f"{served.url}/annotate/")
        assert page.inner_text("h1:visible") == "Welches ist besser?" and serious(page) == [], "name"
        page.keyboard.type("Ann")
        page.keyboard.press("Enter")
        until(page, OPEN)
        assert serious(page) == [], "pair"
        for name in "1201":
            key(page, name)
        assert "unter einer Minute" in page.inner_text("#time")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        alts = page.evaluate("[...document.querySelectorAll('.frame img')].map((one) => one.alt)")
        assert alts == ["Links", "Rechts"]
        until(page, "document.getElementById('spoken').textContent.includes('Paar 5 von')")
        page.keyboard.press("z")
        page.keyboard.press("Space")
        assert serious(page) == [], "enlarged"
        page.keyboard.press("Escape")
        page.keyboard.press("ArrowLeft")
        assert serious(page) == [], "answered"
        page.keyboard.press("?")
        page.wait_for_selector("dialog[open]")
        assert serious(page) == [], "keys"
        page.keyboard.press("Escape")
        heights = page.evaluate("[...document.querySelectorAll('button')].map((e) => e.getBoundingClientRect().height)")
        assert all(height == 0 or height >= 24 for height in heights)  # WCAG 2.2, target size
        context.close()


def test_all_can_be_done_with_tab_and_enter_and_single_keys_can_be_switched_off(place: Place, browser: Any) -> None:
    with annotating(place, annotator="Ann") as served, watched_page(browser, served.url, **DESKTOP) as page:
        page.goto(f"{served.url}/annotate/")
        until(page, OPEN)
        page.keyboard.press("?")
        page.uncheck("#keys-on")
        page.keyboard.press("Escape")
        before = page.evaluate(SHOWN)
        for name in "120x":
            page.keyboard.press(name)
        page.wait_for_timeout(200)
        assert page.evaluate(SHOWN) == before
        page.evaluate("document.getElementById('stage').focus()")
        reached = []
        for _ in range(15):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("({ ...document.activeElement.dataset })"))
        assert [at.get("do") or at.get("reason") for at in reached] == [
            *("left", "tie", "right", "composition", "light", "colour", "subject", "sharpness"),
            *("back", "forward", "undo", "skip", "zoom", "flip", "save"),
        ]
        page.focus(".choices [data-do=right]")
        page.keyboard.press("Space")
        until(page, f"{SHOWN} !== '{before}'")
        until(page, SAVED)
        assert page.evaluate("document.activeElement.dataset.do") == "right"
    assert list(said(place).values()) == ["right"]


@contextmanager
def running(place: Place, port: int) -> Iterator[subprocess.Popen[str]]:
    """The command itself, at a port."""
    command = [sys.executable, str(REPOSITORY / "run.py"), *place.overrides(), f"task.port={port}"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if re.search(r"http://127.0.0.1:\d+", said):
                break
        else:
            raise AssertionError(said)
        yield process
    finally:
        process.kill()
        process.wait()


def test_kill_9_at_ten_points_loses_no_answer_and_doubles_none(tmp_path: Path, browser: Any) -> None:
    place = make_place(tmp_path, 10, 80, 100, 150)
    port = free_port()
    kept: list[str] = []
    expected: dict[str, str] = {}

    def hear(response: Any) -> None:
        if response.url.endswith("/answers") and response.status == 200:
            kept.extend(response.json()["kept"])

    context = browser.new_context(**DESKTOP)
    page = context.new_page()
    names = cycle("1201x")
    for point in range(10):
        with running(place, port) as process:
            if point == 0:
                page.on("response", hear)
                come_in(page, f"http://127.0.0.1:{port}")
            until(page, SAVED)
            page.wait_for_selector("#waiting", state="hidden")
            page.wait_for_timeout(300)  # what comes next is there
            if point % 3 == 2:
                page.reload()
                until(page, OPEN)
            for _ in range(point % 4):
                name = next(names)
                expected[key(page, name)] = KEYS[name]
            name = next(names)
            expected[key(page, name)] = KEYS[name]
            time.sleep(0.004 * point)
            process.send_signal(signal.SIGKILL)
            process.wait()
            name = next(names)
            expected[key(page, name)] = KEYS[name]  # into the dark
            until(page, "document.getElementById('status').textContent.startsWith('The server does not answer')")
    with running(place, port):
        until(page, SAVED)
        page.keyboard.press("s")
        until(page, f"document.getElementById('status').textContent === 'All your answers are saved: {len(expected)}.'")
    context.close()
    lines = [line.id for line in place.folder.answers("Ann")]
    written = place.folder.answers_file("Ann").read_text().splitlines()
    assert len(written) == len(lines) == len(set(lines)) == len(expected)
    assert set(kept) == set(lines)
    assert said(place) == expected
