"""Photos of annotated sets: paths that stay inside, licences, tags, and scores that remain whose they are."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apsi.dataset.base import Listing
from apsi.dataset.coco import Coco
from apsi.errors import ApsiError
from apsi.photo.coco import ImageRecord, write_coco
from apsi.photo.facts import PhotoFacts

ONCE = {"train": 1, "val": 1, "test": 1}


def write(root: Path, content: Any, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "set.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return root / "set.json"


def listed(annotations: Path, root: Path | None = None, **more: Any) -> Listing:
    return Coco(str(annotations), None if root is None else str(root), ONCE, **more).listing()


CONTENT = {
    "info": {"description": "a set"},
    "licenses": [{"id": 4, "name": "CC BY 2.0", "url": "http://creativecommons.org/licenses/by/2.0/"}],
    "images": [
        {"id": 9, "file_name": "b/2.jpg", "license": 4, "coco_url": "http://images.org/2.jpg", "author": "Ana"},
        {"id": 8, "file_name": "1.jpg", "score": 4.5, "tags": ["own", "dog"]},
    ],
    "annotations": [
        {"id": 1, "image_id": 8, "category_id": 18, "bbox": [0, 0, 1, 1]},
        {"id": 2, "image_id": 8, "category_id": 18, "bbox": [1, 0, 1, 1]},
        {"id": 3, "image_id": 9, "category_id": 3},
    ],
    "categories": [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}],
}


def test_photos_come_with_licence_author_address_tags_and_the_scores_of_their_source(tmp_path: Path) -> None:
    listing = listed(write(tmp_path, CONTENT, "b/2.jpg", "1.jpg"))
    assert [(file.name, file.path.is_file()) for file in listing.files] == [("b/2.jpg", True), ("1.jpg", True)]
    licence = ("CC BY 2.0", "http://creativecommons.org/licenses/by/2.0/")
    assert [file.facts for file in listing.files] == [
        PhotoFacts(*licence, "Ana", "http://images.org/2.jpg", ("car",)),
        PhotoFacts(tags=("own", "dog"), scores=(("set.json", 4.5),)),
    ]


def test_a_file_of_apsi_names_its_juror_and_its_images_lie_in_their_folder(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "x.png").touch()
    record = ImageRecord("x.png", 8, 8, "x.png", "0" * 64, score=6.0, initial_score=7.0, transformations=("swap_rb",))
    write_coco(tmp_path / "annotations.json", [record], {"juror": "warmth-1"})
    (file,) = listed(tmp_path / "annotations.json").files
    assert file.path == tmp_path / "images" / "x.png"
    assert file.facts == PhotoFacts(scores=(("warmth-1", 6.0), ("warmth-1, before it was degraded", 7.0)))
    assert Coco(str(tmp_path / "annotations.json"), None, ONCE).name == tmp_path.name


def test_what_leads_out_or_can_not_be_read_is_skipped_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "p.jpg").touch()
    root = tmp_path / "root"
    names = ["../outside/p.jpg", "/etc/passwd.jpg", "a/../../p.jpg", "C:/x.jpg", "link/p.jpg", "..\\outside\\p.jpg"]
    names += ["two\nlines.jpg", "notes.txt", "ok.jpg", "./ok.jpg"]
    path = write(tmp_path, {"images": [{"id": i, "file_name": name} for i, name in enumerate(names)]}, "root/ok.jpg")
    (root / "link").symlink_to(tmp_path / "outside")
    listing = listed(path, root)
    assert [file.name for file in listing.files] == ["ok.jpg"]
    reasons = [entry.reason for entry in listing.skipped]
    assert reasons[:4] == ["leads out of the folder of the images"] * 4
    assert reasons[4] == f"leads out of dataset.root={root}"
    assert reasons[5] == reasons[0]
    assert "control character" in reasons[6] and "not an image format" in reasons[7] and "listed before" in reasons[8]
    assert "\n" not in "".join(entry.name for entry in listing.skipped)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not JSON, or was cut off"),
        ('{"images": [', "is not JSON, or was cut off"),
        ("[]", "no COCO file: it has no list 'images'"),
        ({"images": 3}, "no list 'images'"),
        ({"images": [3]}, "'images' holds something else than objects, at 0"),
        ({"images": [{"id": 1}]}, "image 0 has no file_name, but None"),
        ({"images": [{"id": [1], "file_name": "1.jpg"}]}, "has an id that is no number or text"),
        ({"images": [{"file_name": "1.jpg", "license": 7}]}, "has the licence 7, which 'licenses' does not have"),
        (
            {"images": [{"file_name": "1.jpg", "score": "high"}]},
            "has the score 'high' of 'set.json', which is no number",
        ),
        ('{"images": [{"file_name": "1.jpg", "score": NaN}]}', "has the score nan"),
        ({"images": [{"file_name": "1.jpg", "score": 10**400}]}, "has the score 1000"),
        ({"images": [{"file_name": "1.jpg", "coco_url": "file:///etc/passwd"}]}, "must begin with https://"),
        ({"images": [{"file_name": "1.jpg", "tags": "dog"}]}, "tags='dog', which is no list of texts"),
        ({"images": [{"file_name": "gone.jpg"}]}, r"none of the first 1 images .* is in .*dataset\.root=FOLDER"),
        ({"images": [], "annotations": {}}, None),
        ({"images": [], "annotations": "x"}, "'annotations' is no list"),
    ],
)
def test_a_file_that_can_not_be_used_is_an_error_that_names_the_place(
    tmp_path: Path, content: Any, message: str | None
) -> None:
    path = write(tmp_path, content, "1.jpg")
    if message is None:
        assert listed(path).files == ()
        return
    with pytest.raises(ApsiError, match=message):
        listed(path)


def test_missing_files_and_folders_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"dataset\.annotations=.* does not exist; give a COCO file"):
        listed(tmp_path / "gone.json")
    with pytest.raises(ApsiError, match=r"dataset\.root=.* is no folder"):
        listed(write(tmp_path, CONTENT), tmp_path / "gone")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["id", "file_name", "license", "score", "tags", "known_scores", "image_id", "category_id", "name"]
)
ENTRIES = st.lists(st.dictionaries(KEYS, JSON, max_size=5), max_size=3)
PARTS = st.fixed_dictionaries(
    {"images": ENTRIES}, optional=dict.fromkeys(("licenses", "categories", "annotations", "info"), ENTRIES | JSON)
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PARTS)
def test_whatever_stands_in_the_file_is_listed_or_refused_and_nothing_else_happens(
    tmp_path: Path, content: Any
) -> None:
    path = write(tmp_path, content)
    try:
        listing = listed(path)
    except ApsiError:
        return
    assert all(tmp_path in file.path.parents for file in listing.files)


def test_scores_are_used_only_where_it_is_said_whose_they_are(tmp_path: Path) -> None:
    path = write(tmp_path, CONTENT, "b/2.jpg", "1.jpg")
    assert Coco(str(path), None, ONCE).score_source == ""
    assert Coco(str(path), None, ONCE, score_source="niqe-1", use_scores=True).score_source == "niqe-1"
    with pytest.raises(ApsiError, match=r"use_scores=true needs dataset\.score_source"):
        Coco(str(path), None, ONCE, use_scores=True)


@pytest.mark.slow
def test_100000_images_are_listed_in_seconds(tmp_path: Path) -> None:
    images = [{"id": i, "file_name": f"{i % 100:02d}/{i:06d}.jpg", "license": 4, "score": 1.0} for i in range(100_000)]
    path = write(tmp_path, CONTENT | {"images": images, "annotations": []}, "00/000000.jpg")
    began = time.process_time()
    assert len(listed(path).files) == 100_000
    assert time.process_time() - began < 20
