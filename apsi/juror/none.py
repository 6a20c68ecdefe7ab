"""No judgement."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from apsi.juror.base import SCORE_MAX, About, Juror
from apsi.photo import Floats, Photo


class NoJuror(Juror):
    """Scores every photo alike, in no time: where the true photos alone say what is better."""

    fingerprint = "none"
    about: ClassVar[About] = About(
        native_range="5",
        mapping="none",
        reference="none",
        licence="MIT, part of apsi",
        knows="nothing; env=repair goes by the true photos, and saves the time that scores take",
    )

    def score(self, photos: Sequence[Photo]) -> Floats:
        return np.full(len(photos), SCORE_MAX / 2)
