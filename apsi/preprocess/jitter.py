"""Step: training photos in other light and colour."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from apsi.dataset.base import Dataset
from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.photo.coco import ImageRecord
from apsi.photo.hash import seed_for
from apsi.photo.write import read_png, write_png
from apsi.preprocess.base import Context, Step, build_once
from apsi.transform.adjust import Adjust
from apsi.types import Fraction

_ADJUSTMENTS = ("exposure", "contrast", "saturation", "temperature")


@dataclass(frozen=True)
class Jitter(Step):
    """Changes light and colours of the further versions of training photos, at random.

    The whole photos, and the photos that agents are validated and tested with, stay as they are. It comes after jurors
    are fitted, which learn from good photos, and before photos are scored: a changed photo is an original like any
    other, with a score of its own.
    """

    strength: Fraction
    """of each adjustment at most, either way; 0: none"""

    def require_fitting(self, dataset: Dataset, by_truth: bool) -> None:
        if not self.strength:
            return
        if by_truth:
            raise ApsiError(
                f"preprocess.steps.jitter.strength={self.strength}: the agent is measured by its distance to the true "
                "photos, and a photo of changed colours is none: leave it out, or choose another env than repair"
            )
        if dataset.enlarge["train"] < 2:
            raise ApsiError(
                f"preprocess.steps.jitter.strength={self.strength} changes further versions of training photos, and "
                f"dataset.enlarge.train={dataset.enlarge['train']} makes none: add dataset.enlarge.train=8"
            )

    def run(self, context: Context) -> Context:
        if not self.strength or context.whole_photos:
            return context
        context = context.then(self, context.seed)
        folder = context.folder("jitter")
        work = list(zip(context.records, context.images, strict=True))

        def build(target: Path) -> None:
            change = partial(self._change, folder=target / "images", seed=context.seed)
            context.engine.map(change, [pair for pair in work if _is_changed(pair[0])], "Changing light and colour")

        build_once(folder, build)
        images = (folder / "images" / image.name if _is_changed(record) else image for record, image in work)
        return replace(context, images=tuple(images))

    def _change(self, work: tuple[ImageRecord, Path], folder: Path, seed: int) -> None:
        record, image = work
        rng = np.random.default_rng(seed_for(seed, "jitter", record.original, record.version))
        write_png(folder / image.name, self.jittered(read_png(image), rng))

    def jittered(self, photo: Photo, rng: np.random.Generator) -> Photo:
        """The photo in other light and colour, in an order of the adjustments that is drawn, too."""
        for name in rng.permutation(_ADJUSTMENTS).tolist():
            photo = Adjust(name, float(rng.uniform(-self.strength, self.strength)))(photo)
        return photo


def _is_changed(record: ImageRecord) -> bool:
    return record.split == "train" and record.version > 0
