"""Reading the files of a data set, so that the bytes decoded are the bytes hashed."""

from pathlib import Path

from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.file import read_file
from apsi.photo.formats import decode_any
from apsi.photo.hash import bytes_hash
from apsi.photo.read import max_file_bytes

INDEX = "hashes.json"
"""File below `data_dir` that remembers hashes"""


class ChangedFileError(Exception):
    """A file's bytes have changed since they were hashed; the only argument is its path."""

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.args[0])


def read_source(path: Path, digest: str, max_pixels: int) -> Photo:
    """The photo in a file whose bytes have this SHA-256; they are read once.

    Raises:
        ChangedFileError: they have another.
        UnreadablePhotoError: they are no photo, or one of more than `max_pixels`.
        OSError: the file can't be opened, or is not a regular one.
        ApsiError: there is less memory than the photo takes.
    """
    try:
        data = read_file(path, max_file_bytes(max_pixels))
        if bytes_hash(data) != digest:
            raise ChangedFileError(str(path))
        return decode_any(path, data, max_pixels)
    except MemoryError as error:
        raise ApsiError(
            f"{path} takes more memory than there is: with a lower dataset.max_pixels (now {max_pixels}) it is "
            "skipped, with a lower preprocess.engine.workers fewer photos are decoded at a time"
        ) from error
