"""The studio in Chromium as people use it: with mouse and keyboard, on a phone and a desktop, light and dark."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apsi.advise.advice import edit
from apsi.photo.full_size import read_photo_file
from apsi.photo.save import save_edited
from apsi.transform.recipe import Recipe
from tests.browsers import NEEDS_CHROMIUM, browser, serious, until, watched_page
from tests.studio.conftest import RECIPE, Served, jpeg
from tests.studio.test_uploads import png_bomb

__all__ = ["browser"]
pytestmark = NEEDS_CHROMIUM


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Two photos, one of them with a name that is awkward."""
    found = [tmp_path / "IMG_1.jpg", tmp_path / ("a_rather_long_name_without_a_place_to_break_it" * 2 + ".jpg")]
    for i, path in enumerate(found):
        path.write_bytes(jpeg(i, 480, 640))
    return found


@pytest.fixture
def page(served: Served, browser: Any) -> Iterator[Any]:
    """The room of advice."""
    with watched_page(browser, served.url, viewport={"width": 1400, "height": 900}, accept_downloads=True) as page:
        page.goto(f"{served.url}/")
        yield page
        for shot in page.query_selector_all("[data-action=remove]"):
            shot.click()


def give(page: Any, *files: Path) -> None:
    """Sends photos and waits until the first is shown."""
    page.set_input_files("#choose", [str(file) for file in files])
    page.wait_for_selector(".panel")


def settled(page: Any, steps: str) -> None:
    """Waits until picture and score are those of these choices."""
    page.wait_for_selector(f'.panel[data-shown="{steps}"][data-said="{steps}"]', timeout=5000)


def mean(page: Any) -> list[float]:
    """Mean red, green and blue of the edited picture as the browser has it."""
    found: list[float] = page.evaluate(
        """() => {
          const image = document.querySelector('.after');
          const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
          const context = canvas.getContext('2d');
          context.drawImage(image, 0, 0);
          const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
          const sums = [0, 0, 0];
          for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) sums[c] += data[i + c];
          return sums.map((sum) => sum / (data.length / 4));
        }"""
    )
    return found


def test_photos_are_sent_listed_and_shown(page: Any, photos: list[Path]) -> None:
    assert page.inner_text("h1") == "Advice on your photos"
    give(page, *photos)
    until(page, "document.querySelectorAll('.shot img[src]').length === 2")
    assert page.inner_text("#heading") == "3 edits suggested"
    assert [row.inner_text() for row in page.query_selector_all("[data-said=sentence]")] == [
        transform.advice for transform in RECIPE
    ]
    shots = page.query_selector_all(".shot")
    assert shots[0].get_attribute("aria-current") == "true"
    shots[1].click()
    until(page, "document.querySelector('.caption').textContent.includes('rather')")
    until(page, "document.querySelectorAll('.shot')[1].getAttribute('aria-current') === 'true'")
    page.reload()
    page.wait_for_selector(".panel")
    assert len(page.query_selector_all(".shot")) == 2


def test_photos_can_be_dropped(page: Any, photos: list[Path]) -> None:
    data = list(photos[0].read_bytes())
    page.evaluate(
        """(data) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(data)], "dropped.jpg", { type: "image/jpeg" }));
          const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
          for (const kind of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(kind, options));
        }""",
        data,
    )
    page.wait_for_selector(".panel")
    assert "dropped.jpg" in page.inner_text(".caption").replace("\u200b", "")


def test_all_can_be_done_with_the_keyboard(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    values = page.locator(".choices input[type=range]").evaluate_all("all => all.map((one) => one.value)")
    assert values == ["0.4", "-0.2"], "each stands where it was decided"
    page.locator("#choose").focus()
    reached = []
    for _ in range(15):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                """() => { const a = document.activeElement;
                return a.dataset.file ?? a.dataset.action ?? a.type ?? a.tagName.toLowerCase(); }"""
            )
        )
    assert reached[:12] == [
        *(
            "button",
            "range",
            "crop",
            "checkbox",
            "range",
            "checkbox",
            "checkbox",
            "range",
            "photo",
            "checkbox",
            "recipe",
        ),
        "exports",
    ]
    page.keyboard.press("Shift+Tab")
    style = (
        "(({ outlineStyle, outlineWidth }) => [outlineStyle, outlineWidth])(getComputedStyle(document.activeElement))"
    )
    assert page.evaluate(style) == ["solid", "2px"]
    compare = page.locator(".compare input")
    compare.focus()
    at = "getComputedStyle(document.querySelector('.compare')).getPropertyValue('--at')"
    assert page.evaluate(at).strip() == "50%"
    for key, place in (("End", "100%"), ("Home", "0%"), ("ArrowRight", "1%")):
        page.keyboard.press(key)
        assert page.evaluate(at).strip() == place
    page.locator(".choices input[type=checkbox]").first.focus()
    page.keyboard.press("Space")
    settled(page, "off,on,on")


def test_switching_a_step_off_changes_picture_and_score(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    until(page, "document.querySelector('.after').complete")
    before, score = mean(page), page.inner_text("[data-said=verdict]")
    page.locator(".choices input[type=checkbox]").first.uncheck()
    settled(page, "off,on,on")
    after = mean(page)
    assert after[0] < before[0] - 3 and after[2] > before[2] + 3  # it is not warmed up
    assert page.inner_text("[data-said=verdict]") != score
    assert page.inner_text("#heading") == "2 edits made"
    page.locator("[data-action=reset]").click()
    settled(page, "on,on,on")
    assert mean(page) == pytest.approx(before, abs=0.1)
    assert page.inner_text("[data-said=verdict]") == score


def test_a_step_can_be_weighed_and_the_picture_follows_at_once(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    slider = page.locator(".choices input[type=range]").last
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowUp")
    settled(page, "on,on,-0.100")
    assert page.inner_text(".choices li:last-child .amount") == "-0.100"
    assert page.inner_text(".choices li:last-child [data-said=sentence]") == "Take the exposure back by a touch."
    durations = page.evaluate("performance.getEntriesByName('preview').map((entry) => entry.duration)")
    assert sorted(durations)[len(durations) // 2] < 200
    slider.fill("0")
    settled(page, "on,on,+0.000")
    assert page.inner_text("#heading") == "2 edits made"


def test_what_is_saved_is_what_advise_writes(page: Any, photos: list[Path], tmp_path: Path) -> None:
    give(page, photos[0])
    page.locator(".choices input[type=checkbox]").nth(1).uncheck()
    page.locator("#strip-gps").check()
    settled(page, "on,off,on")
    recipe = Recipe.of([RECIPE.labels[0], RECIPE.labels[2]])
    photo = read_photo_file(photos[0])
    save_edited(photo, edit(photo, recipe)[0], tmp_path / "expected.jpg", strip_gps=True)
    expected = {
        "photo": ("IMG_1-edited.jpg", (tmp_path / "expected.jpg").read_bytes()),
        "recipe": ("IMG_1-recipe.json", recipe.to_json().encode()),
        "exports": ("IMG_1-exports.zip", None),
    }
    for kind, (name, data) in expected.items():
        with page.expect_download() as download:
            page.click(f"[data-file={kind}]")
        assert download.value.suggested_filename == name
        saved = Path(download.value.path()).read_bytes()
        assert saved[:2] == b"PK" if data is None else saved == data, kind
    assert "is ready" in page.inner_text("#status")


def test_a_bomb_is_refused_on_the_page(page: Any, tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png_bomb())
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "large.jpg").write_bytes(bytes(3_000_000))
    page.set_input_files(
        "#choose", [str(tmp_path / "bomb.png"), str(tmp_path / "text.jpg"), str(tmp_path / "large.jpg")]
    )
    page.wait_for_selector(".refused")
    assert "more than 1 megapixels" in page.inner_text(".refused .said")
    until(page, "document.querySelectorAll('.shot.failed').length === 3")
    page.click(".refused button")
    until(page, "document.querySelector('.refused .said').textContent.includes('not an image')")
    page.click(".refused button")
    until(page, "document.querySelector('.refused .said').textContent.includes('more than 2 MB')")
    page.click(".refused button")
    until(page, "document.getElementById('film').hidden")
    assert page.evaluate("document.activeElement.id") == "choose"


def test_a_photo_that_the_server_did_not_remove_stays_on_the_page(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    page.route("**/photos/*", lambda route: route.fulfill(status=401, json={"detail": "Enter the token."}))
    page.click("[data-action=remove]")
    until(page, "document.getElementById('status').textContent === 'Enter the token.'")
    assert page.locator(".shot").count() == page.locator(".panel").count() == 1
    page.unroute("**/photos/*")
    page.click("[data-action=remove]")
    until(page, "document.getElementById('status').textContent === 'IMG_1.jpg is removed.'")
    assert page.locator(".shot").count() == 0


def test_a_photo_that_the_server_has_no_more_can_be_removed(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    page.route("**/photos/*", lambda route: route.fulfill(status=404, json={"detail": "It is gone."}))
    page.click("[data-action=remove]")
    until(page, "document.getElementById('status').textContent === 'IMG_1.jpg is removed.'")
    assert page.locator(".shot").count() == 0


def test_a_second_browser_needs_the_token(serve: Callable[..., Any], browser: Any, photos: list[Path]) -> None:
    token = "0123456789abcdef"
    with serve(token=token) as served:
        first, second = browser.new_context(), browser.new_context()
        page = first.new_page()
        page.goto(f"{served.url}/?token={token}")
        assert page.url == f"{served.url}/advice/"
        give(page, photos[0])
        page = second.new_page()
        assert page.goto(f"{served.url}/advice/").status == 401
        assert serious(page) == [], "token"
        page.fill("#token", "wrong")
        page.keyboard.press("Enter")
        page.wait_for_selector("#why >> text=not the token")
        page.fill("#token", token)
        page.click("button")
        page.wait_for_selector("#choose", state="attached")
        assert page.query_selector_all(".shot") == []
        first.close()
        second.close()


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (400, "dark"), (1400, "light"), (1400, "dark")])
def test_everyone_can_read_it(served: Served, browser: Any, photos: list[Path], width: int, scheme: str) -> None:
    wrong = photos[0].with_name("text.jpg")
    wrong.write_text("hello")
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce", has_touch=width == 400
    )
    page = context.new_page()
    page.goto(f"{served.url}/advice/")
    assert serious(page) == [], "empty"
    give(page, photos[0], photos[1], wrong)
    page.wait_for_selector(".shot.failed")
    page.locator(".choices input[type=checkbox]").first.uncheck()
    settled(page, "off,on,on")
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious(page) == [], "panel"
    page.click(".shot.failed")
    page.wait_for_selector(".refused")
    assert serious(page) == [], "refused"
    for size in page.evaluate(
        "[...document.querySelectorAll('button, .button')].map((e) => e.getBoundingClientRect().height)"
    ):
        assert size == 0 or size >= 24  # WCAG 2.2, target size
    context.close()
