"""The colour photographs that ship inside scikit-image and scikit-learn: nothing to download."""

from importlib.util import find_spec
from pathlib import Path

from apsi.dataset.base import Dataset, Listing, SourceFile
from apsi.errors import ApsiError

PHOTOS = {
    "skimage": (
        "data/astronaut.png",  # NASA: public domain
        "data/chelsea.png",  # Stefan van der Walt: CC0
        "data/coffee.png",  # Rachel Michetti: CC0
        "data/rocket.jpg",  # SpaceX: public domain
        "data/motorcycle_left.png",  # Middlebury 2014 stereo benchmark (Scharstein et al.): to be cited
    ),
    "sklearn": (
        "datasets/images/china.jpg",  # danielbuechele: CC BY 2.0
        "datasets/images/flower.jpg",  # vultilion: CC BY 2.0
    ),
}


class Sample(Dataset):
    """Seven natural colour photographs, enough to see apsi work on any machine."""

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
        files = []
        for package, names in PHOTOS.items():
            spec = find_spec(package)
            if spec is None or spec.origin is None:
                raise ApsiError(f"dataset=sample takes photos out of the package {package}, which isn't installed")
            root = Path(spec.origin).parent
            files += [SourceFile(f"{package}/{Path(name).name}", root / name) for name in names]
        missing = [file.path for file in files if not file.path.is_file()]
        if missing:
            raise ApsiError(f"dataset=sample: {missing[0]} is missing; reinstall scikit-image and scikit-learn")
        return Listing(tuple(files))
