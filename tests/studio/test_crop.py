"""A crop made by hand comes first in all that is shown and fetched; the one that is suggested is told with why."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from apsi.advise.advice import crop_of, edit
from apsi.advise.editor import Editor
from apsi.config.compose import load_config
from apsi.photo.full_size import read_photo_file
from apsi.photo.read import decode_photo
from apsi.photo.save import save_edited
from apsi.studio.editing import Editing
from apsi.studio.photo import LARGE, PREVIEW, Source
from apsi.task.advise import open_framer
from apsi.transform.crop import Crop
from apsi.transform.recipe import Recipe
from tests.advise.test_framing import framer
from tests.conftest import Redness
from tests.crop_jurors import WANTED
from tests.studio.conftest import RECIPE, Served, edited, jpeg
from tests.studio.test_advice import fetch

MADE = "crop(0.100,0.200,0.700,0.800,3:2)"
BEST = Crop(WANTED).label


@pytest.fixture(scope="module")
def served(serve: Callable[..., Any]) -> Iterator[Served]:
    with serve(framer=framer()) as one:
        yield one


def picture(client: httpx.Client, number: str, path: str = "preview", **query: str) -> Any:
    answer = client.get(f"/advice/photos/{number}/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return decode_photo(answer.content).astype(int)


def test_previews_follow_the_crop(client: httpx.Client) -> None:
    number = edited(client, jpeg(0, 300, 400))
    part = crop_of(MADE)(decode_photo(jpeg(0, 300, 400)))
    for query, expected in (
        ({"crop": MADE}, RECIPE(part)),
        ({"crop": MADE, "steps": "off,off,off"}, part),
        ({"crop": MADE, "steps": "on,off,off"}, Recipe(RECIPE.transforms[:1])(part)),
    ):
        shown = picture(client, number, **query)
        assert shown.shape == expected.shape and abs(shown - expected).mean() < 4  # JPEG
    before = picture(client, number, "before", crop=MADE)
    assert before.shape == part.shape and abs(before - part).mean() < 4
    assert picture(client, number, "thumbnail", crop=MADE).shape[1] == 200
    assert picture(client, number, crop="").shape == picture(client, number).shape == (300, 400, 3)


def test_the_photo_has_the_shape_to_a_pixel_and_is_what_advise_writes(client: httpx.Client, tmp_path: Path) -> None:
    source = tmp_path / "IMG_1.jpg"
    source.write_bytes(jpeg(0, 301, 403))
    recipe = Recipe.of([MADE, *RECIPE.labels[:2]])
    photo = read_photo_file(source)
    save_edited(photo, edit(photo, recipe)[0], tmp_path / "expected")
    number = edited(client, source.read_bytes())
    data, _ = fetch(client, number, "photo", steps="on,on,off", crop=MADE)
    assert data == (tmp_path / "expected").read_bytes()
    width, height = Image.open(io.BytesIO(data)).size
    assert abs(width / 1.5 - height) <= 1
    data, _ = fetch(client, number, "recipe", crop=MADE)
    assert Recipe.from_json(data.decode()).labels == [MADE, *RECIPE.labels]
    whole, _ = fetch(client, number, "photo", crop="")
    assert whole == fetch(client, number, "photo")[0] and Image.open(io.BytesIO(whole)).size == (403, 301)
    assert fetch(client, number, "exports", crop=MADE)[0] != fetch(client, number, "exports")[0]


def test_the_juror_scores_what_is_left(client: httpx.Client, studio_editor: Editor, tmp_path: Path) -> None:
    number = edited(client, jpeg(0, 300, 400))
    (tmp_path / "a.png").write_bytes(jpeg(0, 300, 400))
    small = read_photo_file(tmp_path / "a.png").small_copy(*studio_editor.size)
    answer = client.get(f"/advice/photos/{number}/said", params={"crop": MADE}).json()
    assert answer["heading"] == "A crop and 3 edits made"
    assert [step["label"] for step in answer["steps"]] == RECIPE.labels, "the crop is no row"
    part = Image.fromarray(crop_of(MADE)(decode_photo(jpeg(0, 300, 400))))
    part.save(tmp_path / "part.png")
    left = read_photo_file(tmp_path / "part.png").small_copy(*studio_editor.size)
    before, after = Redness().score([left, RECIPE(left)])
    assert answer["score"] == pytest.approx(after)
    assert answer["verdict"] == f"Score {before:.2f} → {after:.2f} of 10", "the crop counts for neither"
    whole = client.get(f"/advice/photos/{number}/said", params={"crop": ""}).json()
    assert whole["score"] == pytest.approx(Redness().score([RECIPE(small)])[0])


def test_a_crop_alone_is_an_edit(client: httpx.Client) -> None:
    number = edited(client)
    answer = client.get(f"/advice/photos/{number}/said", params={"steps": "off,off,off", "crop": MADE}).json()
    assert answer["heading"] == "A crop made" and answer["steps"] == []
    data, _ = fetch(client, number, "recipe", steps="off,off,off", crop=MADE)
    assert Recipe.from_json(data.decode()).labels == [MADE]


@pytest.mark.parametrize(
    "crop",
    [
        *("warmth", "crop", "crop(1,2,3,4)", "crop(0.5,0.5,0.4,0.9)", "crop(0.1,0.1,0.5)", "crop(nan,0,1,1)"),
        *(
            "crop(0,0,1,1,3x2)",
            "crop(0,0,1,1,0:1)",
            "crop_1_1",
            "crop_left(+0.050)",
            "../..",
            "crop(0,0,1,1) ",
            "x" * 99,
        ),
    ],
)
def test_what_is_no_crop_is_refused(client: httpx.Client, crop: str) -> None:
    number = edited(client)
    for path in ("preview", "said", "thumbnail", "before"):
        answer = client.get(f"/advice/photos/{number}/{path}", params={"crop": crop})
        assert answer.status_code == 422 and isinstance(answer.json()["detail"], str), path
    assert client.post(f"/advice/photos/{number}/files/photo", json={"crop": crop}).status_code == 422


def test_the_panel_has_the_suggestion_and_its_reason(client: httpx.Client, serve: Callable[..., Any]) -> None:
    page = client.get(f"/advice/photos/{edited(client)}").text
    assert f'data-suggested="{BEST}"' in page and 'data-decided=""' in page
    assert (
        "It keeps 93\N{NO-BREAK SPACE}% of what people probably look at, on 50\N{NO-BREAK SPACE}% of the photo." in page
    )
    assert "3 edits suggested" in page and "The whole photo scores" in page
    with serve() as other, other.client() as stranger:
        page = stranger.get(f"/advice/photos/{edited(stranger)}").text
        assert 'data-suggested=""' in page and "crop-suggestion" not in page and "Change the crop" in page


def test_a_crop_that_is_applied_is_where_the_hand_begins(serve: Callable[..., Any]) -> None:
    with serve(framer=framer("advise.crop=apply", "advise.aspect=1:1")) as served, served.client() as client:
        number = edited(client, jpeg(0, 300, 400))
        page = client.get(f"/advice/photos/{number}").text
        assert (
            'data-decided="crop(' in page
            and "A crop and 3 edits suggested" in page
            and page.count("<li data-place=") == 3
        )
        shown = picture(client, number)
        assert shown.shape[0] == shown.shape[1] == picture(client, number, "before").shape[0] < 300
        assert picture(client, number, crop="").shape == (300, 400, 3)
        data, _ = fetch(client, number, "recipe", steps="on,off,off")
        labels = Recipe.from_json(data.decode()).labels
        assert labels[0].endswith(",1:1)") and labels[1:] == RECIPE.labels[:1]


def test_a_crop_is_cut_before_it_is_made_small(studio_editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(0, 1500, 3000))
    editing = Editing(studio_editor, None, {}, 10_000_000, open_framer(load_config(["task=studio"])))
    found = editing.open(Source(tmp_path / "a.jpg", "a.jpg"), lambda stage: None)
    assert max(found.large.pixels.shape) == LARGE and max(found.shown(None).shape) == PREVIEW
    half = crop_of("crop(0.250,0.250,0.750,0.750)")
    assert max(found.shown(half).shape) == LARGE // 2
    editing.preview("a", found, Recipe((half, *RECIPE)))
    kept = editing._steps["a"]
    editing.preview("a", found, Recipe((half, *RECIPE.transforms[:2])))
    assert [now is then for (_, now), (_, then) in zip(editing._steps["a"], kept, strict=False)] == [True] * 3
