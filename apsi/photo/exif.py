"""EXIF blocks: small TIFF files of fields, kept byte for byte but for what an edit makes untrue.

CIPA DC-008 (Exif 3.0) and TIFF 6.0. Fields are moved as little as can be: what cameras write into MakerNote often holds
positions within the block.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

ByteOrder: TypeAlias = Literal["<", ">"]
"""As for `struct`"""
WIDTH, HEIGHT, DESCRIPTION, ORIENTATION, XMP, IPTC, EXIF, GPS, ICC = 256, 257, 270, 274, 700, 33723, 34665, 34853, 34675
_EXIF_WIDTH, _EXIF_HEIGHT, _INTEROPERABILITY = 0xA002, 0xA003, 0xA005
_SUB = (EXIF, GPS, _INTEROPERABILITY)
"""Fields that point to further fields"""
DESCRIBING = frozenset(
    {DESCRIPTION, 271, 272, 305, 306, 315, 316, 33432, 18246, 18249, *range(40091, 40096), IPTC, EXIF, GPS}
)
"""Fields of a TIFF file that say something of the photo, not of how its pixels are stored"""
_THUMBNAIL = ((0x0201, 0x0202), (273, 279))
"""Where a small picture begins and how many bytes it has: JPEG, and without compression"""
_ORDERS: dict[bytes, ByteOrder] = {b"II*\0": "<", b"MM\0*": ">"}
_RAW_ORDERS: dict[bytes, ByteOrder] = {b"IIRO": "<", b"IIRS": "<", b"MMOR": ">", b"IIU\0": "<"}
"""How Olympus' and Panasonic's raw files begin, which else are TIFF files"""
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
SHORT, LONG, RATIONAL, UNDEFINED = 3, 4, 5, 7


@dataclass(frozen=True)
class Field:
    """What a field holds, in the block's byte order."""

    kind: int
    count: int
    data: bytes
    start: int = 0
    """where the data lies in the block"""

    def numbers(self, order: ByteOrder) -> list[int]:
        """The values of a field of whole numbers."""
        letter = {1: "B", SHORT: "H", LONG: "I", 13: "I"}.get(self.kind)
        return list(struct.unpack(f"{order}{self.count}{letter}", self.data)) if letter else []


Fields: TypeAlias = Mapping[int, "Field | Fields"]
"""By their numbers; those that point to further fields have these"""


class NotExifError(ValueError):
    """The bytes are no EXIF block, or a damaged one."""


def byte_order(block: bytes | bytearray) -> ByteOrder:
    """Of a block, a TIFF file, or a camera raw file that is built like one."""
    known = _ORDERS | _RAW_ORDERS
    if bytes(block[:4]) not in known:
        raise NotExifError(f"it begins with {block[:4]!r}")
    return known[bytes(block[:4])]


def without_prefix(exif: bytes) -> bytes:
    """The block alone; in JPEG files and elsewhere a word stands before it."""
    return exif.removeprefix(b"Exif\0\0").removeprefix(b"Exif\0\0")


def read_fields(block: bytes | bytearray, keep: frozenset[int] | None = None) -> Fields:
    """The first fields of a block, a TIFF file or a raw file that is built like one, and those that they point to.

    Args:
        block: begins with the byte order.
        keep: numbers of the first fields that are wanted; None: all.

    Raises:
        NotExifError: it can't be read; single fields that can't are left out.
    """
    order = byte_order(block)
    start = _unpack(order + "I", block, 4)
    found, _ = _fields_at(block, start, order, keep)
    return {tag: _followed(block, tag, field, order) for tag, field in found.items()}


def has_further_pages(data: bytes) -> bool:
    """Whether a TIFF file holds more than one picture."""
    try:
        order = byte_order(data)
        start = _unpack(order + "I", data, 4)
        return _unpack(order + "I", data, start + 2 + 12 * len(_entries(data, start, order))) != 0
    except NotExifError:
        return False


def pack_fields(fields: Fields, start: int, order: ByteOrder) -> bytes:
    """Fields as they stand in a block from `start` on, without a thumbnail after them."""
    body, at = b"", start + 2 + 12 * len(fields) + 4
    table = struct.pack(order + "H", len(fields))
    for tag, field in sorted(fields.items()):
        if isinstance(field, Mapping):
            kind, count, data = LONG, 1, struct.pack(order + "I", at + len(body))
            body += pack_fields(field, at + len(body), order)
        else:
            kind, count, data = field.kind, field.count, field.data
            if len(data) > 4:
                data = struct.pack(order + "I", at + len(body))
                body += field.data + b"\0" * (len(field.data) % 2)
        table += struct.pack(order + "HHI4s", tag, kind, count, data)
    return table + struct.pack(order + "I", 0) + body


def block_of(fields: Fields, order: ByteOrder) -> bytes:
    """A block of these fields."""
    magic = next(magic for magic, known in _ORDERS.items() if known == order)
    return magic + struct.pack(order + "I", 8) + pack_fields(fields, 8, order)


def of_edited(block: bytes, width: int, height: int, strip_gps: bool, upright: bool = True) -> bytes:
    """The block of a photo that was edited.

    It is of this size, turned upright unless the pixels stay as they are stored (not `upright`), the thumbnail of the
    unedited photo is gone, and, if `strip_gps`, so are the fields that say where it was taken. All else is
    where it was.

    Raises:
        NotExifError: the block is damaged.
    """
    changed, order = bytearray(block), byte_order(block)
    start = _unpack(order + "I", changed, 4)
    found, next_start = _fields_at(changed, start, order)
    if next_start:
        _wipe_thumbnail(changed, next_start, order)
    turned = {ORIENTATION: (SHORT, 1)} if upright else {}
    _set(changed, start, order, {**turned, WIDTH: (LONG, width), HEIGHT: (LONG, height)})
    if EXIF in found:
        inner = _pointed_to(found[EXIF], order)
        _set(changed, inner, order, {_EXIF_WIDTH: (LONG, width), _EXIF_HEIGHT: (LONG, height)})
    count = len(_entries(changed, start, order))
    struct.pack_into(order + "I", changed, start + 2 + 12 * count, 0)  # no thumbnail
    if strip_gps and GPS in found:
        _wipe(changed, _pointed_to(found[GPS], order), order)
        _remove(changed, start, order, GPS)
    read_fields(changed)  # what was wiped may be what damaged pointers point to
    return bytes(changed)


def _unpack(layout: str, block: bytes | bytearray, at: int) -> int:
    try:
        return int(struct.unpack_from(layout, block, at)[0])
    except struct.error as error:
        raise NotExifError(str(error)) from error


def _entries(block: bytes | bytearray, start: int, order: ByteOrder) -> list[int]:
    """Where the entries of a table stand."""
    count = _unpack(order + "H", block, start)
    if start < 8 or start + 2 + 12 * count + 4 > len(block):
        raise NotExifError(f"{count} fields at {start} in {len(block)} bytes")
    return [start + 2 + 12 * i for i in range(count)]


def _fields_at(
    block: bytes | bytearray, start: int, order: ByteOrder, keep: frozenset[int] | None = None
) -> tuple[dict[int, Field], int]:
    """The fields of a table, and where the next table begins; 0: nowhere."""
    found, entries, room = {}, _entries(block, start, order), len(block)
    for entry in entries:
        tag, kind, count = struct.unpack_from(order + "HHI", block, entry)
        if keep is not None and tag not in keep:
            continue
        size = _SIZES.get(kind, 0) * count
        at = entry + 8 if size <= 4 else _unpack(order + "I", block, entry + 8)
        if size and at + size <= len(block) and size <= room:  # else damaged, or all fields hold the same bytes again
            room -= size
            found[tag] = Field(kind, count, bytes(block[at : at + size]), at)
    return found, _unpack(order + "I", block, start + 2 + 12 * len(entries))


def _pointed_to(field: Field, order: ByteOrder) -> int:
    numbers = field.numbers(order)
    if len(numbers) != 1:
        raise NotExifError("a pointer that is no number")
    return numbers[0]


def _followed(block: bytes | bytearray, tag: int, field: Field, order: ByteOrder) -> "Field | Fields":
    if tag not in _SUB:
        return field
    try:
        found, _ = _fields_at(block, _pointed_to(field, order), order)
    except NotExifError:
        return {}
    # one level further: EXIF's own pointer; deeper there is none
    inner = {} if tag != EXIF else {t: _followed(block, t, f, order) for t, f in found.items() if t in _SUB[2:]}
    return {t: f for t, f in found.items() if t not in _SUB} | inner


def _set(block: bytearray, start: int, order: ByteOrder, values: Mapping[int, tuple[int, int]]) -> None:
    """Writes numbers, with their kinds, into the fields that are there."""
    for entry in _entries(block, start, order):
        tag = _unpack(order + "H", block, entry)
        if tag in values:
            kind, value = values[tag]
            layout = order + ("HIHxx" if kind == SHORT else "HII")
            struct.pack_into(layout, block, entry + 2, kind, 1, value)


def _wipe(block: bytearray, start: int, order: ByteOrder) -> None:
    """Zeros where a table and what its fields hold was."""
    fields, _ = _fields_at(block, start, order)
    count = len(_entries(block, start, order))
    for field in fields.values():
        block[field.start : field.start + len(field.data)] = bytes(len(field.data))
    block[start : start + 2 + 12 * count + 4] = bytes(2 + 12 * count + 4)


def _remove(block: bytearray, start: int, order: ByteOrder, tag: int) -> None:
    entries = _entries(block, start, order)
    for entry in entries:
        if _unpack(order + "H", block, entry) == tag:
            end = start + 2 + 12 * len(entries) + 4
            block[entry:end] = block[entry + 12 : end] + bytes(12)
            struct.pack_into(order + "H", block, start, len(entries) - 1)
            return


def _wipe_thumbnail(block: bytearray, start: int, order: ByteOrder) -> None:
    try:
        fields, _ = _fields_at(block, start, order)
    except NotExifError:  # cut off already
        return
    for begins, counts in _THUMBNAIL:
        if begins in fields and counts in fields:
            for at, size in zip(fields[begins].numbers(order), fields[counts].numbers(order), strict=False):
                end = min(len(block), at + size)
                if at + size >= len(block):
                    del block[at:]
                else:
                    block[at:end] = bytes(end - at)
