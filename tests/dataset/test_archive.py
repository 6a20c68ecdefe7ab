"""Data sets that are acquired: got once, listed like a folder, their licence wherever their photos are described."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hydra.utils import get_class

from apsi.acquire.local import Local
from apsi.dataset.archive import Archive
from apsi.dataset.choose import choose
from apsi.errors import ApsiError
from apsi.installation import CONFIG_DIR
from apsi.photo.coco import ImageRecord, read_coco, write_coco
from apsi.photo.write import encode_png
from tests.acquire.hostile import make_zip
from tests.conftest import natural_photo

PRESETS = ("flickr8k", "div2k", "places365", "lhq", "bsds500", "osie")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    photos = [(f"set/images/{i}.png", encode_png(natural_photo(i))) for i in range(3)]
    return make_zip(tmp_path / "Some set.zip", *photos, ("set/readme.txt", b"x"))


@pytest.fixture
def archive(made: Path, tmp_path: Path) -> Callable[..., Archive]:
    def make(**more: object) -> Archive:
        acquire = Local(roots=None, max_gigabytes=1, max_files=100, max_ratio=100, max_depth=9)
        usual: dict[str, object] = {"acquire": acquire, "folder": str(tmp_path / "acquired"), "url": str(made)}
        usual |= {"sha256": None, "root": "", "name": None, "licence": None, "citation": None}
        return Archive(**(usual | {"enlarge": {"train": 1, "val": 1, "test": 1}} | more))  # type: ignore[arg-type]

    return make


def test_it_is_listed_like_a_folder(archive: Callable[..., Archive]) -> None:
    listing = archive().listing()
    assert [file.name for file in listing.files] == [f"set/images/{i}.png" for i in range(3)]
    assert [skipped.name for skipped in listing.skipped] == ["set/readme.txt"]
    inner = archive(root="set/images").listing()
    assert [file.name for file in inner.files] == ["0.png", "1.png", "2.png"]
    assert [file.path for file in inner.files] == [file.path for file in listing.files]


def test_it_is_acquired_once_and_the_licence_is_shown_before(
    archive: Callable[..., Archive], made: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "apsi")
    dataset = archive(licence="CC BY 2.0", citation="Somebody, 2020", name="mine")
    dataset.listing()
    said = [record.getMessage() for record in caplog.records]
    assert "Licence: CC BY 2.0. Cite: Somebody, 2020" in said[0] and "held from now on" in said[-1]
    caplog.clear()
    made.unlink()  # nobody asks for it any more
    assert len(archive(licence="CC BY 2.0", name="mine").listing().files) == 3
    assert not caplog.records
    assert dataset.folder.name.startswith("mine-")
    assert json.loads((dataset.folder / "acquired.json").read_text())["licence"] == "CC BY 2.0"


def test_other_urls_are_other_folders_and_other_settings_are_not(archive: Callable[..., Archive], made: Path) -> None:
    assert archive().name == "Some_set"
    assert archive().folder == archive(root="set", licence="MIT", sha256="0" * 64).folder
    assert archive().folder != archive(url=[str(made), str(made.with_name("other.zip"))]).folder


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"sha256": "abc"}, r"dataset\.sha256=abc is no SHA-256"),
        ({"sha256": ["0" * 64, None]}, r"must have one entry for each of the 1"),
        ({"url": []}, r"must have one entry"),
        ({"root": "../../etc"}, r"dataset\.root=\.\./\.\./etc must be a folder in the archive"),
        ({"root": "/etc"}, r"must be a folder in the archive"),
        ({"name": "../x"}, r"dataset\.name='\.\./x' must begin with"),
        ({"url": "https://example.org/x.zip"}, r"dataset\.url=https://example\.org.*acquire=direct"),
    ],
    ids=str,
)
def test_wrong_settings_are_told_before_anything_is_got(
    archive: Callable[..., Archive], settings: dict[str, object], reason: str
) -> None:
    with pytest.raises(ApsiError, match=reason):
        archive(**settings)


def test_a_root_that_is_not_there_names_those_that_are(archive: Callable[..., Archive]) -> None:
    with pytest.raises(ApsiError, match=r"dataset\.root=photos is no folder .* has: set, set/images"):
        archive(root="photos").listing()


def test_the_licence_is_that_of_every_image_of_a_coco_file(tmp_path: Path) -> None:
    record = ImageRecord("a.png", 4, 3, "a.jpg", "hash")
    info = {"licence": "CC BY 2.0", "citation": "Somebody, 2020", "url": "https://example.org/x.zip"}
    write_coco(tmp_path / "a.json", [record], info)
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["licenses"] == [{"id": 1, "name": "CC BY 2.0", "url": ""}]
    assert content["images"][0]["license"] == 1 and content["info"] == info
    read, kept = read_coco(tmp_path / "a.json")
    assert kept == info and [one.facts.licence for one in read] == ["CC BY 2.0"]
    write_coco(tmp_path / "b.json", [record], {})
    assert "licen" not in (tmp_path / "b.json").read_text()


def test_a_place_on_this_machine_stands_in_no_annotation_file(archive: Callable[..., Archive]) -> None:
    assert archive().info == {}
    assert archive(licence="MIT").info == {"licence": "MIT"}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_complete_and_what_it_names_can_be_asked_for(name: str, tmp_path: Path) -> None:
    def read(group: str, option: str) -> dict[str, object]:
        content = yaml.safe_load((CONFIG_DIR / group / f"{option}.yaml").read_text(encoding="utf-8"))
        base = read(group, content["defaults"][0]) if "defaults" in content else {}
        return base | {key: value for key, value in content.items() if key != "defaults"}

    settings = read("dataset", name)
    defaults = yaml.safe_load((CONFIG_DIR / "dataset" / f"{name}.yaml").read_text())["defaults"]
    chosen = next((value for entry in defaults if isinstance(entry, dict) for value in entry.values()), "direct")
    how = read("acquire", chosen)
    settings |= {"acquire": get_class(str(how.pop("_target_")))(**how), "folder": str(tmp_path)}
    assert settings.pop("_target_") == "apsi.dataset.archive.Archive"
    dataset = Archive(**settings)  # type: ignore[arg-type]
    assert dataset.name == name
    assert all(dataset.info[key] for key in ("licence", "citation", "url"))
    assert list(tmp_path.iterdir()) == []


def test_what_lies_beside_the_photos_says_whose_they_are(
    archive: Callable[..., Archive], made: Path, tmp_path: Path
) -> None:
    photos = [("set/a.png", encode_png(natural_photo(0))), ("set/photos.csv", b"file,author\na.png,Somebody\n")]
    make_zip(made, *photos)
    chosen = choose(archive(root="set"), seed=0)
    assert [file.facts.author for file in chosen.files] == ["Somebody"]
