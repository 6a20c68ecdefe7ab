"""The step that scores the originals."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from apsi.juror.base import Juror
from apsi.photo.write import read_png
from apsi.preprocess.base import Context
from apsi.preprocess.resize import Resize
from apsi.preprocess.score import Score


def test_every_original_gets_the_score_of_its_stored_image(context: Context, juror: Juror) -> None:
    after = Score(batch_size=8).run(Resize(32, "square", min_side=16).run(replace(context, juror=juror)))
    scores = [juror.score([read_png(image)])[0] for image in after.images]
    assert [record.score for record in after.records] == scores
    assert len(set(scores)) == 20


def test_photos_are_scored_in_batches_and_only_once(context: Context, juror: Juror) -> None:
    resized = Resize(32, "square", min_side=16).run(replace(context, juror=juror))
    first, again = Score(batch_size=8).run(resized), Score(batch_size=8).run(resized)
    assert juror.batches == [8, 8, 4]
    assert first == again


def test_scores_of_a_killed_run_are_not_asked_for_again(context: Context, juror: Juror) -> None:
    resized = Resize(32, "square", min_side=16).run(replace(context, juror=juror))

    class Killed(type(juror)):  # type: ignore[misc]
        def score(self, photos):  # type: ignore[no-untyped-def]
            if len(self.batches) == 2:
                raise KeyboardInterrupt
            return super().score(photos)

    with pytest.raises(KeyboardInterrupt):
        Score(batch_size=8).run(replace(resized, juror=Killed()))
    after = Score(batch_size=8).run(resized)
    assert juror.batches == [4]
    assert after.records == Score(batch_size=8).run(replace(resized, data_dir=context.data_dir / "new")).records


def test_another_juror_scores_anew(context: Context, new_juror: Callable[[], Any]) -> None:
    resized = Resize(32, "square", min_side=16).run(context)
    keys = set()
    for level in (100, 200):
        juror = new_juror()
        juror.load_parameters({"level": np.array(level)})
        keys.add(Score(batch_size=8).run(replace(resized, juror=juror)).key)
    assert len(keys) == 2
