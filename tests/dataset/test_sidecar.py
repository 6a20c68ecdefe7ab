"""What is known of photos from a file beside them."""

import json
from pathlib import Path

import pytest

from apsi.dataset.base import Listing
from apsi.dataset.folder import Folder
from apsi.dataset.selection import Selection
from apsi.dataset.sidecar import read_sidecar, with_sidecar
from apsi.errors import ApsiError
from apsi.photo.facts import NO_FACTS, PhotoFacts

ONCE = {"train": 1, "val": 1, "test": 1}
KNOWN = PhotoFacts(
    "CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/", "Ana", "https://a.org/1", ("sea", "boat")
)
CSV = "file,licence,licence_url,author,source_url,tags\n"


def folder(root: Path, **files: str) -> Path:
    for name in ("a.jpg", "sub/b.jpg", "c.jpg"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    for name, text in files.items():
        (root / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return root


def listing(root: Path, sidecar: Path | None = None) -> Listing:
    dataset = Folder(str(root), ONCE, [])
    dataset.selection = Selection(sidecar=None if sidecar is None else str(sidecar))
    return with_sidecar(dataset)


def facts(found: Listing) -> dict[str, PhotoFacts]:
    return {file.name: file.facts for file in found.files}


def test_csv_and_json_say_the_same_and_are_found_by_themselves(tmp_path: Path) -> None:
    row = {"file": "sub/b.jpg", "license": KNOWN.licence, "license_url": KNOWN.licence_url, "author": "Ana"}
    row |= {"url": KNOWN.source_url}
    cells = f"sub/b.jpg,{KNOWN.licence},{KNOWN.licence_url},Ana,{KNOWN.source_url},sea; boat; sea"
    texts = [
        ("photos_csv", f"\ufeff{CSV}{cells}\r\n"),
        ("photos_csv", f"{CSV}{cells}\n".replace(";", "|").replace(",", ";").replace("|", ",")),
        ("photos_json", json.dumps([{**row, "tags": ["sea", "boat"]}])),
        ("photos_json", json.dumps({"sub\\b.jpg": {**row, "tags": "sea, boat"} | {"file": "sub\\b.jpg"}})),
    ]
    for i, (name, text) in enumerate(texts):
        (tmp_path / str(i)).mkdir()
        found = listing(folder(tmp_path / str(i), **{name: text}))
        assert facts(found) == {"a.jpg": NO_FACTS, "c.jpg": NO_FACTS, "sub/b.jpg": KNOWN}, text
        assert "has rows for 1 of 3 photos" in found.remarks[0]
        assert not found.skipped


def test_rows_without_photo_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    rows = f"{CSV}a.jpg,,,Ana,,\ngone.jpg,,,Bo,,\nx/y.jpg,,,Bo,,\n"
    (remark,) = listing(folder(tmp_path, photos_csv=rows)).remarks
    assert remark.endswith("has rows for 1 of 3 photos; 2 rows are of no photo here, the first: 'gone.jpg'")


def test_a_file_of_another_name_is_named_and_may_lie_anywhere(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "who.csv").write_text("file\tauthor\na.jpg\tAna\n")
    found = listing(folder(tmp_path / "photos"), tmp_path / "who.csv")
    assert facts(found)["a.jpg"].author == "Ana"


def test_a_file_of_the_usual_name_about_something_else_is_told_and_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = folder(tmp_path, photos_csv="date,place\n2024,Rome\n")
    assert listing(root).remarks == ()
    assert "is not taken for what is known of the photos: it has no column 'file', but 'date', 'place'" in caplog.text
    with pytest.raises(ApsiError, match=r"dataset\.sidecar=.*: it has no column 'file'"):
        listing(root, root / "photos.csv")


def test_columns_that_are_not_kept_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    listing(folder(tmp_path, photos_csv="file,autor\na.jpg,Ana\n"))
    assert "not kept of it: 'autor'" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{CSV}a.jpg,,,,,\na.jpg,,,,,\n", r"line 3: 'a\.jpg' has a row already"),
        (f"{CSV}a.jpg,x,javascript:alert(1),,,\n", "licence_url='javascript.*must begin with https://"),
        (f"{CSV}a.jpg,,,,ftp://a/b,\n", "source_url=.*must begin with https://"),
        (f"{CSV}a.jpg,,,,http://[,\n", "is no web address"),
        (f'{CSV}a.jpg,,,"A\nB",,\n', "author has more than .* letters, or some that can't be printed"),
        (f"{CSV}a.jpg,,,{'x' * 3000},,\n", "author has more than 2000 letters"),
        (f"{CSV},x,,,,\n", "line 2: it names no file"),
        (f"{CSV}a.jpg,1,2,3,4,5,6\n", "it has 7 values for 6 columns"),
        ("file,author,AUTHOR\na.jpg,x,y\n", "several columns for 'author'"),
        (f"{CSV}A.JPG,,,x,,\n", r"names none of the 3 photos: .*such as 'a\.jpg'; it has 'A\.JPG'"),
        ('file,author\na.jpg,"x\n', "no CSV file that can be read"),
    ],
)
def test_rows_that_can_not_be_used_are_errors_that_name_their_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ApsiError, match=message):
        listing(folder(tmp_path, photos_csv=text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[{]", "is not valid JSON"),
        ('[{"file": 3}]', "entry 1: it names no file"),
        ('[{"file": "a.jpg", "tags": 3}]', "tags=3 is neither a list nor a text"),
        ('[{"file": "a.jpg", "author": ["x"]}]', r"author=\['x'\] is no text"),
        (json.dumps([{"file": "a.jpg", "tags": [str(i) for i in range(300)]}]), "300 tags, at most 200"),
        ("[" * 100_000, "is not valid JSON"),
    ],
)
def test_json_that_can_not_be_used_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ApsiError, match=message):
        read_sidecar(tmp_path / "a.json")


def test_files_that_can_not_be_read_are_errors(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes(b"file,author\na.jpg,Andr\xe9\n")
    for name, message in (("latin.csv", "is not UTF-8"), ("gone.csv", "can't be read: No such file")):
        with pytest.raises(ApsiError, match=message):
            read_sidecar(tmp_path / name)


def test_two_files_of_the_usual_names_are_an_error_that_asks_which(tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match="are both there; say which"):
        listing(folder(tmp_path, photos_csv=CSV, photos_json="[]"))
