"""Bodies of arrays: no header does more than say what is wrong with it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apsi.photo.npy import MAGIC, packed_arrays
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
