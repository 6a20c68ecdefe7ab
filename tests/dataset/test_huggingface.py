"""Data sets in the formats of Hugging Face, without a network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apsi.dataset.choose import choose
from apsi.dataset.huggingface import HuggingFace
from apsi.dataset.selection import Selection
from apsi.errors import ApsiError
from apsi.photo.write import encode_jpeg
from tests.conftest import natural_photo

parquet = pytest.importorskip("pyarrow.parquet")
datasets = pytest.importorskip("datasets", reason="the extra 'huggingface' is not installed")
ONCE = {"train": 1, "val": 1, "test": 1}
FILES = [encode_jpeg(natural_photo(i)) for i in range(6)]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)


def rows() -> Any:
    """Six photos with a class each."""
    features = datasets.Features({"photo": datasets.Image(), "label": datasets.ClassLabel(names=["sea", "wood"])})
    content = {"photo": [{"bytes": data, "path": None} for data in FILES], "label": [0, 1] * 3}
    info = datasets.DatasetInfo(
        features=features, license="CC BY 4.0", citation="@misc{x,\n year=2020}", homepage="https://a.org"
    )
    return datasets.Dataset.from_dict(content, info=info)


def opened(repo: Path, folder: Path, split: str = "train", image_column: str | None = None) -> HuggingFace:
    return HuggingFace(
        repo=str(repo),
        split=split,
        image_column=image_column,
        config=None,
        revision=None,
        folder=str(folder / "written"),
        enlarge=ONCE,
    )


def contents(dataset: HuggingFace) -> list[bytes]:
    return [file.path.read_bytes() for file in choose(dataset, 0).files]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("saved")
    rows().save_to_disk(root / "one")
    datasets.DatasetDict({"train": rows(), "test": rows().select([3])}).save_to_disk(root / "several")
    (root / "parquet").mkdir()
    rows().to_parquet(root / "parquet" / "train.parquet")
    for i, data in enumerate(FILES):
        (root / "images" / "train").mkdir(parents=True, exist_ok=True)
        (root / "images" / "train" / f"{i}.jpg").write_bytes(data)
    return root


@pytest.mark.parametrize("kind", ["one", "several", "parquet", "images"])
def test_images_are_written_byte_for_byte_as_they_are_in_the_data_set(saved: Path, tmp_path: Path, kind: str) -> None:
    assert contents(opened(saved / kind, tmp_path)) == FILES


def test_classes_are_tags_and_licence_and_citation_are_known(saved: Path, tmp_path: Path) -> None:
    dataset = opened(saved / "one", tmp_path)
    dataset.selection = Selection(tags=["wood"])
    assert [file.name for file in choose(dataset, 0).files] == ["0000001", "0000003", "0000005"]
    assert dataset.info == {"licence": "CC BY 4.0", "citation": "@misc{x, year=2020}", "url": "https://a.org"}
    assert dataset.name == "one-train"


def test_no_more_is_written_than_is_asked_for_and_what_is_there_is_not_written_again(
    saved: Path, tmp_path: Path
) -> None:
    first = opened(saved / "one", tmp_path)
    first.selection = Selection(limit=2)
    few = {file.path: file.path.stat().st_ino for file in choose(first, 0).files}
    assert set((tmp_path / "written").glob("one-*/*")) == set(few)
    again = opened(saved / "one", tmp_path)
    files = choose(again, 0).files
    assert len(files) == 6 and set(few) < {file.path for file in files}
    assert {path: path.stat().st_ino for path in few} == few


def test_another_content_goes_into_another_folder(saved: Path, tmp_path: Path) -> None:
    one, other = opened(saved / "several", tmp_path), opened(saved / "several", tmp_path, split="test")
    assert contents(other) == [FILES[3]] and contents(one) == FILES
    assert len(list((tmp_path / "written").glob("several-*"))) == 2


def test_images_that_are_missing_or_lie_elsewhere_are_skipped(tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(FILES[0])
    features = datasets.Features({"photo": datasets.Image()})
    content = [{"bytes": FILES[1], "path": None}, None, {"bytes": None, "path": str(secret)}]
    raw = datasets.Dataset.from_dict({"photo": content}, features=features)
    (tmp_path / "set").mkdir()
    parquet.write_table(raw.data.table, tmp_path / "set" / "train.parquet")  # as it is, no file put in
    listing = choose(opened(tmp_path / "set", tmp_path), 0)
    assert [file.name for file in listing.files] == ["0000000"]
    assert {entry.name: entry.reason for entry in listing.skipped} == {
        "0000001": "can't be had: the data set has no image there",
        "0000002": "can't be had: the data set names a file outside of its folder",
    }


def test_a_column_of_bytes_is_taken_where_it_is_named(tmp_path: Path) -> None:
    features = datasets.Features({"data": datasets.Value("binary"), "n": datasets.Value("int64")})
    datasets.Dataset.from_dict({"data": FILES, "n": range(6)}, features=features).save_to_disk(tmp_path / "set")
    assert contents(opened(tmp_path / "set", tmp_path, image_column="data")) == FILES
    with pytest.raises(
        ApsiError, match=r"has the columns data \(Value\), n \(Value\); name one of images, of which it"
    ):
        opened(tmp_path / "set", tmp_path).listing()


@pytest.mark.parametrize(
    ("kind", "more", "message"),
    [
        ("several", {"split": "tset"}, r"dataset\.split=tset: .* has train, test\..*Did you mean"),
        ("parquet", {"split": "val"}, r"dataset\.split=val"),
        ("one", {"image_column": "label"}, r"dataset\.image_column=label: .*name one of images: photo"),
        ("gone", {}, "is no folder here, and no name on the Hub"),
    ],
)
def test_what_is_not_there_is_an_error_that_says_what_is(
    saved: Path, tmp_path: Path, kind: str, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ApsiError, match=message):
        opened(saved / kind, tmp_path, **more).listing()


def test_code_in_the_folder_is_refused_and_never_run(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "set.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ApsiError, match=r"code of data sets is not run, and set\.py is some"):
        opened(tmp_path / "set", tmp_path).listing()
    assert not (tmp_path / "ran").exists()


def test_without_the_library_the_extra_is_named(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apsi.dataset.huggingface.find_spec", lambda name: None)
    with pytest.raises(ApsiError, match=r"pip install 'apsi\[huggingface\]'"):
        opened(saved / "one", tmp_path).listing()


def test_photos_of_it_can_be_decoded(saved: Path, tmp_path: Path) -> None:
    from apsi.photo.formats import read_any

    (file, *_) = choose(opened(saved / "one", tmp_path), 0).files
    assert np.abs(read_any(file.path).astype(int) - natural_photo(0)).mean() < 10
