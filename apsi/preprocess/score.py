"""Step: the juror's score of every original."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from apsi.dataset.base import Dataset
from apsi.errors import ApsiError
from apsi.juror.base import Juror
from apsi.photo.coco import ImageRecord
from apsi.photo.write import read_png, write_text
from apsi.preprocess.base import Context, Step, batches, build_once, load_records, save_records

_TRIED = 16
"""Photos whose known scores are held against the juror's"""


@dataclass(frozen=True)
class Score(Step):
    """Scores the originals; these are the target scores of `restore`.

    Scores that came with the photos are taken instead where the data set says that they are this juror's; a few of
    them are held against what it says now.
    """

    batch_size: int

    def run(self, context: Context) -> Context:
        context = context.then(self, context.juror.fingerprint).seen()
        source = context.dataset.score_source
        if source:
            require_scores_of(context.dataset, context.juror)
            context = context.then("known scores", source)
        known = [_known_score(record, source) for record in context.records]
        folder = context.folder("score")

        def build(target: Path) -> None:
            new = [image for image, score in zip(context.images, known, strict=True) if score is None]
            chunks = list(batches(new, self.batch_size))
            parts = [target / "parts" / f"{i:06d}.json" for i in range(len(chunks))]
            left = [  # what an earlier, killed run has not scored
                (part, chunk) for part, chunk in zip(parts, chunks, strict=True) if not part.exists()
            ]
            images = [image for _, chunk in left for image in chunk]
            with (
                context.open_pool(context.juror) as pool,
                context.engine.stream(read_png, images, "Scoring photos") as photos,
            ):
                _try_known(context, known, pool)
                for (part, _), batch in zip(left, batches(photos, self.batch_size), strict=True):
                    write_text(part, json.dumps(pool.score_framed([*map(context.first_view, batch)]).tolist()))
            scored = iter([score for part in parts for score in json.loads(part.read_text())])
            scores = [next(scored) if score is None else score for score in known]
            shutil.rmtree(target / "parts", ignore_errors=not parts)
            save_records(target, [replace(r, score=s) for r, s in zip(context.records, scores, strict=True)])

        build_once(folder, build)
        return replace(context, records=load_records(folder))


def require_scores_of(dataset: Dataset, juror: Juror) -> None:
    """Refuses scores that came with the photos and are another juror's.

    Raises:
        ApsiError: with both fingerprints.
    """
    if dataset.score_source and dataset.score_source != juror.fingerprint:
        raise ApsiError(
            f"dataset.use_scores=true: the scores are those of {dataset.score_source!r}, and the juror of this run is "
            f"{juror.fingerprint!r}; leave use_scores out, so that they are kept beside its own, or choose their juror"
        )


def _known_score(record: ImageRecord, source: str) -> float | None:
    """Of a whole photo; a crop of it has a score of its own."""
    return dict(record.facts.scores).get(source) if source and not record.version else None


def _try_known(context: Context, known: list[float | None], pool: Juror) -> None:
    """Scores a few of the photos whose scores are known."""
    tried = [i for i, score in enumerate(known) if score is not None][:_TRIED]
    photos = [context.first_view(read_png(context.images[i])) for i in tried]
    for i, found in zip(tried, pool.score_framed(photos).tolist() if photos else [], strict=True):
        claimed = known[i]
        assert claimed is not None
        if abs(found - claimed) > max(pool.tolerance, 1e-6):
            raise ApsiError(
                f"dataset.use_scores=true: {context.records[i].source} has the score {claimed:g} in the file, and the "
                f"juror of this run gives it {found:g} at this size: they are other scores; leave use_scores out"
            )
