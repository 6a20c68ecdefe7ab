"""The crop tool in Chromium: with the mouse, a finger and the keyboard, on a phone and a desktop, light and dark."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from apsi.advise.advice import crop_of
from apsi.photo.read import read_photo
from apsi.transform.crop import Crop
from apsi.transform.recipe import Recipe
from tests.advise.test_framing import framer
from tests.browsers import NEEDS_CHROMIUM, browser, serious, until
from tests.crop_jurors import WANTED
from tests.studio.conftest import RECIPE, Served, jpeg
from tests.studio.test_browser import give, page, settled

__all__ = ["browser", "page"]
pytestmark = NEEDS_CHROMIUM

ON = "on,on,on"
BEST = Crop(WANTED).label
HEIGHT, WIDTH = 481, 643


@pytest.fixture(scope="module")
def served(serve: Callable[..., Any]) -> Iterator[Served]:
    with serve(framer=framer()) as one:
        yield one


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "IMG_1.jpg"
    path.write_bytes(jpeg(0, HEIGHT, WIDTH))
    return path


def opened(page: Any, photo: Path) -> None:
    """Sends a photo and opens the tool."""
    give(page, photo)
    page.click("[data-action=crop]")
    page.wait_for_selector(".stage:not([hidden])")


def label(page: Any) -> str:
    found: str = page.get_attribute(".box", "data-label")
    return found


def cropped(page: Any, crop: str) -> None:
    """Waits until picture and score are those of a crop."""
    settled(page, ON)
    page.wait_for_selector(f'.panel[data-crop="{crop}"]')


def drag(page: Any, edge: str | None, across: float, down: float) -> None:
    """From the middle of a handle, or of the box, by shares of the photo's sides."""
    sheet = page.locator(".sheet img").bounding_box()
    place = page.locator(f".handle[data-edge={edge}]" if edge else ".box").bounding_box()
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for share in (0.3, 0.7, 1):
        page.mouse.move(x + share * across * sheet["width"], y + share * down * sheet["height"])
    page.mouse.up()


def saved(page: Any, kind: str) -> bytes:
    with page.expect_download() as download:
        page.click(f"[data-file={kind}]")
    return Path(download.value.path()).read_bytes()


def test_a_handle_is_dragged_in_a_locked_shape_and_the_file_has_it(page: Any, photo: Path) -> None:
    opened(page, photo)
    assert label(page) == "" and "643 × 481 pixels" in page.inner_text("#crop-numbers")
    page.select_option("[data-crop=ratio]", "3:2")
    drag(page, "se", -0.31, -0.1)
    made = label(page)
    assert made.endswith(",3:2)") and crop_of(made).box.width == pytest.approx(0.69, abs=0.01)
    drag(page, None, 0.2, 0.5)  # further down than there is room
    moved = crop_of(label(page)).box
    assert moved.y2 == 1 and moved.x1 == pytest.approx(0.2, abs=0.01)
    assert moved.width == pytest.approx(crop_of(made).box.width, abs=0.002)
    width, height = (int(word) for word in page.inner_text("#crop-numbers").split(" pixels")[0].split(" × "))
    made = label(page)
    page.click("[data-action=crop-apply]")
    cropped(page, made)
    edited = Image.open(io.BytesIO(saved(page, "photo")))
    assert edited.size == (width, height) and abs(width / 1.5 - height) <= 1
    assert Recipe.from_json(saved(page, "recipe").decode()).labels == [made, *RECIPE.labels]
    assert page.inner_text("#heading") == "A crop and 3 edits made"
    sizes = "[...document.querySelectorAll('.result img')].map((one) => [one.naturalWidth, one.naturalHeight])"
    before, after = page.evaluate(sizes)
    assert before == after and before[0] < WIDTH, "both have the same frame"


@pytest.mark.parametrize("edge", ["n", "e", "s", "w", "nw", "ne", "sw", "se"])
def test_each_handle_moves_its_own_edges(page: Any, photo: Path, edge: str) -> None:
    opened(page, photo)
    inward = {"n": (1, 0.2), "s": (3, -0.2), "w": (0, 0.2), "e": (2, -0.2)}
    across, down = (sum(inward[side][1] for side in edge if side in axis) for axis in ("we", "ns"))
    drag(page, edge, across, down)
    expected = [0.0, 0.0, 1.0, 1.0]
    for side in edge:
        place, by = inward[side]
        expected[place] += by
    assert crop_of(label(page)).box.array.tolist() == pytest.approx(expected, abs=0.01)
    drag(page, edge, 9 * across, 9 * down)  # it does not turn inside out
    assert crop_of(label(page)).box.area > 0
    page.click("[data-action=crop-cancel]")


def test_a_crop_needs_no_mouse(page: Any, photo: Path) -> None:
    give(page, photo)
    page.locator("[data-action=crop]").focus()
    page.keyboard.press("Enter")
    until(page, "document.activeElement.classList.contains('box')")
    outline = (
        "(({ outlineStyle, outlineWidth }) => [outlineStyle, outlineWidth])(getComputedStyle(document.activeElement))"
    )
    assert page.evaluate(outline) == ["solid", "3px"]
    for _ in range(30):
        page.keyboard.press("Shift+ArrowLeft")
    for _ in range(10):
        page.keyboard.press("Shift+ArrowUp")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    assert label(page) == "crop(0.020,0.010,0.720,0.910)"
    until(
        page, "document.querySelector('[data-crop=told]').textContent.includes('2 % from the left, 1 % from the top')"
    )
    page.keyboard.press("Enter")
    cropped(page, "crop(0.020,0.010,0.720,0.910)")
    assert page.evaluate("document.activeElement.dataset.action") == "crop"
    edited = Image.open(io.BytesIO(saved(page, "photo")))
    assert edited.size == (450, 433)
    page.locator("[data-action=crop]").focus()
    page.keyboard.press("Enter")
    until(page, "document.activeElement.classList.contains('box')")
    assert label(page) == "crop(0.020,0.010,0.720,0.910)"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    assert page.is_hidden(".stage") and page.get_attribute(".panel", "data-crop") == "crop(0.020,0.010,0.720,0.910)"
    page.locator("[data-action=reset]").click()
    cropped(page, "")
    until(page, "document.getElementById('heading').innerText === '3 edits suggested'")


def test_keys_keep_a_locked_shape_and_grow_to_where_there_is_room(page: Any, photo: Path) -> None:
    opened(page, photo)
    page.select_option("[data-crop=ratio]", "2:3")
    page.focus(".box")
    for _ in range(12):
        page.keyboard.press("Shift+ArrowUp")
    shape = crop_of(label(page))(read_photo(photo)).shape
    assert abs(shape[1] * 1.5 - shape[0]) <= 1 and shape[0] == pytest.approx(0.88 * HEIGHT, abs=2)
    for _ in range(60):
        page.keyboard.press("ArrowRight")
    box = crop_of(label(page)).box
    assert box.x2 == 1
    for _ in range(5):
        page.keyboard.press("Shift+ArrowRight")
    assert crop_of(label(page)).box.width > box.width
    page.click("[data-action=crop-cancel]")


def test_the_suggestion_is_taken_with_its_reason(page: Any, photo: Path) -> None:
    opened(page, photo)
    assert "It keeps 93\N{NO-BREAK SPACE}% of what people probably look at" in page.inner_text(".reason")
    page.click("[data-action=crop-suggestion]")
    assert label(page) == BEST
    page.select_option("[data-crop=lines]", "golden")
    assert page.get_attribute(".box", "data-lines") == "golden"
    page.click("[data-action=crop-whole]")
    assert label(page) == ""
    page.click("[data-action=crop-cancel]")
    page.click("[data-action=crop-take]")
    cropped(page, BEST)
    assert page.is_hidden("[data-action=crop-take]"), "it is taken"
    assert page.evaluate("document.activeElement.dataset.action") == "crop"
    until(page, "document.querySelector('.shot .said').textContent === 'A crop and 3 edits made'")
    assert "crop=" in page.get_attribute(".shot img", "src")
    page.reload()
    page.wait_for_selector(".panel")
    until(page, "document.getElementById('heading').innerText === '3 edits suggested'")


def test_a_shape_that_was_chosen_stays_when_the_suggestion_is_taken(page: Any, photo: Path) -> None:
    opened(page, photo)
    page.select_option("[data-crop=ratio]", "3:2")
    page.click("[data-action=crop-suggestion]")
    made = label(page)
    assert made.endswith(",3:2)") and page.input_value("[data-crop=ratio]") == "3:2"
    assert crop_of(made).box.area == pytest.approx(WANTED.area, abs=0.01), "of the size that is suggested"
    page.click("[data-action=crop-apply]")
    cropped(page, made)
    assert page.is_visible("[data-action=crop-take]"), "it is another crop"
    page.click("[data-action=crop-take]")
    cropped(page, BEST)
    assert page.is_hidden("[data-action=crop-take]")
    page.locator("[data-action=reset]").click()
    cropped(page, "")
    assert page.is_visible("[data-action=crop-take]")


def test_a_photo_that_needs_nothing_can_be_cropped_and_saved(page: Any, tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    Image.new("RGB", (300, 200), (250, 60, 60)).save(path)
    give(page, path)
    assert page.inner_text("#heading") == "Only a crop is suggested" and page.is_hidden(".keep")
    page.click("[data-action=crop-take]")
    page.wait_for_selector(".keep")
    settled(page, "")
    assert page.inner_text("#heading") == "A crop made"
    edited = Image.open(io.BytesIO(saved(page, "photo")))
    assert edited.size == (200, 150)


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (400, "dark"), (1400, "light"), (1400, "dark")])
def test_everyone_can_use_it(served: Served, browser: Any, photo: Path, width: int, scheme: str) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce", has_touch=width == 400
    )
    page = context.new_page()
    page.goto(f"{served.url}/advice/")
    give(page, photo)
    assert serious(page) == [], "panel"
    (page.tap if width == 400 else page.click)("[data-action=crop]")
    page.wait_for_selector(".stage:not([hidden])")
    page.click("[data-action=crop-suggestion]")
    assert serious(page) == [], "tool"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for size in page.evaluate(
        "[...document.querySelectorAll('button, select, .handle')].map((e) => e.getBoundingClientRect().height)"
    ):
        assert size == 0 or size >= 24  # WCAG 2.2, target size
    if width == 400:
        finger(page, "se", -60, -40)
        assert label(page) not in ("", BEST)
    context.close()


def finger(page: Any, edge: str, across: float, down: float) -> None:
    """Drags a handle with a finger; the page must not scroll instead."""
    page.locator(".stage").scroll_into_view_if_needed()
    place = page.locator(f".handle[data-edge={edge}]").bounding_box()
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    touches = page.context.new_cdp_session(page)
    touches.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for share in (0.3, 0.7, 1):
        point = {"x": x + share * across, "y": y + share * down}
        touches.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    touches.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
