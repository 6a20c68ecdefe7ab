"""Any folder of photos."""

import os
from pathlib import Path

from apsi.dataset.base import Dataset, Listing, Skipped, SourceFile
from apsi.errors import ApsiError
from apsi.photo.read import IMAGE_SUFFIXES


class Folder(Dataset):
    """All JPEG, PNG, WebP, TIFF and BMP files below a folder; hidden files and folders are passed over."""

    def __init__(self, path: str, enlarge: dict[str, int], exclude: list[str]) -> None:
        """Takes the folder; reads nothing yet.

        Args:
            path: the folder, searched recursively.
            enlarge: for each split, how many versions of each photo to make, the photo itself included.
            exclude: folders to leave out, such as apsi's own data and outputs.
        """
        self.path = Path(path).expanduser()
        self.enlarge = enlarge
        self._exclude = {Path(folder).expanduser().resolve() for folder in exclude}

    @property
    def name(self) -> str:
        return self.path.resolve().name or "root"

    def listing(self) -> Listing:
        if not self.path.exists():
            raise ApsiError(f"dataset.path={self.path} does not exist; give the folder that holds your photos")
        if not self.path.is_dir():
            raise ApsiError(f"dataset.path={self.path} is a file; give the folder that holds your photos")
        files, skipped = [], []
        for root, folders, names in os.walk(self.path, onerror=_refuse):
            here = Path(root)
            folders[:] = sorted(f for f in folders if not f.startswith(".") and not self._is_excluded(here / f))
            for file in sorted(name for name in names if not name.startswith(".")):
                relative = (here / file).relative_to(self.path).as_posix()
                if not _is_utf8(relative):
                    shown = relative.encode(errors="replace").decode()
                    skipped.append(Skipped(shown, "its name is not UTF-8; rename it"))
                elif Path(file).suffix.lower() in IMAGE_SUFFIXES:
                    files.append(SourceFile(relative, here / file))
                else:
                    skipped.append(Skipped(relative, f"not an image format that is read ({_formats()})"))
        return Listing(tuple(files), tuple(skipped))

    def _is_excluded(self, folder: Path) -> bool:
        return folder.resolve() in self._exclude


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
