"""Step: the juror's score of every original."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from apsi.photo.write import read_png, write_text
from apsi.preprocess.base import Context, Step, batches, build_once, load_records, save_records


@dataclass(frozen=True)
class Score(Step):
    """Scores the originals; these are the target scores of `restore`."""

    batch_size: int

    def run(self, context: Context) -> Context:
        context = context.then(self, context.juror.fingerprint).seen()
        folder = context.folder("score")

        def build(target: Path) -> None:
            chunks = list(batches(context.images, self.batch_size))
            parts = [target / "parts" / f"{i:06d}.json" for i in range(len(chunks))]
            left = [  # what an earlier, killed run has not scored
                (part, chunk) for part, chunk in zip(parts, chunks, strict=True) if not part.exists()
            ]
            images = [image for _, chunk in left for image in chunk]
            with (
                context.open_pool(context.juror) as pool,
                context.engine.stream(read_png, images, "Scoring photos") as photos,
            ):
                for (part, _), batch in zip(left, batches(photos, self.batch_size), strict=True):
                    write_text(part, json.dumps(pool.score_framed([*map(context.first_view, batch)]).tolist()))
            scores = [score for part in parts for score in json.loads(part.read_text())]
            shutil.rmtree(target / "parts")
            save_records(target, [replace(r, score=s) for r, s in zip(context.records, scores, strict=True)])

        build_once(folder, build)
        return replace(context, records=load_records(folder))
