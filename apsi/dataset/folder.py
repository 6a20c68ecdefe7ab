"""Any folder of photos."""

import os
from collections.abc import Iterable
from pathlib import Path

from pydantic import PositiveInt

from apsi.dataset.base import Dataset, Listing, Skipped, SourceFile
from apsi.errors import ApsiError
from apsi.photo.read import IMAGE_SUFFIXES, MAX_PIXELS


class Folder(Dataset):
    """All JPEG, PNG, WebP, TIFF and BMP files below a folder, or one; hidden files and folders are skipped."""

    def __init__(
        self, path: str, enlarge: dict[str, int], exclude: list[str], max_pixels: PositiveInt = MAX_PIXELS
    ) -> None:
        """Takes the folder; reads nothing yet.

        Args:
            path: the folder, searched recursively, or a single file.
            enlarge: for each split, how many versions of each photo to make, the photo itself included.
            exclude: folders to leave out, such as apsi's own data and outputs.
            max_pixels: files with more, by what their header says, are skipped before they are decoded.
        """
        self.path = Path(path).expanduser()
        self.enlarge, self.max_pixels = enlarge, max_pixels
        self._exclude = {Path(os.path.realpath(Path(folder).expanduser())) for folder in exclude}

    @property
    def name(self) -> str:
        name = Path(os.path.realpath(self.path)).name or "root"
        return name.encode(errors="replace").decode()  # text files hold it

    def listing(self) -> Listing:
        if not self.path.exists():
            raise ApsiError(f"dataset.path={self.path} does not exist; give the folder that holds your photos")
        if self.path.is_file():
            return _sorted_out([(self.path.name, self.path)])
        if not self.path.is_dir():
            raise ApsiError(f"dataset.path={self.path} is neither a folder nor a file; give the folder of your photos")
        found = []
        for root, folders, names in os.walk(self.path, onerror=_refuse):
            here = Path(root)
            folders[:] = sorted(f for f in folders if not f.startswith(".") and not self._is_excluded(here / f))
            for file in sorted(name for name in names if not name.startswith(".")):
                found.append(((here / file).relative_to(self.path).as_posix(), here / file))
        return _sorted_out(found)

    def _is_excluded(self, folder: Path) -> bool:
        return Path(os.path.realpath(folder)) in self._exclude


def _sorted_out(found: Iterable[tuple[str, Path]]) -> Listing:
    """Files with a photo's extension, and the others with reasons."""
    files, skipped = [], []
    for name, path in found:
        if not _is_utf8(name):
            skipped.append(Skipped(name.encode(errors="replace").decode(), "its name is not UTF-8; rename it"))
        elif path.suffix.lower() in IMAGE_SUFFIXES:
            files.append(SourceFile(name, path))
        else:
            skipped.append(Skipped(name, f"not an image format that is read ({_formats()})"))
    return Listing(tuple(files), tuple(skipped))


def _is_utf8(name: str) -> bool:
    """False for names with bytes that Python can only carry as surrogates: no text file can hold them."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _formats() -> str:
    return " ".join(sorted(suffix.lstrip(".") for suffix in IMAGE_SUFFIXES))


def _refuse(error: OSError) -> None:
    raise ApsiError(f"can't read the folder {error.filename}: {error.strerror}; check its permissions") from error
