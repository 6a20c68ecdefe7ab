"""The step that scores the originals."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from apsi.dataset.base import Listing
from apsi.dataset.folder import Folder
from apsi.errors import ApsiError
from apsi.juror.base import Juror
from apsi.photo.facts import PhotoFacts
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


def with_known(context: Context, scores: dict[str, float], source: str = "") -> Context:
    """Resized photos that came with scores of somebody called `them`."""

    class Known(Folder):
        score_source = source

        def listing(self) -> Listing:
            found = super().listing()
            files = [replace(f, facts=PhotoFacts(scores=(("them", scores.get(f.name, 1.0)),))) for f in found.files]
            return replace(found, files=tuple(files))

    dataset = context.dataset
    assert isinstance(dataset, Folder)
    known = Known(str(dataset.path), dataset.enlarge, [])
    return Resize(32, "square", min_side=16).run(replace(context, dataset=known))


def test_scores_that_came_with_the_photos_are_kept_beside_the_jurors_own(context: Context, juror: Juror) -> None:
    resized = with_known(replace(context, juror=juror), {})
    after = Score(batch_size=8).run(resized)
    own = [juror.score([read_png(image)])[0] for image in after.images]
    assert [record.score for record in after.records] == own
    assert {record.facts.scores for record in after.records} == {(("them", 1.0),)}


def test_they_are_taken_for_the_jurors_only_where_it_says_the_same(
    context: Context, juror: Juror, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = replace(context, juror=juror)
    with pytest.raises(ApsiError, match=rf"are those of 'them', and the juror of this run is '{juror.fingerprint}'"):
        Score(batch_size=8).run(with_known(context, {}, "them"))
    monkeypatch.setattr(type(juror), "fingerprint", "them")
    right = with_known(context, {})
    scores = {r.source: float(juror.score([read_png(i)])[0]) for r, i in zip(right.records, right.images, strict=True)}
    juror.batches.clear()
    after = Score(batch_size=8).run(with_known(context, scores, "them"))
    assert [record.score for record in after.records] == [scores[record.source] for record in after.records]
    assert juror.batches == [16], "a few are held against what the juror says"
    scores[after.records[3].source] += 0.01
    with pytest.raises(ApsiError, match=r"use_scores=true: .* has the score .* in the file, and the juror of this run"):
        Score(batch_size=8).run(with_known(context, scores, "them"))
