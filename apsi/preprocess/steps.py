"""All preprocess steps in order."""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from apsi.dataset.base import Dataset, Skipped
from apsi.degradation.base import Degradation
from apsi.degradation.none import NoDegradation
from apsi.errors import ApsiError
from apsi.juror.base import FittedJuror, Juror
from apsi.juror.framed import FramedPhoto
from apsi.juror.none import NoJuror
from apsi.monitoring.metrics import METRICS
from apsi.photo import Photo
from apsi.photo.coco import ImageRecord
from apsi.photo.prepared import PreparedSplit
from apsi.preprocess.base import SPLITS, Context, Step
from apsi.preprocess.copies import Copy
from apsi.preprocess.engine.base import Engine
from apsi.preprocess.score import require_scores_of
from apsi.preprocess.split import Split

_SHOWN = 5  # files that can't be used
log = logging.getLogger(__name__)

_REMEDIES = {
    "all": "use other photos, or another degradation",
    "test": "use more photos, at least three that differ, or preprocess.steps.split.share_few=true for an agent of "
    "these alone; an agent that is trained already edits fewer, or one, with task=evaluate split=all checkpoint=PATH, "
    "or task=advise photo=PHOTO checkpoint=PATH",
}
"""Where a split is empty"""


@dataclass(frozen=True)
class Prepared:
    """A prepared data set."""

    folder: Path
    juror: Juror
    """the juror that scored it, fitted"""
    skipped: tuple[Skipped, ...]
    copies: tuple[Copy, ...] = ()
    """photos that are copies of others and stay in their split"""
    seconds: dict[str, float] = field(default_factory=dict, compare=False)
    """by step, in their order, how long it took now; next to nothing where its outcome was there already"""
    left_out: dict[str, int] = field(default_factory=dict, compare=False)
    """by reason, how many photos of the data set were not asked for"""

    def split(self, name: str) -> PreparedSplit:
        """One split by name, or all of them as one (`all`).

        Raises:
            ApsiError: no such split, or it is empty.
        """
        loaded = self.load(name)
        if not loaded.episodes:
            asked = f", {sum(self.left_out.values())} photos were not asked for" if self.left_out else ""
            copies = f" ({len(self.copies)} photos are copies of others)" if self.copies else ""
            raise ApsiError(
                f"the split '{name}' of {self.folder} is empty: {len(self.skipped)} files were skipped and "
                f"{loaded.dropped} degraded photos scored no worse than their originals{copies}{asked}; "
                + _REMEDIES.get(
                    name,
                    "use more photos: training takes at least three that differ, or "
                    "preprocess.steps.split.share_few=true",
                )
            )
        return loaded

    def load(self, name: str) -> PreparedSplit:
        """Like `split`, but an empty one is no error."""
        if name not in (*SPLITS, "all"):
            raise ApsiError(f"split={name} must be one of: {', '.join(SPLITS)}, all")
        loaded = PreparedSplit.load(name, [self.folder / split for split in (SPLITS if name == "all" else [name])])
        hashes = {episode.source: episode.source_hash for episode in loaded.episodes}
        first = {copy.file: hashes.get(copy.copy_of, copy.copy_of) for copy in self.copies}
        return replace(loaded, episodes=tuple(replace(e, copy_of=first.get(e.source, "")) for e in loaded.episodes))


class Steps:
    """Runs the steps in order; each reuses its outcome if it was done before."""

    def __init__(self, steps: dict[str, Step], engine: Engine) -> None:
        """Takes the steps.

        Args:
            steps: by name, in order; the last one leaves the finished folder.
            engine: does their work on single photos.
        """
        self.steps, self.engine = steps, engine

    def require_fitting(self, dataset: Dataset, by_truth: bool) -> None:
        """Refuses, before any photo is read, what makes no sense for a data set or an environment; see `Step`."""
        for step in self.steps.values():
            step.require_fitting(dataset, by_truth)

    def run(
        self,
        *,
        dataset: Dataset,
        degradation: Degradation,
        juror: Juror,
        open_pool: Callable[[Juror], AbstractContextManager[Juror]],
        data_dir: Path,
        seed: int,
        whole_photos: bool = False,
        keep_all: bool = False,
        first_view: Callable[[Photo], FramedPhoto] = FramedPhoto,
        shows: str = "",
    ) -> Prepared:
        """Prepares a data set under `data_dir`, or finds it prepared.

        Raises:
            ApsiError: no usable photo, or steps that leave no finished folder.
        """
        context = Context(
            dataset,
            degradation,
            juror,
            open_pool,
            data_dir,
            seed,
            whole_photos=whole_photos,
            keep_all=keep_all,
            first_view=first_view,
            shows=shows,
            engine=self.engine,
        )
        if not isinstance(juror, FittedJuror) or juror.is_fitted:  # else it has no fingerprint of its own yet
            require_scores_of(dataset, juror)
        seconds: dict[str, float] = {}
        with self.engine:
            for name, step in self.steps.items():
                began = time.monotonic()
                with METRICS.phase(f"prepare_{name}"):
                    context = step.run(context)
                seconds[name] = round(time.monotonic() - began, 3)
        if context.prepared is None:
            raise ApsiError(
                f"the steps {', '.join(self.steps)} leave no prepared data set; the last one must be degrade"
            )
        return Prepared(context.prepared, context.juror, context.skipped, context.copies, seconds, context.left_out)

    def sort(self, dataset: Dataset, data_dir: Path, seed: int) -> tuple[ImageRecord, ...]:
        """The photos of a data set with the splits that they get when it is prepared; none is scored or degraded.

        Files that can't be used are told.

        Raises:
            ApsiError: no usable photo, or no step that sorts them.
        """
        context = Context(dataset, NoDegradation(), NoJuror(), nullcontext, data_dir, seed, engine=self.engine)
        with self.engine:
            for step in self.steps.values():
                context = step.run(context)
                if isinstance(step, Split):
                    for one in context.skipped[:_SHOWN]:
                        log.warning("%s is left out: %s", one.name, one.reason)
                    if len(context.skipped) > _SHOWN:
                        log.warning("%d further files are left out", len(context.skipped) - _SHOWN)
                    return context.records
        raise ApsiError(f"the steps {', '.join(self.steps)} sort no photos into splits; one of them must be split")
