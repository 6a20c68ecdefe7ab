"""Step: which photos are for training, validation and test."""

from dataclasses import dataclass, replace

from apsi.errors import ApsiError
from apsi.photo.hash import seed_for
from apsi.preprocess.base import SPLITS, Context, Step


@dataclass(frozen=True)
class Split(Step):
    """Deals the original photos out at random; copies of one photo under several names stay together."""

    train: float
    val: float
    test: float

    def __post_init__(self) -> None:
        ratios = (self.train, self.val, self.test)
        if min(ratios) < 0 or abs(sum(ratios) - 1) > 1e-6:
            raise ApsiError(f"preprocess.steps.split: train, val and test are {ratios}; they must add up to 1")

    def run(self, context: Context) -> Context:
        context = context.then(self, context.seed)
        originals = sorted({record.original for record in context.records}, key=lambda o: seed_for(context.seed, o))
        n_val, n_test = self._count(len(originals), self.val), self._count(len(originals), self.test)
        of = dict(zip(originals, ["val"] * n_val + ["test"] * n_test + ["train"] * len(originals), strict=False))
        return replace(context, records=tuple(replace(r, split=of[r.original]) for r in context.records))

    def _count(self, total: int, ratio: float) -> int:
        """Photos of a smaller split: at least one where there are enough to train on."""
        return max(round(total * ratio), 1 if ratio > 0 and total >= len(SPLITS) else 0)
