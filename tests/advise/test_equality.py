"""One photo, one edit: from the command line, the MLflow model, and the recipe in Python."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from skimage.data import astronaut

from apsi.agent.shipped import SHIPPED
from apsi.config.compose import load_config
from apsi.photo.read import read_photo
from apsi.photo.write import write_png
from apsi.task.advise import advise
from apsi.tracking.model import PhotoEditor
from apsi.tracking.run_folder import RunFolder
from apsi.transform.recipe import Recipe, read_recipe


def test_every_way_to_edit_a_photo_gives_the_same_pixels(tmp_path: Path) -> None:
    photo = Recipe.of(["exposure(-0.900)", "temperature(+0.400)"])(np.ascontiguousarray(astronaut()[:400]))
    write_png(tmp_path / "photo.png", photo)
    given = ["task=advise", f"photo={tmp_path / 'photo.png'}", f"out={tmp_path / 'out'}"]
    config = load_config(given)
    (said,) = advise(config, RunFolder.create(tmp_path / "run", config, given))["photos"]
    assert said["recipe"]
    by_command = read_photo(tmp_path / "out" / said["edited"])

    model = PhotoEditor()
    model.load_context(SimpleNamespace(artifacts={"checkpoint": str(SHIPPED)}))
    answer = model.predict(None, photo[None])
    assert Recipe.from_json(answer["recipe"][0]).labels == said["recipe"]
    assert np.array_equal(answer["photo"][0], by_command)

    recipe = read_recipe(str(tmp_path / "out" / said["recipe_file"]), "apply")
    assert np.array_equal(recipe(photo), by_command)
