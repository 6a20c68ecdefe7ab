"""`task=apply` with a crop: the same part of every photo, at full size and depth."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from apsi.config.compose import load_config
from apsi.photo.full_size import read_photo_file
from apsi.task.apply import apply
from apsi.tracking.run_folder import RunFolder
from apsi.transform.recipe import Recipe
from tests.conftest import natural_photo

SIZES = [(301, 453), (453, 301)]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("ratio", "across", "down"), [("3:2", 3, 2), ("1:1", 1, 1), ("original", None, None)])
def test_a_crop_is_made_at_full_size_and_then_edited(
    bits: int, ratio: str, across: int | None, down: int | None, tmp_path: Path
) -> None:
    files = []
    for i, size in enumerate(SIZES):
        photo = natural_photo(i, *size)
        files.append(tmp_path / f"{i}.png")
        if bits == 8:
            Image.fromarray(photo).save(files[-1])
        else:
            cv2.imwrite(str(files[-1]), photo[..., ::-1].astype(np.uint16) * 257 + 5)
    recipe = Recipe.of([f"crop(0.100,0.100,0.700,0.800,{ratio})", "exposure(+0.400)"])
    (tmp_path / "look.json").write_text(recipe.to_json())
    given = [
        "task=apply",
        f"photo=[{files[0]},{files[1]}]",
        f"recipe={tmp_path / 'look.json'}",
        f"out={tmp_path / 'out'}",
    ]
    config = load_config([*given, f"output_dir={tmp_path}"])
    result = apply(config, RunFolder.create(tmp_path / "run", config, given))
    assert [one["recipe"] for one in result["photos"]] == [recipe.labels] * 2 and not result["failures"]
    for file, advice, (height, width) in zip(files, result["photos"], SIZES, strict=True):
        photo, edited = read_photo_file(file).pixels, read_photo_file(tmp_path / "out" / advice["edited"]).pixels
        assert edited.dtype == photo.dtype == (np.uint8 if bits == 8 else np.uint16)
        assert (edited == recipe.transforms[1](recipe.transforms[0](photo))).all()
        shape = (across or width) / (down or height)
        assert abs(edited.shape[1] / shape - edited.shape[0]) <= 1
        assert advice["crop"] is None and (tmp_path / "out" / advice["page"]).is_file()
