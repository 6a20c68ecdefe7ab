"""Listing the photos below a folder."""

import os
import sys
from pathlib import Path

import pytest

from apsi.dataset.base import Skipped
from apsi.dataset.folder import Folder
from apsi.errors import ApsiError
from apsi.photo import formats

ONCE = {"train": 1, "val": 1, "test": 1}


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def listed(root: Path, *exclude: Path) -> list[str]:
    return [file.name for file in Folder(str(root), ONCE, [str(path) for path in exclude]).listing().files]


def test_folders_are_searched_recursively_in_an_order_that_does_not_depend_on_the_disk(tmp_path: Path) -> None:
    make(tmp_path, "b.jpg", "z/c.jpg", "a/y/d.jpg", "a.jpg", "a/b.jpg")
    assert listed(tmp_path) == ["a.jpg", "b.jpg", "a/b.jpg", "a/y/d.jpg", "z/c.jpg"]


def test_names_are_relative_to_the_folder_and_lead_to_the_files(tmp_path: Path) -> None:
    file = Folder(str(make(tmp_path, "a/b.jpg")), ONCE, []).listing().files[0]
    assert (file.name, file.path.read_text()) == ("a/b.jpg", "a/b.jpg")


def test_every_usual_suffix_counts_in_any_case(tmp_path: Path) -> None:
    names = ["1.jpg", "2.JPEG", "3.Png", "4.webp", "5.tif", "6.TIFF", "7.bmp"]
    assert listed(make(tmp_path, *names)) == names


def test_hidden_files_and_folders_are_passed_over_in_silence(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", ".hidden.jpg", ".git/b.jpg", "c/.thumbnails/d.jpg", ".DS_Store")
    listing = Folder(str(tmp_path), ONCE, []).listing()
    assert [file.name for file in listing.files] == ["a.jpg"]
    assert listing.skipped == ()


def test_excluded_folders_are_left_out_however_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a.jpg", "data/b.jpg", "outputs/run/c.jpg", "other/data/d.jpg")
    monkeypatch.chdir(tmp_path)
    for root in (tmp_path, Path()):
        assert listed(root, Path("data"), tmp_path / "other" / ".." / "outputs") == ["a.jpg", "other/data/d.jpg"]


def test_two_files_of_one_name_in_different_folders_are_two_photos(tmp_path: Path) -> None:
    assert listed(make(tmp_path, "a/x.jpg", "b/x.jpg")) == ["a/x.jpg", "b/x.jpg"]


def test_names_may_hold_spaces_and_any_letters(tmp_path: Path) -> None:
    names = ["Lato nad morzem/Zdjęcie 1.jpg", "猫 (2).png"]
    assert listed(make(tmp_path, *names)) == ["猫 (2).png", "Lato nad morzem/Zdjęcie 1.jpg"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_a_name_that_is_not_utf8_is_skipped_with_its_reason(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")).write_text("latin-1")
    listing = Folder(str(tmp_path), ONCE, []).listing()
    assert [file.name for file in listing.files] == ["a.jpg"]
    assert [(entry.name, entry.reason) for entry in listing.skipped] == [
        ("caf?.jpg", "its name is not UTF-8; rename it")
    ]


def test_files_of_other_kinds_are_skipped_with_their_reason(tmp_path: Path) -> None:
    listing = Folder(str(make(tmp_path, "a.jpg", "notes.txt", "raw/b.PSD", "no_suffix")), ONCE, []).listing()
    assert [entry.name for entry in listing.skipped] == ["no_suffix", "notes.txt", "raw/b.PSD"]
    assert all("not an image format that is read (avif bmp dib heic" in entry.reason for entry in listing.skipped)


def test_an_empty_folder_has_an_empty_listing(tmp_path: Path) -> None:
    listing = Folder(str(tmp_path), ONCE, []).listing()
    assert (listing.files, listing.skipped) == ((), ())


def test_a_missing_folder_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"dataset\.path=.*gone does not exist; give the folder"):
        Folder(str(tmp_path / "gone"), ONCE, []).listing()


def test_a_single_file_is_a_data_set_of_its_own(tmp_path: Path) -> None:
    dataset = Folder(str(make(tmp_path, "a.jpg", "b.jpg") / "a.jpg"), ONCE, [])
    assert [(file.name, file.path.read_text()) for file in dataset.listing().files] == [("a.jpg", "a.jpg")]
    assert dataset.name == "a.jpg"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_a_folder_whose_name_is_not_utf8_has_a_name_that_files_can_hold(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    assert Folder(str(folder), ONCE, []).name == "caf?"


def test_a_pipe_and_links_that_lead_nowhere_are_no_data_set(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, reason in (("pipe.jpg", "neither a folder nor a file"), ("loop", "does not exist")):
        with pytest.raises(ApsiError, match=reason):
            Folder(str(tmp_path / name), ONCE, [str(tmp_path / "loop")]).listing()


def test_a_folder_below_that_can_not_be_read_is_skipped_and_the_root_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a.jpg", "locked/b.jpg")
    scandir = os.scandir

    def refuse_locked(path: str) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse_locked)
    listing = Folder(str(tmp_path), ONCE, []).listing()
    assert [file.name for file in listing.files] == ["a.jpg"]
    assert listing.skipped == (Skipped("locked", "a folder that can't be read: Permission denied"),)
    with pytest.raises(ApsiError, match=r"can't read the folder .*locked: Permission denied; check its permissions"):
        listed(tmp_path / "locked")


def test_links_to_folders_are_told_and_not_followed_so_that_no_circle_is_walked(tmp_path: Path) -> None:
    make(tmp_path, "a/b.jpg")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    listing = Folder(str(tmp_path), ONCE, []).listing()
    assert [file.name for file in listing.files] == ["a/b.jpg"]
    assert listing.skipped == (Skipped("a/up", "a link to a folder, which is not followed"),)


def test_a_name_with_a_line_break_or_control_character_is_skipped_and_shown_on_one_line(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "two\nlines.jpg", "bell\a.png", "para\u2029graph.jpg", "co\nlour/b.jpg")
    listing = Folder(str(tmp_path), ONCE, []).listing()
    assert [file.name for file in listing.files] == ["a.jpg"]
    shown = {"two\\nlines.jpg", "bell\\x07.png", "para\\u2029graph.jpg", "co\\nlour/b.jpg"}
    assert {entry.name for entry in listing.skipped} == shown
    assert all("line break or another control character; rename it" in entry.reason for entry in listing.skipped)


def test_a_sidecar_is_no_file_that_is_skipped_but_one_further_below_is(tmp_path: Path) -> None:
    listing = Folder(str(make(tmp_path, "a.jpg", "photos.csv", "below/photos.csv")), ONCE, []).listing()
    assert [entry.name for entry in listing.skipped] == ["below/photos.csv"]


def test_what_takes_an_extra_is_listed_with_it_and_names_it_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["1.HEIC", "2.NEF", "3.avif", "4.jpg"]
    assert listed(make(tmp_path, *names)) == names
    monkeypatch.setattr(formats, "find_spec", lambda package: None)
    listing = Folder(str(tmp_path), ONCE, []).listing()
    assert [file.name for file in listing.files] == ["3.avif", "4.jpg"]
    assert [entry.reason for entry in listing.skipped] == [
        "HEIC files need the extra 'heif': pip install 'apsi[heif]'",
        "camera raw files need the extra 'raw': pip install 'apsi[raw]'",
    ]


def test_the_name_is_that_of_the_folder_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "Lato 2024/a.jpg")
    monkeypatch.chdir(tmp_path / "Lato 2024")
    assert [Folder(path, ONCE, []).name for path in (".", str(tmp_path / "Lato 2024"), "/")] == [
        "Lato 2024",
        "Lato 2024",
        "root",
    ]


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(make(tmp_path, "Photos/a.jpg", "Photos/out/b.jpg")))
    files = Folder("~/Photos", ONCE, ["~/Photos/out"]).listing().files
    assert [file.name for file in files] == ["a.jpg"]
