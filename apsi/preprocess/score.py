"""Step: the juror's score of every original."""

from dataclasses import dataclass, replace
from pathlib import Path

from apsi.console import track
from apsi.photo.write import read_png
from apsi.preprocess.base import Context, Step, batches, build_once, load_records, save_records


@dataclass(frozen=True)
class Score(Step):
    """Scores the originals; these scores are what `restore` aims at."""

    batch_size: int

    def run(self, context: Context) -> Context:
        context = context.then(self)
        folder = context.folder("score")

        def build(target: Path) -> None:
            scores: list[float] = []
            with context.open_pool(context.juror) as pool:
                chunks = list(batches(context.images, self.batch_size))
                for paths in track(chunks, "Scoring photos", len(chunks)):
                    scores += pool.score([read_png(path) for path in paths]).tolist()
            save_records(target, [replace(r, score=s) for r, s in zip(context.records, scores, strict=True)])

        build_once(folder, build)
        return replace(context, records=load_records(folder))
