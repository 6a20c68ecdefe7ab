"""The background saver: nothing accepted is lost, memory is bounded, errors reach who saves."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.evaluate import saver as module
from apsi.evaluate.saver import ImageSaver
from apsi.photo import Photo
from apsi.photo.write import read_png, write_png
from tests.command_line import small_disk
from tests.conftest import natural_photo


def slow_write(path: Path, photo: Photo) -> None:
    time.sleep(0.01)
    write_png(path, photo)


def test_everything_that_was_accepted_is_there_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "write_png", slow_write)
    pictures = [natural_photo(i) for i in range(30)]
    with ImageSaver() as saver:
        for i, picture in enumerate(pictures):
            saver.save(tmp_path / f"{i}.png", picture)
    assert all(np.array_equal(read_png(tmp_path / f"{i}.png"), picture) for i, picture in enumerate(pictures))


def test_ctrl_c_loses_none_of_what_was_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photo: Photo) -> None:
    monkeypatch.setattr(module, "write_png", slow_write)
    with pytest.raises(KeyboardInterrupt), ImageSaver() as saver:
        for i in range(7):
            saver.save(tmp_path / f"{i}.png", photo)
        raise KeyboardInterrupt
    assert len(list(tmp_path.glob("*.png"))) == 7


def test_save_waits_while_too_many_pictures_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photo: Photo) -> None:
    go_on, accepted = threading.Event(), list[int]()

    def stuck(path: Path, photo: Photo) -> None:
        go_on.wait(10)
        write_png(path, photo)

    monkeypatch.setattr(module, "write_png", stuck)
    with ImageSaver(max_waiting=3) as saver:

        def save() -> None:
            for i in range(9):
                saver.save(tmp_path / f"{i}.png", photo)
                accepted.append(i)

        thread = threading.Thread(target=save)
        thread.start()
        time.sleep(0.2)
        assert accepted == [0, 1, 2]
        go_on.set()
        thread.join()
    assert len(list(tmp_path.glob("*.png"))) == 9


def test_an_error_is_raised_at_the_next_call_and_at_the_end_and_the_others_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photo: Photo
) -> None:
    both, failed = threading.Event(), threading.Event()

    def write(path: Path, photo: Photo) -> None:
        both.wait(10)
        failed.set()
        write_png(path, photo)

    monkeypatch.setattr(module, "write_png", write)
    (tmp_path / "file").touch()
    saver = ImageSaver()
    saver.save(tmp_path / "file" / "a.png", photo)
    saver.save(tmp_path / "b.png", photo)
    both.set()
    failed.wait(10)
    time.sleep(0.1)
    with pytest.raises(ApsiError, match=r"the picture .*a.png can't be written: (Not a directory|File exists)"):
        saver.save(tmp_path / "c.png", photo)
    with pytest.raises(ApsiError, match=r"a.png can't be written.*output_dir"):
        saver.close()
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["b.png"]


def test_a_full_disk_is_one_clear_error_and_leaves_no_half_picture(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    with small_disk(tmp_path / "disk", "400k"):
        with (
            pytest.raises(ApsiError, match=r"No space left on device\. Make room, or set output_dir"),
            ImageSaver() as s,
        ):
            for i in range(5):
                s.save(tmp_path / "disk" / f"{i}.png", noise)
        assert [path.name for path in (tmp_path / "disk").iterdir()] == ["0.png"]


def test_the_first_error_of_the_block_is_the_one_reported(tmp_path: Path, photo: Photo) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="the block's own"), ImageSaver() as saver:
        saver.save(tmp_path / "file" / "a.png", photo)
        raise ValueError("the block's own")


def test_what_comes_after_the_end_is_refused_and_closing_twice_is_fine(tmp_path: Path, photo: Photo) -> None:
    saver = ImageSaver()
    saver.close()
    saver.close()
    with pytest.raises(ApsiError, match="the saver is closed"):
        saver.save(tmp_path / "a.png", photo)
