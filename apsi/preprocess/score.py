"""Step: the juror's score of every original."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from apsi.console import track
from apsi.photo.write import read_png, write_text
from apsi.preprocess.base import Context, Step, batches, build_once, load_records, save_records


@dataclass(frozen=True)
class Score(Step):
    """Scores the originals; these scores are what `restore` aims at."""

    batch_size: int

    def run(self, context: Context) -> Context:
        context = context.then(self, context.juror.fingerprint)
        folder = context.folder("score")

        def build(target: Path) -> None:
            scores: list[float] = []
            chunks = list(batches(context.images, self.batch_size))
            with context.open_pool(context.juror) as pool, ThreadPoolExecutor(os.cpu_count()) as threads:
                for i, paths in enumerate(track(chunks, "Scoring photos", len(chunks))):
                    done = target / "parts" / f"{i:06d}.json"  # what an earlier, killed run had scored
                    if not done.exists():
                        write_text(done, json.dumps(pool.score(list(threads.map(read_png, paths))).tolist()))
                    scores += json.loads(done.read_text())
            shutil.rmtree(target / "parts")
            save_records(target, [replace(r, score=s) for r, s in zip(context.records, scores, strict=True)])

        build_once(folder, build)
        return replace(context, records=load_records(folder))
