"""The step that scores the originals."""

from dataclasses import replace

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
