"""Archives that try to do harm, each made here and small on the disk."""

import gzip
import io
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

Entry = tuple[str, bytes]


def make_zip(
    path: Path, *entries: Entry, mode: int = 0, change: Callable[[zipfile.ZipInfo], None] | None = None
) -> Path:
    """A zip file; `mode` are the Unix bits of its entries."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return path


def make_tar(path: Path, *entries: Entry, compression: str = "", **fields: object) -> Path:
    """A tar file; `fields` are those of its entries' headers."""
    with tarfile.open(path, f"w:{compression}") as archive:  # type: ignore[call-overload]
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(data))
    return path


def _tar_of(kind: bytes, **fields: object) -> Callable[[Path], Path]:
    return lambda path: make_tar(path, ("photo.jpg", b""), type=kind, **fields)


def _zip_of(mode: int) -> Callable[[Path], Path]:
    return lambda path: make_zip(path, ("photo.jpg", b"../../../etc/passwd"), mode=mode | 0o777)


def _both(*names: str) -> dict[str, Callable[[Path], Path]]:
    entries = [(name, b"x") for name in names]
    return {"tar": lambda path: make_tar(path, *entries), "zip": lambda path: make_zip(path, *entries)}


def _encrypted(path: Path) -> Path:
    data = bytearray(make_zip(path, ("photo.jpg", b"x" * 50)).read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)
    return path


def _understated(path: Path) -> Path:
    """A zip whose list of entries says that ten megabytes are ten bytes."""
    data = bytearray(make_zip(path, ("photo.jpg", b"\0" * 10_000_000)).read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + offset, 10)
    path.write_bytes(data)
    return path


def _overlapping(path: Path) -> Path:
    """A zip of many entries that are all the same bytes of the file."""
    data = make_zip(path, ("0000", b"\0" * 1_000_000)).read_bytes()
    at = data.index(b"PK\x01\x02")
    entry, end = data[at : data.index(b"PK\x05\x06")], bytearray(data[data.index(b"PK\x05\x06") :])
    many = b"".join(entry[:46] + f"{i:04}".encode() for i in range(200))
    struct.pack_into("<HHI", end, 8, 200, 200, len(many))
    path.write_bytes(data[:at] + many + bytes(end))
    return path


def _header_bomb(path: Path) -> Path:
    """A tar whose extended header alone unpacks to a gigabyte."""
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 10**9
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(info.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(12):
            file.write(b"\0" * 2**20)
    return path


def _sparse(path: Path) -> Path:
    """A tar with a file of a terabyte of which nothing is stored."""
    info = tarfile.TarInfo("photo.jpg")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 0
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[483:495] = b"%011o\0" % 10**12 if 10**12 < 8**11 else b"77777777777\0"
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    path.write_bytes(bytes(header) + b"\0" * 1024)
    return path


def _many(path: Path) -> Path:
    return make_tar(path, *((f"{i}.jpg", b"") for i in range(400)), compression="gz")


def _counted_wrong(path: Path) -> Path:
    """A zip with more entries than are allowed, whose end says that there is one."""
    data = bytearray(make_zip(path, *((f"{i}.jpg", b"") for i in range(400))).read_bytes())
    struct.pack_into("<HH", data, data.rindex(b"PK\x05\x06") + 8, 1, 1)
    path.write_bytes(data)
    return path


def _bomb(compression: str) -> Callable[[Path], Path]:
    return lambda path: make_tar(path, ("zeros", b"\0" * 12_000_000), compression=compression)


def _cut(make: Callable[[Path], Path], share: float) -> Callable[[Path], Path]:
    def cut(path: Path) -> Path:
        data = make(path).read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        return path

    return cut


def _page(path: Path) -> Path:
    path.write_bytes(b"<!DOCTYPE html><html><body>Please sign in</body></html>" * 20)
    return path


def _damaged_zip(path: Path) -> Path:
    data = bytearray(make_zip(path, ("a.jpg", bytes(range(256)) * 100)).read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    return path


def _end_far_away(path: Path) -> Path:
    """A zip whose 64-bit end says that it begins where no file reaches."""
    data = make_zip(path, ("photo.jpg", b"x")).read_bytes()
    end = data.index(b"PK\x05\x06")
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, 2**64 - 1, 1)
    path.write_bytes(data[:end] + locator + data[end:])
    return path


def _tar_with_pax(**headers: str) -> Callable[[Path], Path]:
    return lambda path: make_tar(path, ("photo.jpg", b"x"), pax_headers=headers)


_TWO = [("a.jpg", b"x" * 600), ("b.jpg", b"y" * 600)]

HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    **{f"traversal, {k}": (make, "leads out") for k, make in _both("../../outside.jpg").items()},
    **{f"traversal inside, {k}": (make, "leads out") for k, make in _both("a/../../outside.jpg").items()},
    **{f"traversal with backslashes, {k}": (make, "leads out") for k, make in _both("..\\..\\outside.jpg").items()},
    **{f"absolute, {k}": (make, "absolute") for k, make in _both("/tmp/outside.jpg").items()},
    **{f"a drive, {k}": (make, "absolute") for k, make in _both("C:/outside.jpg").items()},
    **{f"duplicate, {k}": (make, "twice") for k, make in _both("a/b.jpg", "a/./b.jpg").items()},
    **{f"file and folder, {k}": (make, "twice") for k, make in _both("a", "a/b.jpg").items()},
    **{f"folder and file, {k}": (make, "twice") for k, make in _both("a/b.jpg", "a").items()},
    **{f"case, {k}": (make, "one name") for k, make in _both("Photo.jpg", "photo.JPG").items()},
    **{f"case of folders, {k}": (make, "one name") for k, make in _both("A/1.jpg", "a/2.jpg").items()},
    **{f"Unicode forms, {k}": (make, "one name") for k, make in _both("caf\u00e9.jpg", "cafe\u0301.jpg").items()},
    **{f"depth, {k}": (make, "deep") for k, make in _both("/".join("abcdefghijklmnop") + "/x.jpg").items()},
    **{f"length, {k}": (make, "longer than") for k, make in _both("x" * 300 + ".jpg").items()},
    **{f"no file, {k}": (make, "no file") for k, make in _both().items()},
    "symbolic link, tar": (_tar_of(tarfile.SYMTYPE, linkname="/etc/passwd"), "symbolic link"),
    "symbolic link inside, tar": (_tar_of(tarfile.SYMTYPE, linkname="other.jpg"), "symbolic link"),
    "hard link, tar": (_tar_of(tarfile.LNKTYPE, linkname="../../outside"), "hard link"),
    "symbolic link, zip": (_zip_of(stat.S_IFLNK), "symbolic link"),
    "device, tar": (_tar_of(tarfile.CHRTYPE, devmajor=1, devminor=3), "device"),
    "block device, tar": (_tar_of(tarfile.BLKTYPE), "device"),
    "named pipe, tar": (_tar_of(tarfile.FIFOTYPE), "named pipe"),
    "device, zip": (_zip_of(stat.S_IFCHR), "device"),
    "named pipe, zip": (_zip_of(stat.S_IFIFO), "named pipe"),
    "socket, zip": (_zip_of(stat.S_IFSOCK), "socket"),
    "bomb, gz": (_bomb("gz"), "max_ratio"),
    "bomb, bz2": (_bomb("bz2"), "max_ratio"),
    "bomb, xz": (_bomb("xz"), "max_ratio"),
    "bomb, zip": (lambda path: make_zip(path, ("zeros", b"\0" * 12_000_000)), "max_ratio"),
    "bomb in a header": (_header_bomb, "header of|max_ratio"),
    "bomb of holes": (_sparse, "max_ratio"),
    "bomb of overlaps": (_overlapping, "max_ratio"),
    "understated size, zip": (_understated, "damaged|as it says"),
    "too many, tar": (_many, "max_files"),
    "too many, zip": (lambda path: make_zip(path, *((f"{i}", b"") for i in range(400))), "max_files"),
    "too many and counted wrong, zip": (_counted_wrong, "max_files"),
    "too large": (lambda path: make_tar(path, ("a", b"\1" * 60_000_000)), "max_gigabytes"),
    "encrypted": (_encrypted, "encrypted"),
    "cut off, tar": (_cut(lambda path: make_tar(path, *_TWO), 0.03), "neither a tar"),
    "cut off between entries, tar": (_cut(lambda path: make_tar(path, *_TWO), 1536 / 10240), "cut off"),
    "cut off, gz": (_cut(lambda path: make_tar(path, *_TWO, compression="gz"), 0.6), "cut off|damaged"),
    "cut off, zip": (_cut(lambda path: make_zip(path, *_TWO), 0.6), "without its end"),
    "damaged, zip": (_damaged_zip, "damaged"),
    "end far away, zip": (_end_far_away, "damaged"),
    "map of holes that is none, tar": (_tar_with_pax(**{"GNU.sparse.map": "abc"}), "damaged"),
    "holes without a map, tar": (_tar_with_pax(**{"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}), "damaged"),
    "a web page": (_page, "web page"),
    "empty": (_cut(_page, 0), "empty"),
}
"""By what is wrong: what makes it, and what its refusal says"""
