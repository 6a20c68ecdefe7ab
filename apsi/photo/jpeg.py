"""What a JPEG file asks of its decoder, and its parts, found without decoding."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# any number of FF may stand before a marker's own; looking for the last of them keeps the search linear
_MARKER = re.compile(rb"\xff([^\x00\xff])")
_IN_SCAN = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")  # zeros are stuffing, D0 to D7 restarts
_NEXT = re.compile(rb"\xff+([^\x00\xff])")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_BEGINS = b"\xff\xd8"
_BASELINE = (0xC0, 0xC1)
_TABLES = (0xC4, 0xDB, 0xDD)
"""Huffman codes, quantisation, how often the decoder begins anew"""
_BESIDE = (*range(0xE0, 0xF0), 0xFE)
"""Of applications, and comments"""
_ALONE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})
"""Markers that nothing belongs to"""


def count_scans(data: bytes, limit: int) -> int:
    """Scans of the JPEG image that begins at the first byte, counted up to `limit` + 1.

    Each passes over all pixels of its components, so a progressive file of a few bytes a scan can ask for hours
    (ITU-T T.81, annex B; what stands behind the image's end, such as the film of a live photo, does not count).
    """
    scans, position = 0, 0
    marker = _MARKER.search(data, position)
    while marker and scans <= limit:
        code, position = marker[1][0], marker.end()
        if code == _END_OF_IMAGE:
            break
        if code not in _ALONE:
            position += int.from_bytes(data[position : position + 2], "big")
        if code == _START_OF_SCAN:
            scans += 1
        marker = (_IN_SCAN if code == _START_OF_SCAN else _MARKER).search(data, position)
    return scans


@dataclass(frozen=True)
class Baseline:
    """A JPEG image of one scan in brightness and two colours, as cameras write them."""

    data: bytes
    """a whole file without what stands beside the image"""
    width: int
    height: int
    across: int
    """pixels from where one block of every component begins to where the next does"""
    down: int


def baseline_of(data: bytes) -> Baseline | None:
    """The image that begins at the first byte; None where it is of another kind, or damaged in its headers.

    Sequential, Huffman, 8 bits, YCbCr, colours at full or half resolution.
    """
    kept, frame, size = [], b"", (0, 0, 0, 0)
    for code, segment, end in _segments(data):
        if code in _BESIDE:
            if code == 0xEE and segment[4:9] == b"Adobe" and segment[15:16] == b"\0":
                return None  # RGB, not YCbCr
            continue
        kept.append(segment)
        if code in _BASELINE and not frame:
            frame = segment[4:]
            found = _size(frame)
            if found is None:
                return None
            size = found
        elif code == _START_OF_SCAN:
            after = _IN_SCAN.search(data, end)
            if not frame or not _is_whole(segment[4:], frame) or after is None or after[1][0] != _END_OF_IMAGE:
                return None
            return Baseline(b"".join([_BEGINS, *kept, data[end : after.start()], b"\xff\xd9"]), *size)
        elif code not in _TABLES:
            return None
    return None


def segments_beside(data: bytes) -> bytes:
    """What stands beside the image in a whole file, as it is: segments of applications and comments."""
    return b"".join(segment for code, segment, _ in _segments(data) if code in _BESIDE)


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Markers, with what belongs to them, and where that ends, up to the first scan's."""
    at, code = len(_BEGINS), 0
    while data.startswith(_BEGINS) and code != _START_OF_SCAN:
        marker = _NEXT.match(data, at)
        if marker is None:
            return
        code, begin = marker[1][0], marker.end()
        at = begin + int.from_bytes(data[begin : begin + 2], "big")
        if code in _ALONE or at < begin + 2 or at > len(data):
            return
        yield code, b"\xff" + marker[1] + data[begin:at], at


def _size(frame: bytes) -> tuple[int, int, int, int] | None:
    """Width, height and the grid of a frame header; None where it is not of three components that are understood."""
    if len(frame) != 15 or frame[0] != 8 or frame[5] != 3:
        return None
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    names, factors = frame[6::3], frame[7::3]
    across, down = factors[0] >> 4, factors[0] & 15
    if not height or not width or names == b"RGB" or len(set(names)) < 3:
        return None
    if factors[1:] != b"\x11\x11" or across not in (1, 2) or down not in (1, 2):
        return None
    return width, height, 8 * across, 8 * down


def _is_whole(scan: bytes, frame: bytes) -> bool:
    """Whether a scan holds all of every component."""
    return len(scan) == 10 and scan[0] == 3 and scan[1:7:2] == frame[6::3] and scan[7:] == b"\x00\x3f\x00"
