"""Which photos are meant."""

from collections.abc import Callable
from pathlib import Path

import pytest

from apsi.advise.photos import find_photos
from apsi.errors import ApsiError

Save = Callable[..., Path]


def test_a_folder_is_searched_through_without_hidden_files_and_results(save: Save, tmp_path: Path) -> None:
    for name in ("b.jpg", "sub/a.PNG", ".hidden.jpg", ".cache/c.jpg", "out/b-edited.jpg"):
        save(name)
    (tmp_path / "photos" / "notes.txt").write_text("no photo")
    photos = tmp_path / "photos"
    assert [item.name for item in find_photos(str(photos), photos / "out")] == ["b", "sub/a"]


def test_results_beside_the_photos_do_not_hide_the_photos(save: Save, tmp_path: Path) -> None:
    save("b.jpg")
    photos = tmp_path / "photos"
    assert [item.name for item in find_photos(str(photos), photos)] == ["b"]


def test_a_list_and_a_pattern_give_each_photo_once(save: Save, tmp_path: Path) -> None:
    one, two = save("a.jpg"), save("b.jpg")
    assert [item.path for item in find_photos([str(two), str(tmp_path / "photos" / "*.jpg")])] == [two, one]


def test_names_of_results_are_never_shared(save: Save, tmp_path: Path) -> None:
    """Raw and JPEG of one shot, capitals, and photos of one name from two folders."""
    files = [save(name) for name in ("IMG.jpg", "IMG.png", "x/a.jpg", "y/A.jpg")]
    items = find_photos([str(file) for file in files])
    names = [item.name.lower() for item in items]
    assert len(set(names)) == 4 and items[0].name == "IMG.jpg" and items[1].name == "IMG.png"


@pytest.mark.parametrize(
    ("photo", "message"),
    [
        (None, "no photo is named: add photo="),
        ([], "no photo is named"),
        ("photos/IMG_12.jpg", r"does not exist\. Did you mean 'IMG_123.jpg'"),
        ("photos/*.tif", "matches no file"),
        ("empty", "holds no photo: none of its files ends in"),
    ],
)
def test_what_is_not_there_is_said_before_anything_is_done(
    photo: object, message: str, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save("IMG_123.jpg")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ApsiError, match=message):
        find_photos(photo)
