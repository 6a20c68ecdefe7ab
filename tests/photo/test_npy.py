"""Bodies of arrays: no header does more than say what is wrong with it."""

import gc
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.photo.npy import MAGIC, pack_photos, packed_arrays, unpack_photos
from apsi.photo.read import UnreadablePhotoError


def with_header(header: bytes) -> bytes:
    return MAGIC + b"\x01\x00" + len(header).to_bytes(2, "little") + header


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=80), st.text("(){}[],:'-+~ 1<u|shapedrfotn_\n", max_size=80).map(str.encode)))
def test_no_header_of_any_kind_does_harm(header: bytes) -> None:
    with pytest.raises(UnreadablePhotoError):
        list(packed_arrays(with_header(header)))


@pytest.mark.parametrize(
    "header", [b"-" * 9000 + b"1", b"(" * 9000, b"[" * 90, b"{'shape': (", b"\\\n'", b"1" * 9000, b"\x00"], ids=len
)
def test_a_header_that_would_upset_the_parser_is_refused(header: bytes) -> None:
    with pytest.raises(UnreadablePhotoError, match=r"not a .npy array"):
        list(packed_arrays(with_header(header)))


def test_threads_read_headers_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own parser of literals, to which NumPy gives them, can't be entered twice before 3.11.8 and 3.12.2."""
    packed = pack_photos([np.full((3, 4, 3), i, np.uint8) for i in range(20)])
    callbacks = [lambda *_: time.sleep(0)]  # lets the other threads in wherever memory is collected
    monkeypatch.setattr(gc, "callbacks", callbacks)
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(20)
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            read = list(threads.map(lambda _: unpack_photos(packed), range(100)))
    finally:
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(interval)
    assert [[photo[0, 0, 0] for photo in photos] for photos in read] == [list(range(20))] * 100
