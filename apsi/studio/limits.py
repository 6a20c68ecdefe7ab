"""What the studio takes."""

from dataclasses import dataclass

from apsi.errors import ApsiError
from apsi.web.shell import Refusal


@dataclass(frozen=True)
class Limits:
    """What one studio takes; `conf/task/studio.yaml` has the values."""

    max_megabytes: float
    """of one photo's file"""
    max_megapixels: float
    """of one photo"""
    max_photos: int
    """of one browser"""
    max_megabytes_in_all: float
    """of all photos of all browsers, with what is made of them"""
    max_seconds: float
    """until a request is received completely"""
    max_waiting: int
    """jobs that may wait, of all browsers"""
    keep_minutes: float
    """how long an unused photo is kept"""

    def __post_init__(self) -> None:
        if self.max_megabytes_in_all < self.max_megabytes:
            raise ApsiError(
                f"task.max_megabytes_in_all={self.max_megabytes_in_all:g} has no room for one photo of "
                f"task.max_megabytes={self.max_megabytes:g}"
            )

    @property
    def max_bytes(self) -> int:
        """Of one photo's file."""
        return int(self.max_megabytes * 1e6)

    @property
    def max_pixels(self) -> int:
        """Of one photo."""
        return int(self.max_megapixels * 1e6)


def too_many_bytes(most: float) -> Refusal:
    """The refusal of a file of more than so many megabytes."""
    return Refusal(
        413,
        "The file has more than {most} MB, which is the most that is taken: send a smaller version.",
        most=f"{most:g}",
    )


def too_many_pixels(most: int) -> Refusal:
    """The refusal of a photo with more pixels than one may have."""
    return Refusal(
        413,
        "The photo has more than {most} megapixels, which is the most that is taken: send a smaller version, or start "
        "the studio with a larger task.max_megapixels.",
        most=f"{most / 1e6:g}",
    )
