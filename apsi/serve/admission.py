"""Limits on the photos and bytes of all requests together."""

from collections.abc import Iterator
from contextlib import contextmanager


class BusyError(Exception):
    """Other requests leave no room; the message says which limit is reached."""


class Share:
    """The photos and bytes that one request holds."""

    def __init__(self, admission: "Admission") -> None:
        self._admission = admission
        self.photos = self.size = 0

    def take(self, *, photos: int = 0, size: int = 0) -> None:
        """Reserves more photos and bytes.

        Raises:
            BusyError: there is no room; nothing was taken.
        """
        self._admission.add(photos, size)
        self.photos += photos
        self.size += size

    def give(self, *, photos: int = 0, size: int = 0) -> None:
        """Releases some of them."""
        self.take(photos=-photos, size=-size)


class Admission:
    """Counts photos that wait, are decoded or scored, and the bytes that requests hold, as sent and as decoded.

    Used by one event loop only, so that nothing comes between looking and taking.
    """

    def __init__(self, max_photos: int, max_size: int) -> None:
        self.max_photos, self.max_size = max_photos, max_size
        self.photos = self.size = 0

    @contextmanager
    def request(self) -> Iterator[Share]:
        """The share of a request, given back at its end, however it ends."""
        share = Share(self)
        try:
            yield share
        finally:
            self.add(-share.photos, -share.size)

    def add(self, photos: int, size: int) -> None:
        """Counts; see `Share.take`."""
        if photos > 0 and self.photos + photos > self.max_photos:
            raise BusyError(f"{self.photos} photos wait already, at most {self.max_photos} may")
        if size > 0 and self.size + size > self.max_size:
            raise BusyError(
                f"requests hold {self.size / 1e6:.0f} MB already, at most {self.max_size / 1e6:g} MB may be"
            )
        self.photos += photos
        self.size += size
