"""What a JPEG file asks of its decoder, found without decoding."""

import re

# any number of FF may stand before a marker's own; looking for the last of them keeps the search linear
_MARKER = re.compile(rb"\xff([^\x00\xff])")
_IN_SCAN = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")  # zeros are stuffing, D0 to D7 restarts
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
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
