"""Colour photographs that ship inside packages that apsi needs anyway: nothing to download."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from apsi.dataset.base import Dataset, Listing, SourceFile
from apsi.errors import ApsiError
from apsi.photo.facts import PhotoFacts


@dataclass(frozen=True)
class SamplePhoto:
    """One of them: where it is, who made it, and what allows everybody to use, change and publish it."""

    package: str
    """as Python imports it"""
    path: str
    """below the package's folder"""
    author: str
    licence: str

    @property
    def name(self) -> str:
        """Its name in the data set."""
        return f"{self.package}/{Path(self.path).name}"


_DISTRIBUTIONS = {"skimage": "scikit-image", "sklearn": "scikit-learn", "matplotlib": "matplotlib"}
"""What to install for each package"""

PHOTOS = (
    SamplePhoto("skimage", "data/astronaut.png", "NASA", "public domain"),
    SamplePhoto("skimage", "data/chelsea.png", "Stefan van der Walt", "CC0"),
    SamplePhoto("skimage", "data/coffee.png", "Rachel Michetti", "CC0"),
    SamplePhoto("skimage", "data/retina.jpg", "Mikael Häggström", "CC0"),
    SamplePhoto("skimage", "data/rocket.jpg", "SpaceX", "public domain"),
    SamplePhoto("sklearn", "datasets/images/china.jpg", "danielbuechele", "CC BY 2.0"),
    SamplePhoto("sklearn", "datasets/images/flower.jpg", "vultilion", "CC BY 2.0"),
    SamplePhoto("matplotlib", "mpl-data/sample_data/grace_hopper.jpg", "US Navy", "public domain"),
)
"""All colour photographs under a free licence in these packages in which a person could tell a scrambled copy from the
original: stars (hubble_deep_field) and dyed tissue (ihc) look the same to the eye when they are shifted or recoloured.
motorcycle_left is no part of them: Middlebury's terms let everybody use and publish it, not change it."""


class Sample(Dataset):
    """Eight colour photographs, enough to see apsi work on any machine."""

    is_sample = True

    def __init__(self, enlarge: dict[str, int]) -> None:
        """Takes the photos out of the installed packages.

        Args:
            enlarge: for each split, how many versions of each photo to make, the photo itself included.
        """
        self.enlarge = enlarge

    @property
    def name(self) -> str:
        return "sample"

    def listing(self) -> Listing:
        files = [
            SourceFile(
                photo.name,
                _folder_of(photo.package) / photo.path,
                PhotoFacts(licence=photo.licence, author=photo.author),
            )
            for photo in PHOTOS
        ]
        for photo, file in zip(PHOTOS, files, strict=True):
            if not file.path.is_file():
                raise ApsiError(
                    f"dataset=sample: {file.path} is missing; reinstall {_DISTRIBUTIONS[photo.package]}, in a version "
                    "that constraints.txt names, or use photos of your own: dataset=folder dataset.path=FOLDER"
                )
        return Listing(tuple(files))


def _folder_of(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ApsiError(
            f"dataset=sample takes photos out of the package {package}, which isn't installed; install "
            f"{_DISTRIBUTIONS[package]}"
        )
    return Path(spec.origin).parent
