"""COCO files: valid for any tool that reads COCO, and read back as they were."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO

from apsi.errors import ApsiError
from apsi.photo.coco import ImageRecord, read_coco, write_coco
from apsi.photo.facts import PhotoFacts

RECORDS = [
    ImageRecord(
        file_name="zdjęcie-d00.png",
        width=64,
        height=48,
        source="Nad morzem/zdjęcie 1.jpg",
        original="ab" * 32,
        version=2,
        split="train",
        original_file_name="zdjęcie.png",
        score=3.0000000000000004,
        initial_score=7.1,
        transformations=("swap_gb", "invert_r", "swap_gb", "invert_b"),
    ),
    ImageRecord("plain.png", 10, 20, source="plain.png", original="cd" * 32),
]
INFO = {"juror": "test", "dropped": 3}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_coco(tmp_path / "annotations.json", RECORDS, INFO)
    return tmp_path / "annotations.json"


def test_records_and_info_are_read_back_exactly(path: Path) -> None:
    assert read_coco(path) == (RECORDS, INFO)


def test_pycocotools_loads_the_file(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coco = COCO(str(path))
    degraded, plain = coco.loadImgs(coco.getImgIds())
    assert (degraded["file_name"], degraded["width"], degraded["height"]) == ("zdjęcie-d00.png", 64, 48)
    assert (degraded["score"], degraded["initial_score"]) == (3.0000000000000004, 7.1)
    assert "score" not in plain
    assert coco.getAnnIds(imgIds=plain["id"]) == []


def test_each_transformation_is_one_annotation_with_its_place_in_the_sequence(path: Path) -> None:
    coco = COCO(str(path))
    annotations = coco.loadAnns(coco.getAnnIds(imgIds=1))
    names = [coco.cats[annotation["category_id"]]["name"] for annotation in annotations]
    assert list(zip([a["sequence"] for a in annotations], names, strict=True)) == [
        (0, "swap_gb"),
        (1, "invert_r"),
        (2, "swap_gb"),
        (3, "invert_b"),
    ]
    assert all(annotation["bbox"] == [0, 0, 64, 48] and annotation["area"] == 64 * 48 for annotation in annotations)
    assert len({annotation["id"] for annotation in annotations}) == 4


def test_every_label_is_one_category_under_transformation(path: Path) -> None:
    categories = COCO(str(path)).dataset["categories"]
    assert [(c["name"], c["supercategory"]) for c in categories] == [
        ("invert_b", "transformation"),
        ("invert_r", "transformation"),
        ("swap_gb", "transformation"),
    ]
    assert len({category["id"] for category in categories}) == 3


def test_the_sequence_counts_and_not_the_order_in_the_file(path: Path) -> None:
    content = json.loads(path.read_text())
    content["annotations"].reverse()
    path.write_text(json.dumps(content))
    assert read_coco(path)[0] == RECORDS


def test_a_file_without_photos_is_valid(tmp_path: Path) -> None:
    write_coco(tmp_path / "empty.json", [], INFO)
    assert read_coco(tmp_path / "empty.json") == ([], INFO)
    assert COCO(str(tmp_path / "empty.json")).getImgIds() == []


def test_a_missing_file_is_an_error_that_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"gone\.json does not exist; prepare the data again"):
        read_coco(tmp_path / "gone.json")


@pytest.mark.parametrize("content", [b"", b"{half", b"[]", b"5", b"{}", b"\xff\xfe\x00"])
def test_a_file_that_is_not_coco_is_an_error_that_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.json").write_bytes(content)
    with pytest.raises(ApsiError, match=r"broken\.json is not an annotation file of apsi .* prepare again"):
        read_coco(tmp_path / "broken.json")


@pytest.mark.parametrize(
    ("room", "key"),
    [
        ("images", "id"),
        ("images", "file_name"),
        ("images", "original"),
        ("annotations", "sequence"),
        ("annotations", "category_id"),
        ("categories", "name"),
    ],
)
def test_a_missing_key_is_an_error(path: Path, room: str, key: str) -> None:
    content: dict[str, Any] = json.loads(path.read_text())
    del content[room][0][key]
    path.write_text(json.dumps(content))
    with pytest.raises(ApsiError, match="is not an annotation file of apsi"):
        read_coco(path)


def test_what_is_known_of_photos_is_read_back_and_licences_are_numbered_once(tmp_path: Path) -> None:
    free, other = ("CC0", "https://cc.org/0"), ("CC0", "")
    facts = [
        PhotoFacts(*free, "Ana", "https://a.org/1", ("sea", "boat"), (("niqe", 3.5), ("mos", 71.0))),
        PhotoFacts(),
        PhotoFacts(*other),
        PhotoFacts(*free, tags=("sea",)),
    ]
    records = [ImageRecord(f"{i}.png", 4, 4, f"{i}.jpg", "0" * 64, facts=known) for i, known in enumerate(facts)]
    write_coco(tmp_path / "a.json", records, {})
    assert read_coco(tmp_path / "a.json")[0] == records
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["licenses"] == [{"id": 1, "name": "CC0", "url": free[1]}, {"id": 2, "name": "CC0", "url": ""}]
    assert [image.get("license") for image in content["images"]] == [1, None, 2, 1]
    assert content["images"][0]["known_scores"] == {"niqe": 3.5, "mos": 71.0}
    assert not {"author", "tags", "known_scores", "source_url", "facts"} & content["images"][1].keys()
    assert len(COCO(tmp_path / "a.json").imgs) == 4


def test_a_file_in_which_nothing_is_known_has_no_licences(path: Path) -> None:
    assert "licenses" not in json.loads(path.read_text())


@given(*[st.builds(PhotoFacts, *[st.sampled_from(["", "x", "y"])] * 4, st.sampled_from([(), ("a",), ("b", "a")]))] * 2)
def test_what_two_sources_know_is_joined_and_a_licence_keeps_its_own_address(
    one: PhotoFacts, other: PhotoFacts
) -> None:
    both = one.with_more(other)
    assert both.author == (other.author or one.author)
    assert set(both.tags) == {*one.tags, *other.tags}
    assert (both.licence, both.licence_url) in {(f.licence, f.licence_url) for f in (one, other)}
    assert one.with_more(PhotoFacts()) == one
