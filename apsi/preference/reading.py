"""Columns of the versions in answers: originals are read, edited, cut and measured once, and remembered."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from apsi.errors import ApsiError
from apsi.juror.base import Juror
from apsi.juror.framed import FramedPhoto
from apsi.juror.preference import columns_of, name_of
from apsi.juror.preference_features import FeatureMaker
from apsi.photo import Floats
from apsi.photo.hash import value_hash
from apsi.preference.answered import Answered, outcomes_of
from apsi.preference.feature_store import FeatureStore
from apsi.preference.folder import Comparison
from apsi.preference.pair import Version
from apsi.preference.photos import MissingOriginalError, Originals, framed

LONGEST = 512
"""Pixels of the longer side at which versions are measured, as `env=crop` does"""
log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Reader:
    """Makes columns of versions: the prior's score, then features."""

    originals: Originals
    prior: Juror | None
    maker: FeatureMaker
    store: FeatureStore

    @property
    def fingerprint(self) -> str:
        """Of all that makes the columns."""
        return value_hash([self.maker.fingerprint, name_of(self.prior), LONGEST])

    def columns(self, versions: Iterable[Version]) -> dict[str, Floats]:
        """`(C,)` by key of a version, of those whose originals are there; the others are told."""
        wanted = {version.key: version for version in versions}
        known = self.store.load(self.fingerprint, wanted)
        missing: dict[str, list[Version]] = {}
        for key, version in wanted.items():
            if key not in known:
                missing.setdefault(version.photo, []).append(version)
        from apsi.console import track

        lacking: list[str] = []
        for group in track(missing.values(), "Measuring photos", len(missing)) if missing else ():
            try:
                shown = self.framed(group)
            except MissingOriginalError as error:
                lacking.append(str(error))
                continue
            rows = dict(zip((version.key for version in group), columns_of(shown, self.prior, self.maker), strict=True))
            self.store.save(self.fingerprint, rows)
            known |= rows
        for said in lacking[:5]:
            log.warning("%s", said)
        if len(lacking) > 5:
            log.warning("%d further photos are not there", len(lacking) - 5)
        return known

    def framed(self, versions: Sequence[Version]) -> list[FramedPhoto]:
        """Versions of one photo as jurors see them.

        Raises:
            MissingOriginalError: the photo is not there.
        """
        original = self.originals.read(versions[0])
        return [framed(original, version.steps, LONGEST) for version in versions]


@dataclass(frozen=True, eq=False)
class Read:
    """Answers with their columns."""

    answered: Answered
    comparisons: tuple[Comparison, ...]
    """one for each answer, in order"""
    people: tuple[str, ...]


def read_answers(comparisons: Sequence[Comparison], reader: Reader) -> Read:
    """Answers that are left, tie or right, to pairs whose originals are there.

    Raises:
        ApsiError: there is none.
    """
    opinions = [one for one in comparisons if one.answer.answer != "skip"]
    columns = reader.columns(version for one in opinions for version in (one.left, one.right))
    usable = tuple(one for one in opinions if one.left.key in columns and one.right.key in columns)
    if not usable:
        raise ApsiError(
            "no answer can be used: the photos of all pairs are missing; name the data set that the pairs were made "
            "of, such as dataset=folder dataset.path=PHOTOS"
        )
    outcomes, people, names = outcomes_of(usable)
    answered = Answered(
        np.stack([columns[one.left.key] for one in usable]),
        np.stack([columns[one.right.key] for one in usable]),
        outcomes,
        people,
        tuple((one.left.photo, one.right.photo) for one in usable),
        tuple(one.answer.pair for one in usable),
    )
    return Read(answered, usable, names)
