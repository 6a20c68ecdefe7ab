"""Any folder of photos."""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import PositiveInt

from apsi.dataset.base import Dataset, Listing, Skipped, SourceFile
from apsi.dataset.sidecar import SIDECARS
from apsi.errors import ApsiError
from apsi.photo.formats import why_unread
from apsi.photo.read import MAX_PIXELS


class Folder(Dataset):
    """All image files below a folder, or one; hidden files and folders are passed over.

    HEIC and camera raw are read where their extras are installed. Links to files are followed, to folders not.
    """

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
        self.sidecar_folder = self.path
        self._exclude = {Path(os.path.realpath(Path(folder).expanduser())) for folder in exclude}

    @property
    def name(self) -> str:
        name = Path(os.path.realpath(self.path)).name or "root"
        return name.encode(errors="replace").decode()  # text files hold it

    def listing(self) -> Listing:
        if not self.path.exists():
            raise ApsiError(f"dataset.path={self.path} does not exist; give the folder that holds your photos")
        if self.path.is_file():
            return _sorted_out([(self.path.name, self.path)], ())
        if not self.path.is_dir():
            raise ApsiError(f"dataset.path={self.path} is neither a folder nor a file; give the folder of your photos")
        skipped: list[Skipped] = []
        return _sorted_out(self._walk(skipped), skipped)

    def _walk(self, skipped: list[Skipped]) -> Iterator[tuple[str, Path]]:
        """Files and their names; folders that are not searched are added to `skipped`."""

        def skip(error: OSError) -> None:
            if Path(error.filename) == self.path:
                raise ApsiError(
                    f"can't read the folder {error.filename}: {error.strerror}; check its permissions"
                ) from error
            name = Path(error.filename).relative_to(self.path).as_posix()
            skipped.append(Skipped(printable(name), f"a folder that can't be read: {error.strerror}"))

        for root, folders, names in os.walk(self.path, onerror=skip):
            here = Path(root)
            seen = sorted(f for f in folders if not f.startswith(".") and not self._is_excluded(here / f))
            links = [f for f in seen if (here / f).is_symlink()]
            folders[:] = [f for f in seen if f not in links]
            for folder in links:
                name = (here / folder).relative_to(self.path).as_posix()
                skipped.append(Skipped(printable(name), "a link to a folder, which is not followed"))
            for file in sorted(name for name in names if not name.startswith(".")):
                if here != self.path or file not in SIDECARS:
                    yield (here / file).relative_to(self.path).as_posix(), here / file

    def _is_excluded(self, folder: Path) -> bool:
        return Path(os.path.realpath(folder)) in self._exclude


def _sorted_out(found: Iterable[tuple[str, Path]], skipped: Iterable[Skipped]) -> Listing:
    """Files with a photo's extension, and the others with reasons."""
    files, others = [], list[Skipped]()
    for name, path in found:
        if reason := unusable_name(name) or why_unread(path.suffix):
            others.append(Skipped(printable(name), reason))
        else:
            files.append(SourceFile(name, path))
    return Listing(tuple(files), (*others, *skipped))


def unusable_name(name: str) -> str:
    """Why a file of this name can't be used; empty where it can: text files must be able to hold it, a line each."""
    if name.isprintable():
        return ""
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that Python can only carry as surrogates
        return "its name is not UTF-8; rename it"
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in name):
        return "its name has a line break or another control character; rename it"
    return ""


def printable(name: str) -> str:
    """A name as one line of text, with `?` or the code for what can't be shown."""
    shown = name.encode(errors="replace").decode()
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in shown)
