"""Files come in whole or not at all, go out, and nothing of a name lies outside of the folder."""

import json
from pathlib import Path
from typing import Any

import pytest

from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.photo.write import write_png
from apsi.preference.folder import PreferenceFolder
from apsi.task.export_answers import export_answers
from apsi.task.import_answers import import_answers
from apsi.tracking.run_folder import RunFolder
from tests.conftest import natural_photo

HEAD = "image,left,right,answer,annotator\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for seed, name in enumerate(("a.png", "b.png")):
        write_png(tmp_path / "photos" / name, natural_photo(seed, 40, 50))
    return tmp_path


def config(place: Path, *overrides: str) -> Any:
    dirs = [f"data_dir={place}/data", f"output_dir={place}/out", f"preference_dir={place}/preferences"]
    return load_config(["dataset=folder", f"dataset.path={place}/photos", *dirs, *overrides])


def take(place: Path, file: str, *overrides: str) -> dict[str, Any]:
    chosen = config(place, "task=import_answers", f"task.file={place}/{file}", *overrides)
    return import_answers(chosen, RunFolder.create(place / "run", chosen), file=str(place / file))


def give(place: Path, *overrides: str, annotators: list[str] | None = None) -> dict[str, Any]:
    chosen = config(place, "task=export_answers", f"out={place}/given", *overrides)
    return export_answers(chosen, RunFolder.create(place / "run", chosen), annotators=annotators or [])


def test_a_table_comes_in_once_and_goes_out_again(place: Path) -> None:
    (place / "own.csv").write_text(f"{HEAD}a.png,clarity,,left,Ann\nb.png,,clarity,tie,Bob\n")
    assert take(place, "own.csv", "preference/format=csv") == {"pairs": 2, "answers": 2, "known": 0, "people": 2}
    assert take(place, "own.csv", "preference/format=csv") == {"pairs": 0, "answers": 0, "known": 2, "people": 0}
    given = give(place, "preference/format=csv")
    assert given == {"written": 2, "files": [str(place / "given" / "answers.csv")]}
    back = take(place, "given/answers.csv", "preference/format=csv")
    assert back == {"pairs": 0, "answers": 0, "known": 2, "people": 0}, "ids are those of the first import"
    assert "latest" not in {path.name for path in (place / "out").glob("*")}


def test_where_something_is_wrong_nothing_is_written(place: Path) -> None:
    (place / "own.csv").write_text(f"{HEAD}a.png,clarity,,left,Ann\nb.png,,clarity,best,Bob\n")
    with pytest.raises(ApsiError, match="line 3: answer='best'"):
        take(place, "own.csv", "preference/format=csv")
    assert not (place / "preferences").exists()


def test_a_hash_is_as_good_as_the_photo_and_the_split_is_by_it(place: Path) -> None:
    (place / "own.csv").write_text(f"{HEAD}a.png,clarity,,left,Ann\na.png,,swap_rb,left,Ann\nb.png,,clarity,tie,Bob\n")
    take(place, "own.csv", "preference/format=csv", "preprocess.steps.split={train: 0.0, val: 0.0, test: 1.0}")
    pairs = list(PreferenceFolder(place / "preferences").pairs().values())
    assert [one.split for one in pairs] == ["test"] * 3 and all(len(one.left.photo) == 64 for one in pairs)


def test_pictures_and_tasks_go_out_and_other_folders_come_in(place: Path) -> None:
    (place / "own.csv").write_text(f"{HEAD}a.png,clarity,,left,Ann\nb.png,,clarity,tie,Bob\n")
    take(place, "own.csv", "preference/format=csv")
    assert give(place, "preference/format=label_studio")["written"] == 2
    assert give(place, "preference/format=trl", annotators=["Ann"])["written"] == 1
    assert len(list((place / "given" / "images").glob("*.jpg"))) == 4
    assert len(json.loads((place / "given" / "tasks.json").read_text())) == 2
    other = f"preference_dir={place}/other"
    assert take(place, "preferences", "preference/format=folder", other)["answers"] == 2
    with pytest.raises(ApsiError, match=r"nobody named 'Anna' .* Did you mean 'Ann'"):
        give(place, "preference/format=csv", annotators=["Anna"])


def test_a_format_must_be_chosen_and_do_what_is_asked(place: Path) -> None:
    with pytest.raises(ApsiError, match="task=import_answers needs a format: preference/format=csv"):
        take(place, "own.csv")
    with pytest.raises(ApsiError, match="there are no pairs in preference_dir="):
        give(place, "preference/format=csv")
