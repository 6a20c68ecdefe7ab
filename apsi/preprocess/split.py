"""Step: which photos are for training, validation and test."""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

from apsi.errors import ApsiError
from apsi.photo.hash import seed_for
from apsi.preprocess.base import SPLITS, Context, Step, build_once
from apsi.preprocess.copies import COPIES, Copy, find_copies, read_copies, write_copies

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Split(Step):
    """Splits the original photos at random; photos that are copies of one another stay together.

    Copies have the same bytes, the same pixels, or look alike: saved again, resized, slightly cropped.
    """

    train: float
    val: float
    test: float
    near_duplicates: bool = True
    """whether photos that look alike count as copies, not only those with the same bytes"""
    folds: int | None = field(default=None, repr=False)
    """number of folds of nearly equal size, of which one is the test split; None: split by the ratios"""
    fold: int | None = field(default=None, repr=False)
    """which fold that is, from 1; over all folds every photo is in the test split exactly once"""

    share_few: bool = field(default=False, repr=False)
    """whether fewer than three photos that differ are all in every split, so that an agent can be trained for them"""

    def __post_init__(self) -> None:
        ratios = (self.train, self.val, self.test)
        if min(ratios) < 0 or abs(sum(ratios) - 1) > 1e-6:
            raise ApsiError(f"preprocess.steps.split: train, val and test are {ratios}; they must add up to 1")
        if self.folds is None and self.fold is None:
            return
        if self.folds is None or self.folds < 2:
            raise ApsiError(f"preprocess.steps.split.folds={self.folds} must be a number from 2 up; fold={self.fold}")
        if self.fold is None or not 1 <= self.fold <= self.folds:
            raise ApsiError(f"preprocess.steps.split.fold={self.fold} must be one of 1 to {self.folds}, as folds says")

    def run(self, context: Context) -> Context:
        copies = self._copies(context)
        context = context.then(self, context.seed)
        if self.folds is not None:  # without them the key is that of an apsi that knew none
            context = context.then(self.folds, self.fold)
        original = {record.source: record.original for record in context.records}
        of = {copy.file: original[copy.copy_of] for copy in copies}
        groups = [of.get(record.source, record.original) for record in context.records]
        if self.share_few and len(set(groups)) < len(SPLITS):
            return self._shared(context, copies)
        dealt = self._deal(sorted(set(groups), key=lambda group: seed_for(context.seed, group)))
        records = tuple(replace(r, split=dealt[g]) for r, g in zip(context.records, groups, strict=True))
        named = tuple(replace(copy, split=dealt[of[copy.file]]) for copy in copies)
        return replace(context, records=records, copies=named)

    def _shared(self, context: Context, copies: list[Copy]) -> Context:
        """All photos in every split: what is evaluated was trained on, which evaluation tells."""
        context = context.then("share_few")
        log.warning("Fewer than three photos differ: all are in every split, and evaluated is what was trained on")
        return replace(
            context,
            records=tuple(replace(record, split=split) for split in SPLITS for record in context.records),
            images=context.images * len(SPLITS),
            copies=tuple(replace(copy, split=SPLITS[0]) for copy in copies),
        )

    def _copies(self, context: Context) -> list[Copy]:
        """Of the data set, found once for all seeds and ratios."""
        if not (self.near_duplicates and context.images):
            return []
        folder = context.then("copies").folder("copies")

        def build(target: Path) -> None:
            copies = find_copies(context.records, context.images, context.engine)
            write_copies(target / COPIES, copies)

        build_once(folder, build)
        return read_copies(folder / COPIES)

    def _deal(self, groups: list[str]) -> dict[str, str]:
        n_val = self._count(len(groups), self.val)
        if self.folds is None or self.fold is None:
            n_test = self._count(len(groups), self.test)
            return dict(zip(groups, ["val"] * n_val + ["test"] * n_test + ["train"] * len(groups), strict=False))
        if len(groups) < max(self.folds, len(SPLITS)):
            raise ApsiError(
                f"preprocess.steps.split.folds={self.folds} of {len(groups)} photos that differ: a fold needs one of "
                "its own, and two others to train and validate with; take fewer folds or more photos"
            )
        tested = groups[self.fold - 1 :: self.folds]
        last = groups.index(tested[-1])
        others = [group for group in groups[last + 1 :] + groups[:last] if group not in set(tested)]
        return dict.fromkeys(tested, "test") | dict(
            zip(others, ["val"] * n_val + ["train"] * len(others), strict=False)
        )

    def _count(self, total: int, ratio: float) -> int:
        """Photos of a smaller split: at least one where there are enough to train on."""
        return max(round(total * ratio), 1 if ratio > 0 and total >= len(SPLITS) else 0)
