"""One photo or many, through failures, kills and repetitions."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from apsi.advise.advice import Advice, edit
from apsi.advise.editor import Editor
from apsi.advise.photos import find_photos
from apsi.advise.series import JOURNAL, Job, run_series
from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.full_size import read_photo_file
from apsi.photo.save import save_edited
from apsi.transform.base import Named
from apsi.transform.recipe import Recipe
from tests.conftest import natural_photo

Save = Callable[..., Path]


class Shallow(Named):
    def __call__(self, photo: Photo) -> Photo:
        return photo // 2


def advice_of(job: Job, *files: Path) -> list[Advice]:
    return [shot.advice for shot in run_series(find_photos([str(file) for file in files]), job).shots]


def test_the_edited_file_is_what_the_recipe_makes_of_the_original(save: Save, job: Job, tmp_path: Path) -> None:
    file = save("a.jpg", quality=90)
    before = file.read_bytes()
    (advice,) = advice_of(job, file)
    assert advice.edited and advice.recipe_file and file.read_bytes() == before
    recipe = Recipe.from_json((job.out / advice.recipe_file).read_text())
    photo = read_photo_file(file)
    save_edited(photo, edit(photo, recipe)[0], tmp_path / "expected.jpg")
    assert (job.out / advice.edited).read_bytes() == (tmp_path / "expected.jpg").read_bytes()


def test_a_photo_that_needs_nothing_gets_a_page_and_no_file(save: Save, job: Job) -> None:
    file = save("a.jpg")
    Image.new("RGB", (60, 40), (255, 0, 0)).save(file)  # nothing is redder
    (advice,) = advice_of(job, file)
    assert advice.leave_it and advice.edited is None and advice.page == "advice.html"
    assert "Leave it as it is" in (job.out / "advice.html").read_text()
    assert sorted(path.name for path in job.out.glob("[!.]*")) == ["advice.html", JOURNAL]


def test_sixteen_bits_stay_sixteen_bits(save: Save, job: Job) -> None:
    file = save("a.png")
    deep = natural_photo(0, 60, 80).astype(np.uint16) * 257 + 3
    cv2.imwrite(str(file), deep[..., ::-1])
    (advice,) = advice_of(replace(job, recipe=Recipe.of(["exposure(+0.500)"])), file)
    assert advice.edited and read_photo_file(job.out / advice.edited).pixels.dtype == np.uint16 and not advice.remarks


def test_where_a_step_takes_no_more_than_8_bits_the_advice_says_so(save: Save, job: Job) -> None:
    file = save("a.png")
    cv2.imwrite(str(file), natural_photo(0, 60, 80).astype(np.uint16) * 257)
    (advice,) = advice_of(replace(job, recipe=Recipe((Shallow("darker", "It is too bright."),))), file)
    assert advice.edited and read_photo_file(job.out / advice.edited).pixels.dtype == np.uint8
    assert any("8 bits" in remark for remark in advice.remarks)


def test_what_cannot_be_read_is_listed_and_the_others_are_done(save: Save, job: Job) -> None:
    good, broken, empty = save("a.jpg"), save("b.jpg"), save("c.jpg")
    broken.write_bytes(broken.read_bytes()[:200])
    empty.write_bytes(b"")
    done = run_series(find_photos([str(file) for file in (good, broken, empty)]), job)
    assert [shot.advice.photo for shot in done.shots] == [str(good)]
    assert [failure.photo for failure in done.failures] == [str(broken), str(empty)]
    assert done.failures[1].error == "the file is empty"


def test_a_photo_that_vanishes_is_listed(save: Save, job: Job) -> None:
    items = find_photos([str(save("a.jpg")), str(save("b.jpg"))])
    items[0].path.unlink()
    done = run_series(items, job)
    assert len(done.shots) == 1 and "No such file" in done.failures[0].error


def test_a_second_run_does_only_what_is_missing(save: Save, job: Job) -> None:
    files = [save(f"{i}.jpg", i) for i in range(3)]
    first = advice_of(job, *files)
    edited = job.out / str(first[0].edited)
    written = edited.stat().st_mtime_ns
    save("1.jpg", 7)  # another photo now
    (job.out / str(first[2].edited)).unlink()
    done = run_series(find_photos([str(file) for file in files]), job)
    assert done.kept == 1 and edited.stat().st_mtime_ns == written
    assert all((job.out / str(shot.advice.edited)).exists() for shot in done.shots)
    again = run_series(find_photos([str(file) for file in files]), replace(job, key="other settings"))
    assert again.kept == 0


def test_a_journal_that_was_cut_off_is_read_up_to_there(save: Save, job: Job) -> None:
    files = [save(f"{i}.jpg", i) for i in range(2)]
    advice_of(job, *files)
    journal = job.out / JOURNAL
    journal.write_text(journal.read_text()[:-30] + '\n{"advice": 3}\nnonsense\n')
    done = run_series(find_photos([str(file) for file in files]), job)
    assert done.kept == 1 and len(done.shots) == 2


def test_the_page_of_a_photo_that_another_run_has_replaced_is_made_anew(save: Save, job: Job) -> None:
    first, second, page = save("a.jpg"), save("b.jpg", 1), job.out / "advice.html"
    for file in (first, second, first):
        advice_of(job, file)
        assert f": {file.name}</title>" in page.read_text()
    both = run_series(find_photos([str(first), str(second)]), job)
    assert [shot.advice.page for shot in both.shots] == ["a-advice.html", "b-advice.html"]
    assert all(shot.thumbnail for shot in both.shots)
    page.write_text("the page on both")  # as the task writes it
    assert run_series(find_photos(str(first)), job).kept == 1, "it has a page of its own"
    third = save("c.jpg", 2)
    advice_of(job, third)
    advice_of(job, first, second)
    page.write_text("the page on both")
    assert run_series(find_photos(str(third)), job).kept == 0 and ": c.jpg</title>" in page.read_text()


def test_results_of_another_photo_of_the_same_name_are_not_replaced(save: Save, job: Job) -> None:
    first, second = save("x/a.jpg"), save("y/a.jpg", 1)
    (advice,) = advice_of(job, first)
    before = (job.out / str(advice.edited)).read_bytes()
    with pytest.raises(
        ApsiError, match=r"there already, of another photo, .*x/a\.jpg, and .*y/a\.jpg would replace it"
    ):
        advice_of(job, second)
    assert (job.out / str(advice.edited)).read_bytes() == before
    assert run_series(find_photos(str(first)), job).kept == 1
    for file in job.out.glob("a-*"):
        file.unlink()
    advice_of(job, second)
    with pytest.raises(ApsiError, match=r"photo, .*y/a\.jpg, and .*x/a\.jpg would replace it"):
        advice_of(job, first)


def test_files_of_others_are_not_written_over(save: Save, job: Job, tmp_path: Path) -> None:
    photo, own = save("a.jpg"), save("a-edited.jpg", 3)
    before = own.read_bytes()
    beside = replace(job, out=tmp_path / "photos")
    with pytest.raises(ApsiError, match=r"a-edited\.jpg is there already .* choose another, out=DIR"):
        advice_of(beside, photo)
    assert own.read_bytes() == before
    own.unlink()
    assert advice_of(beside, photo)[0].edited == "a-edited.jpg"
    assert advice_of(replace(beside, key="new"), photo)[0].edited == "a-edited.jpg", "its own it may replace"


@pytest.mark.parametrize("name", ["advice.html", "advice.json"])
@pytest.mark.parametrize("explain", [True, False])
def test_a_page_or_list_of_somebody_else_is_not_written_over(name: str, explain: bool, save: Save, job: Job) -> None:
    job.out.mkdir()
    own = job.out / name
    own.write_text("mine")
    with pytest.raises(ApsiError, match=rf"{name} is there already and was not written by .* choose another, out=DIR"):
        advice_of(replace(job, explain=explain), save("a.jpg"))
    assert own.read_text() == "mine" and not (job.out / JOURNAL).exists()
    own.unlink()
    assert advice_of(job, save("a.jpg"))


def test_results_of_earlier_runs_are_no_photos_and_go_where_they_hold_no_more(save: Save, job: Job) -> None:
    file = save("sub/a.jpg")
    photos = file.parents[1]
    beside = replace(job, out=photos)
    (shot,) = run_series(find_photos(str(photos), photos), beside).shots
    assert shot.advice.edited == "sub/a-edited.jpg"
    again = find_photos(str(photos), photos)
    assert [item.path for item in again] == [file]
    run_series(again, replace(beside, recipe=Recipe(), key="needs nothing"))
    assert not list(photos.rglob("*-edited.jpg")) and not list(photos.rglob("*-recipe.json"))


def test_pages_of_a_series_lead_to_the_page_on_all_and_to_the_files(save: Save, job: Job) -> None:
    items = find_photos(str(save("sub/a #1.jpg").parents[1])) + find_photos(str(save("b.jpg")))
    run_series(items, job)
    page = (job.out / "sub" / "a #1-advice.html").read_text()
    assert 'href="../advice.html"' in page and 'href="./a%20%231-edited.jpg"' in page


def test_a_disk_that_is_full_ends_the_run_and_leaves_nothing_half_written(
    save: Save, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(job.out / "a-edited.jpg"))

    monkeypatch.setattr("apsi.advise.advice.save_edited", full)
    with pytest.raises(OSError, match="No space left"):
        advice_of(job, save("a.jpg"), save("b.jpg"))
    assert [path.name for path in job.out.glob("[!.]*")] == [JOURNAL]


def test_gps_is_left_out_where_asked(save: Save, job: Job) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)
    exif[0x0110] = "Camera"
    file = save("a.jpg", exif=exif)
    for strip, left in ((False, True), (True, False)):
        out = job.out / str(strip)
        (advice,) = advice_of(replace(job, out=out, strip_gps=strip), file)
        found = Image.open(out / str(advice.edited)).getexif()
        assert bool(found.get_ifd(0x8825)) is left and found[0x0110] == "Camera"


def test_without_reasons_there_is_no_page(save: Save, job: Job) -> None:
    (advice,) = advice_of(replace(job, explain=False), save("a.jpg"))
    assert advice.page is None and not (job.out / "advice.html").exists() and advice.steps[0].gain is None


def test_advice_is_read_back_as_it_was(save: Save, job: Job, editor: Editor) -> None:
    (advice,) = advice_of(replace(job, second=editor.parts.juror), save("a.jpg"))
    assert advice.second_opinion is not None
    assert Advice.from_dict(json.loads(json.dumps(advice.as_dict()))) == advice


KILLED = """
import sys, os, threading
from pathlib import Path
from apsi.advise.advice import Advice
from apsi.advise.photos import find_photos
from apsi.advise.series import Job, run_series
from apsi.advise.words import Words
from apsi.transform.base import Named
from apsi.transform.recipe import Recipe
count = 0
def tell():
    global count
    count += 1
    if count == 3:
        os.kill(os.getpid(), 9)
job = Job(Path(sys.argv[2]), Words(), "key", recipe=Recipe.of(["warmth"]), workers=2)
print(run_series(find_photos(sys.argv[1]), job, tell if sys.argv[3] == "kill" else lambda: None).kept)
"""


@pytest.mark.slow
def test_what_was_done_before_a_kill_is_not_done_again(save: Save, tmp_path: Path) -> None:
    for i in range(8):
        save(f"{i}.jpg", i)

    def run(out: str, how: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", KILLED, str(tmp_path / "photos"), str(tmp_path / out), how]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run("killed", "kill").returncode == -9
    assert int(run("killed", "run").stdout) >= 3
    assert int(run("whole", "run").stdout) == 0
    for file in (tmp_path / "whole").glob("*-edited.jpg"):
        assert (tmp_path / "killed" / file.name).read_bytes() == file.read_bytes()
    assert not list((tmp_path / "killed").glob(".*.tmp"))
