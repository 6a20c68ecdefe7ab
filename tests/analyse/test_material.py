"""A prepared folder is read photo by photo, whatever is missing in it."""

import json
import shutil
from pathlib import Path

import pytest

from apsi.analyse.material import Material
from apsi.errors import ApsiError
from apsi.preprocess.steps import Prepared


def changed(made: Prepared, target: Path, split: str, change: str) -> Path:
    """A copy of the prepared folder in which the images of one split are changed by an expression."""
    shutil.copytree(made.folder, target)
    path = target / split / "annotations.json"
    content = json.loads(path.read_text())
    content["images"] = eval(change, {"images": content["images"]})
    path.write_text(json.dumps(content))
    return target


def test_every_photo_is_there_once_and_its_crops_are_copies(material: Material, folder: Path) -> None:
    assert [photo.name for photo in material.photos] == sorted(path.name for path in folder.iterdir())
    assert all(photo.image.is_file() and len(photo.digest) == 64 for photo in material.photos)
    whole = {photo.image for photo in material.photos}
    of_crops = [copy for copy in material.copies if copy.original not in whole]
    assert of_crops and len(of_crops) < len(material.copies)
    assert all(copy.image.is_file() and copy.drop > 0 for copy in material.copies)
    stems = [material.photos[copy.photo].name.removesuffix(".png") for copy in of_crops]
    assert all(copy.original.name.startswith(f"{stem}-") for copy, stem in zip(of_crops, stems, strict=True))


def test_a_photo_of_which_no_degraded_copy_was_kept_has_no_score(made: Prepared, tmp_path: Path) -> None:
    gone = "[image for image in images if image['source'] != 'usual 03.png' or image['version'] > 0]"
    before = {photo.name: photo for photo in Material.load(made.folder).photos}
    place = changed(made, tmp_path / "a", before["usual 03.png"].split, gone)
    photo = next(photo for photo in Material.load(place).photos if photo.name == "usual 03.png")
    assert photo.score is None and photo.digest == before["usual 03.png"].digest  # as its crop says
    place = changed(made, tmp_path / "b", before["usual 03.png"].split, gone.replace(" or image['version'] > 0", ""))
    names = [photo.name for photo in Material.load(place).photos]
    assert len(names) == len(before) and sum(name.startswith("usual 03-") for name in names) == 1


def test_what_is_no_prepared_folder_is_refused_with_the_remedy(tmp_path: Path, made: Prepared) -> None:
    with pytest.raises(ApsiError, match=r"no prepared data set.*task\.prepared"):
        Material.load(tmp_path)
    outside = "[image | {'file_name': '../../secret.png'} for image in images]"
    with pytest.raises(ApsiError, match="outside its folder"):
        Material.load(changed(made, tmp_path / "hostile", "train", outside))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("{'score': float('nan')}", "no numbers"),
        ("{'score': 10**400}", "no numbers"),
        ("{'initial_score': '9'}", "no numbers"),
        ("{'source': 3}", "no text"),
    ],
)
def test_scores_and_names_that_are_none_are_refused(change: str, message: str, made: Prepared, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=message):
        Material.load(changed(made, tmp_path / "hostile", "test", f"[image | {change} for image in images]"))


def test_the_working_size_is_read_from_the_photos(material: Material) -> None:
    assert material.working_size == (32, True)
