"""Every reader: what it reads, and what it says of files that are wrong."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image
from scipy.io import savemat

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.crops.base import AnnotatedPhoto, CropAnnotations
from apsi.crops.files import MOST_BYTES
from apsi.errors import ApsiError
from tests.command_line import REPOSITORY

WIDTH, HEIGHT = 200, 100


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with a.jpg and b.jpg, 200 x 100, and c.jpg, which stands upright only by its EXIF."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (WIDTH, HEIGHT)).save(folder / name)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "c.jpg", exif=turned)
    return folder


def reader(option: str, root: Path, annotations: Path, **settings: Any) -> CropAnnotations:
    """An option of crops= as a configuration builds it."""
    config = load_config([f"crops={option}", f"crops.root={root}", f"crops.annotations='{annotations}'"]).crops
    found = instantiate(OmegaConf.merge(config, settings))
    assert isinstance(found, CropAnnotations)
    return found


def written(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def read(option: str, root: Path, annotations: Path, **settings: Any) -> list[AnnotatedPhoto]:
    return reader(option, root, annotations, **settings).photos()


def example(number: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the names of an example in docs/crops.md stand for after it ran in a folder."""
    page = (REPOSITORY / "docs" / "crops.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    monkeypatch.chdir(folder)
    exec(re.findall(r"^```python\n(.+?)^```", page, re.MULTILINE | re.DOTALL)[number], names)
    return names


def near(photo: AnnotatedPhoto, *rows: list[float]) -> None:
    np.testing.assert_allclose(photo.boxes, rows)


@pytest.fixture
def gaicd(photos: Path) -> Path:
    folder = photos.parent / "annotations"
    written(folder / "a.txt", "10 20 90 180 4.5\n0 0 50 100 -2\n\n")
    written(folder / "b.txt", "0 0 100 200 3\n")
    written(folder / "c.txt", "100 10 180 90 2.5\n")
    return folder


def test_gaicd(photos: Path, gaicd: Path) -> None:
    a, b, c = read("gaicd", photos, gaicd)
    assert (a.name, b.name, c.name, a.are_best) == ("a.jpg", "b.jpg", "c.jpg", False)
    near(a, [0.1, 0.1, 0.9, 0.9], [0, 0, 0.5, 0.5])
    assert a.scores[0] == 4.5 and np.isnan(a.scores[1])
    assert len(a.scored.boxes) == 1
    near(c, [0.1, 0.5, 0.9, 0.9])  # pixels of the upright photo


def test_the_example_of_the_page(photos: Path, gaicd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "GAICD" / "images").mkdir(parents=True)
    photos.rename(tmp_path / "GAICD" / "images" / "test")
    gaicd.rename(tmp_path / "GAICD" / "annotations")
    assert [photo.name for photo in example(1, tmp_path, monkeypatch)["photos"]] == ["a.jpg", "b.jpg", "c.jpg"]


def test_gaicd_in_splits(photos: Path, gaicd: Path) -> None:
    (photos / "test").mkdir()
    (photos / "a.jpg").rename(photos / "test" / "a.jpg")
    assert [photo.name for photo in read("gaicd", photos, gaicd)] == ["b.jpg", "c.jpg", "test/a.jpg"]
    assert [photo.name for photo in read("gaicd", photos / "test", gaicd)] == ["a.jpg"]
    (gaicd / "test").mkdir()
    (gaicd / "a.txt").rename(gaicd / "test" / "a.txt")
    assert len(read("gaicd", photos, gaicd)) == 3


def test_a_photo_without_annotations_is_named_or_left_out(photos: Path, gaicd: Path) -> None:
    (gaicd / "b.txt").unlink()
    with pytest.raises(ApsiError, match=r"1 of 3 photos .* the first is b\.jpg; .*crops\.skip_missing=true"):
        read("gaicd", photos, gaicd)
    assert [photo.name for photo in read("gaicd", photos, gaicd, skip_missing=True)] == ["a.jpg", "c.jpg"]


def test_a_wrong_order_is_named_with_the_one_that_fits(photos: Path, gaicd: Path) -> None:
    (photos / "c.jpg").unlink()
    with pytest.raises(ApsiError, match=r"a\.txt, line 1: .*of a\.jpg, which is 200 x 100 pixels, reaches beyond it"):
        read("gaicd", photos, gaicd, order="x1 y1 x2 y2")
    with pytest.raises(ApsiError, match=r"exchanged all 3 fit: if they are, say crops\.order='y1 x1 y2 x2'"):
        read("gaicd", photos, gaicd, order="x1 y1 x2 y2")
    with pytest.raises(ApsiError, match=r"crops\.order=x y x2 y2 must have each of"):
        read("gaicd", photos, gaicd, order="x y x2 y2")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("10 20 90 180", r"a\.txt, line 1: 10 20 90 180 must be 5 numbers"),
        ("10 20 90 180 good", "must be 5 numbers"),
        ("10 20 90 nan 3", "must be 5 finite numbers"),
        ("10 20 10 180 3", "is empty or inverted"),
        ("10 20 90 203 3", r"reaches beyond it .*same size.*crops\.slack=1 pixels"),
        ("0.1 0.1 0.9 0.9 3", "look like shares of the sides where pixels are meant"),
        ("", "is empty; fetch it again"),
    ],
)
def test_gaicd_with_a_wrong_line(line: str, said: str, photos: Path, gaicd: Path) -> None:
    written(gaicd / "a.txt", line)
    if "shares" in said:
        for name in ("b.jpg", "c.jpg"):
            (photos / name).unlink()
    with pytest.raises(ApsiError, match=said):
        read("gaicd", photos, gaicd)


def test_slack_is_cut_off(photos: Path, gaicd: Path) -> None:
    written(gaicd / "a.txt", "0 -1 101 201 3")
    near(read("gaicd", photos, gaicd)[0], [0, 0, 1, 1])
    written(gaicd / "a.txt", "0 0 105 200 3")
    near(read("gaicd", photos, gaicd, slack=5)[0], [0, 0, 1, 1])


def test_icdb(photos: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "Cropping parameters.txt", "animal\\a.jpg\n10 90 20 180\n0 50 0 100\n0 100 0 200 \n")
    (photo,) = read("icdb", photos, file)
    near(photo, [0.1, 0.1, 0.9, 0.9], [0, 0, 0.5, 0.5], [0, 0, 1, 1])
    assert photo.are_best and np.isnan(photo.scores).all()
    (photos / "animal").mkdir()
    (photos / "a.jpg").rename(photos / "animal" / "a.jpg")
    assert read("icdb", photos, file)[0].name == "animal/a.jpg"


def test_flms_as_the_page_makes_a_text_of_it(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.empty((2, 1), dtype=[("filename", object), ("bbox", object)])
    rows[0, 0] = ("a.jpg", np.array([[10, 20, 90, 180], [-1, -1, -1, -1]]))
    rows[1, 0] = ("b.jpg", np.array([[0, 0, 100, 200], [0, 0, 50, 100]]))
    savemat(tmp_path / "500_image_dataset.mat", {"img_gt": rows})
    example(0, tmp_path, monkeypatch)
    a, b = read("flms", photos, tmp_path / "flms.txt")
    near(a, [0.1, 0.1, 0.9, 0.9])
    near(b, [0, 0, 1, 1], [0, 0, 0.5, 0.5])


def test_blocks_that_begin_with_a_box_or_have_a_wrong_one(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"line 1: a box comes before the name"):
        read("icdb", photos, written(tmp_path / "crops.txt", "10 90 20 180\n"))
    with pytest.raises(ApsiError, match=r"line 2: 10 90 20 must be 4 numbers"):
        read("icdb", photos, written(tmp_path / "crops.txt", "a.jpg\n10 90 20\n"))


BOXES = [[20, 10, 180, 90], [0, 0, 100, 50]]


@pytest.mark.parametrize("twice", [True, False], ids=["JSON in JSON", "JSON"])
def test_cpc_in_a_folder(twice: bool, photos: Path, tmp_path: Path) -> None:
    content = {"bboxes": BOXES, "scores": [[1, 0], [1, 1], [1, 0]]}
    written(tmp_path / "raw" / "a.jpg.txt", json.dumps(json.dumps(content)) if twice else json.dumps(content))
    (photo,) = read("cpc", photos, tmp_path / "raw")
    near(photo, [0.1, 0.1, 0.9, 0.9], [0, 0, 0.5, 0.5])
    np.testing.assert_allclose(photo.scores, [1, 1 / 3])


def test_cpc_in_one_file(photos: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "image_crop.json", {"a.jpg": {"bboxes": BOXES, "scores": [0.5, 2]}})
    np.testing.assert_allclose(read("cpc", photos, file)[0].scores, [0.5, 2])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"a.jpg": {"bboxes": BOXES, "scores": [1]}}, "a.jpg, scores: 1 must be 2 numbers"),
        ({"a.jpg": {"bboxes": BOXES}}, "a.jpg, scores are missing"),
        ({"a.jpg": {"bboxes": [[1, 2, "x", 4]], "scores": [1]}}, "a.jpg, box 1: 1 2 x 4 must be 4 numbers"),
        ({"a.jpg": {"bboxes": [[1, 2, 10**400, 4]], "scores": [1]}}, "a.jpg, box 1: .* must be 4 numbers"),
        ({"a.jpg": [1, 2]}, r"a\.jpg must have"),
        ([1], "must be a mapping"),
        ("{", "is not JSON"),
        ({"../a.jpg": {"bboxes": BOXES, "scores": [1, 2]}}, r"'\.\./a\.jpg' is no name of a file below crops\.root"),
        ({"/etc/a.jpg": {"bboxes": BOXES, "scores": [1, 2]}}, "is no name of a file below"),
        ({"z.jpg": {"bboxes": BOXES, "scores": [1, 2]}}, r"1 of 1 annotated photos are not in .* the first is z\.jpg"),
    ],
)
def test_cpc_with_wrong_content(content: object, said: str, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=said):
        read("cpc", photos, written(tmp_path / "crops.json", content))


def test_widths_and_heights_that_are_read_as_corners_are_found_out(photos: Path, tmp_path: Path) -> None:
    sizes = [[20, 10, 160, 80], [150, 60, 50, 40]]
    file = written(tmp_path / "crops.json", {"a.jpg": {"bboxes": sizes, "scores": [1, 2]}})
    said = r"box 2: the box 150, 60, 50, 40 .* is empty or inverted \(as are 1 of 2 boxes\).*'x y width height'"
    with pytest.raises(ApsiError, match=said):
        read("cpc", photos, file)
    near(read("cpc", photos, file, order="x y width height")[0], [0.1, 0.1, 0.9, 0.9], [0.75, 0.6, 1, 1])


def test_fcdb_best_crops(photos: Path, tmp_path: Path) -> None:
    entries = [
        {"url": "https://example.org/1/a.jpg", "crop": [20, 10, 160, 80]},
        {"url": "https://example.org/z.jpg", "crop": [0, 0, 9, 9]},
    ]
    file = written(tmp_path / "cropping_testing_set.json", entries)
    with pytest.raises(ApsiError, match=r"1 of 2 annotated photos are not in .* z\.jpg"):
        read("fcdb", photos, file)
    (photo,) = read("fcdb", photos, file, skip_missing=True)
    near(photo, [0.1, 0.1, 0.9, 0.9])
    assert photo.are_best and photo.name == "a.jpg"


def test_fcdb_pairs(photos: Path, tmp_path: Path) -> None:
    one, two, three = [0, 0, 100, 50], [100, 50, 100, 50], [0, 0, 160, 80]
    pairs = [
        {"crop_0": one, "crop_1": two, "vote_for_0": 4, "vote_for_1": 1},
        {"crop_0": two, "crop_1": three, "vote_for_0": 0, "vote_for_1": 5},
    ]
    file = written(tmp_path / "ranking.json", [{"url": "https://example.org/a.jpg", "crops": pairs}])
    (photo,) = read("fcdb", photos, file)
    near(photo, [0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1], [0, 0, 0.8, 0.8])  # each crop once
    assert photo.pairs.tolist() == [[0, 1, 4, 1], [1, 2, 0, 5]]
    assert np.isnan(photo.scores).all() and not photo.are_best


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"crop": [0, 0, 9, 9]}, "photo 1: there is no url"),
        ({"url": "https://example.org/a.jpg"}, "neither crop nor crops"),
        ({"url": "https://example.org/a.jpg", "crop": [1, 2, 3]}, "photo 1, crop: 1 2 3 must be 4 numbers"),
        ({"url": "https://example.org/a.jpg", "crop": [100, 50, 180, 90]}, r"reaches beyond it .* crops=csv|same size"),
        ({"url": "https://example.org/a.jpg", "crops": [{"crop_0": [0, 0, 9, 9]}]}, "pair 1, crop_1"),
        (
            {"url": "a.jpg", "crops": [{"crop_0": [0, 0, 9, 9], "crop_1": [1, 1, 9, 9], "vote_for_0": -1}]},
            r"photo 1, pair 1: votes must be whole numbers from 0, not \[-1, None\]",
        ),
    ],
)
def test_fcdb_with_wrong_content(entry: object, said: str, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=said):
        read("fcdb", photos, written(tmp_path / "crops.json", [entry]))


def test_csv(photos: Path, tmp_path: Path) -> None:
    file = tmp_path / "crops.csv"
    written(file, "photo,x1,y1,x2,y2,score\na.jpg,20,10,180,90,4\nb.jpg,0,0,200,100,1\na.jpg,0,0,100,50,\n")
    a, b = read("csv", photos, file)
    near(a, [0.1, 0.1, 0.9, 0.9], [0, 0, 0.5, 0.5])
    assert a.scores[0] == 4 and np.isnan(a.scores[1]) and not a.are_best
    near(b, [0, 0, 1, 1])
    written(file, "photo,x,y,width,height\na.jpg,0.1,0.1,0.8,0.8\n")
    (a,) = read("csv", photos, file, unit="shares")
    near(a, [0.1, 0.1, 0.9, 0.9])
    assert a.are_best


@pytest.mark.parametrize(
    ("text", "unit", "said"),
    [
        ("", "pixels", "line 1: the header"),
        ("photo,left,top\n", "pixels", "header photo,left,top has no columns"),
        ("photo,x1,y1,x2,y2\na.jpg,1,2,3\n", "pixels", "line 2: 4 values for 5 columns"),
        ("photo,x1,y1,x2,y2\na.jpg,1,2,3,much\n", "pixels", "line 2: 1 2 3 much must be 4 numbers"),
        ("photo,x1,y1,x2,y2,score\na.jpg,1,2,3,4,much\n", "pixels", "line 2, score: much must be 1 numbers"),
        ("photo,x1,y1,x2,y2\na.jpg,0.1,0.1,0.9,0.9\n", "pixels", "look like shares of the sides"),
        ("photo,x1,y1,x2,y2\na.jpg,20,10,180,90\n", "shares", r"crops\.unit=pixels"),
        (
            "photo,x1,y1,x2,y2\na.jpg,0.5,0.5,0.4,0.4\n",
            "shares",
            "line 2: .*Read as x, y, width and height all 1 fit.*photo,x,y,width,height",
        ),
        ('photo,x1,y1,x2,y2\n"a.jpg,1,2,3,4\n', "pixels", "line 2: unexpected end of data"),
    ],
)
def test_csv_with_wrong_content(text: str, unit: str, said: str, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=said):
        read("csv", photos, written(tmp_path / "crops.csv", text), unit=unit)


@pytest.mark.parametrize("option", ["gaicd", "icdb", "flms", "fcdb", "cpc", "csv"])
def test_what_is_not_there_is_named(option: str, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"crops\.root=.*nowhere is no folder"):
        read(option, tmp_path / "nowhere", tmp_path / "crops")
    with pytest.raises(ApsiError, match=r"crops\.annotations.*none"):
        read(option, photos, tmp_path / "none")


def test_files_that_are_too_large_no_text_or_no_photo_are_refused(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "crops.csv"
    file.write_bytes(b"photo,x1,y1,x2,y2\n\xff.jpg,1,2,3,4\n")
    with pytest.raises(ApsiError, match="is not UTF-8 text"):
        read("csv", photos, file)
    with file.open("wb") as sparse:
        sparse.truncate(MOST_BYTES + 1)
    with pytest.raises(ApsiError, match="at most 200,000,000 are read"):
        read("csv", photos, file)
    (photos / "a.jpg").write_bytes(b"none")
    with pytest.raises(ApsiError, match=r"a\.jpg is no photo that can be read"):
        read("csv", photos, written(file, "photo,x1,y1,x2,y2\na.jpg,1,2,3,4\n"))


def test_no_photo_in_common_is_an_error(photos: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "crops.csv", "photo,x1,y1,x2,y2\nz.jpg,1,2,3,4\n")
    with pytest.raises(ApsiError, match="have no photo in common"):
        read("csv", photos, file, skip_missing=True)


def test_an_annotated_photo_holds_its_shapes() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        AnnotatedPhoto("a.jpg", np.zeros((2, 4)), np.zeros(3))
    with pytest.raises(ValueError, match="do not fit"):
        AnnotatedPhoto("a.jpg", np.zeros((2, 4)), np.zeros(2), pairs=np.array([[0, 2, 1, 1]]))
