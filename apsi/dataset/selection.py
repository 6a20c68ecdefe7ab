"""The settings that every data set has: which of its photos are taken, and what is known of them."""

import math
from dataclasses import dataclass, field

from apsi.errors import ApsiError


@dataclass(frozen=True)
class Selection:
    """Which photos of a data set are taken."""

    name: str | None = None
    """of the data set, with which the names of prepared folders begin; null: its own, such as that of the folder"""
    limit: int | None = None
    """at most so many photos, drawn by `data_seed`; a larger number draws the same ones and more; null: all"""
    min_side: int | None = None
    """only photos whose shorter side has at least so many pixels, by the header of the file"""
    max_side: int | None = None
    """only photos whose longer side has at most so many pixels"""
    aspect: list[float] | None = None
    """only photos whose width divided by height is from the first of these two numbers to the second: [0.5,2]"""
    tags: list[str] = field(default_factory=list)
    """only photos with at least one of these tags, in capitals or not"""
    sidecar: str | None = None
    """file with a row a photo: licence, author, address, tags; null: `photos.csv` or `photos.json` beside the photos"""

    def __post_init__(self) -> None:
        if self.name is not None and not any(letter.isalnum() for letter in self.name):
            raise ApsiError(f"dataset.name={self.name!r} must have a letter or digit: folders are named with it")
        for key in ("limit", "min_side", "max_side"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise ApsiError(f"dataset.{key}={value} must be at least 1, or null for none")
        if self.min_side is not None and self.max_side is not None and self.min_side > self.max_side:
            raise ApsiError(
                f"dataset.min_side={self.min_side} is above dataset.max_side={self.max_side}: no photo fits"
            )
        if self.aspect is not None:
            numbers = list(self.aspect)
            if len(numbers) != 2 or not all(math.isfinite(n) and n > 0 for n in numbers) or numbers[0] > numbers[1]:
                raise ApsiError(
                    f"dataset.aspect={numbers} must be two numbers above 0, the smaller first: [0.5,2] takes photos "
                    "that are at most twice as high as wide, or as wide as high"
                )
        if not all(tag.strip() for tag in self.tags):
            raise ApsiError(f"dataset.tags={list(self.tags)} holds an empty tag")

    @property
    def by_size(self) -> bool:
        """Whether the sizes of photos matter."""
        return not (self.min_side is None and self.max_side is None and self.aspect is None)

    def unfit(self, height: int, width: int) -> str:
        """Why a photo of this size is not taken; empty where it is."""
        if self.min_side is not None and min(height, width) < self.min_side:
            return f"shorter side below dataset.min_side={self.min_side}"
        if self.max_side is not None and max(height, width) > self.max_side:
            return f"longer side above dataset.max_side={self.max_side}"
        if self.aspect is not None and not self.aspect[0] <= width / height <= self.aspect[1]:
            return f"width / height not within dataset.aspect=[{self.aspect[0]:g},{self.aspect[1]:g}]"
        return ""

    def has_tag(self, tags: tuple[str, ...]) -> bool:
        """Whether a photo with these tags is taken."""
        wanted = {tag.strip().casefold() for tag in self.tags}
        return not wanted or any(tag.casefold() in wanted for tag in tags)
