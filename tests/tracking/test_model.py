"""The packaged MLflow model."""

from collections.abc import Sequence

import pytest

from apsi.advise.editor import Editor
from apsi.config.compose import load_config
from apsi.juror.base import Juror
from apsi.photo import Floats, Photo
from apsi.tracking.model import PhotoEditor
from tests.conftest import natural_photo


class Seen(Exception):  # noqa: N818  it is no error
    """Ends the work once it is known what the juror was shown."""


class Shows(Juror):
    fingerprint = "shows"

    def score(self, photos: Sequence[Photo]) -> Floats:
        raise Seen(*(photo.shape for photo in photos))


@pytest.mark.parametrize(("mode", "shape"), [("square", (64, 64, 3)), ("longest_side", (48, 64, 3))])
def test_the_agent_sees_photos_cut_as_those_it_was_trained_on(mode: str, shape: tuple[int, ...]) -> None:
    """Not squashed ones, where it was trained on squares."""
    config = load_config([f"preprocess.steps.resize.mode={mode}", "preprocess.steps.resize.size=64", "policy=nothing"])
    model = PhotoEditor()
    model._editor = Editor(config, Shows())
    with pytest.raises(Seen) as caught:
        model.predict(None, natural_photo(0, 90, 120)[None])
    assert caught.value.args == (shape,)
