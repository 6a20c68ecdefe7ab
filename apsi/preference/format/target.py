"""Where exported files go: nothing that is there is written over."""

from collections.abc import Iterable
from pathlib import Path

from apsi.errors import ApsiError
from apsi.photo.write import atomic, encode_jpeg
from apsi.preference.pair import Version
from apsi.preference.photos import MissingOriginalError, Originals, shown

PICTURES = "images"


def free(path: Path) -> Path:
    """The path, where there is no file of its name.

    Raises:
        ApsiError: there is one.
    """
    if path.exists():
        raise ApsiError(f"{path} is there already; move it away, or name another folder with out=FOLDER")
    return path


def write_pictures(versions: Iterable[Version], originals: Originals, folder: Path, size: int) -> dict[str, str]:
    """Writes versions as people see them, as JPEG in the folder `images`.

    Args:
        versions: each is written once.
        originals: where their photos are.
        folder: that of the exported file.
        size: pixels of the longer side, at most.

    Returns:
        By key of a version the path of its picture below `folder`; those whose photos are not there are left out.
    """
    written: dict[str, str] = {}
    by_photo: dict[str, dict[str, Version]] = {}
    for version in versions:
        by_photo.setdefault(version.photo, {})[version.key] = version
    for wanted in by_photo.values():
        try:
            original = originals.read(next(iter(wanted.values())))
        except MissingOriginalError:
            continue
        for key, version in wanted.items():
            name = f"{PICTURES}/{key}.jpg"
            with atomic(folder / name) as temporary:
                temporary.write_bytes(encode_jpeg(shown(original, version.steps, size), quality=92))
            written[key] = name
    return written
