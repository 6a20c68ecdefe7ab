"""What a juror of flaws learns from: worse versions of a good photo, and which of two is better."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt

from apsi.degradation.photographic import Photographic
from apsi.photo import Floats, Photo
from apsi.transform.base import Transform

_SEED = 1
_RECIPES, _EDITS, _EDITED = 4, 5, 6
"""Of a photo: recipes of flaws, each at two strengths; edits of the photo; edits of its flawed versions"""
_WEAKER = 0.5
_AGAIN = 0.4  # of the edited, the same edit several times
_CLEAR = 4.0
"""Mean CIE76 between two versions from which on the nearer one counts in full as the better"""
_TEMPTING_STEPS, _TRIED, _KEPT = 3, 10, 3


@dataclass
class Versions:
    """A good photo and worse ones made of it, as rows of statistics, and which of two rows is better."""

    rows: list[Floats] = field(default_factory=list)
    """`(F,)` each; the first is the photo's, then come `n_flawed` flawed ones"""
    pairs: list[tuple[int, int, float]] = field(default_factory=list)
    """row of the better, of the worse, weight"""
    n_flawed: int = 0

    def add(self, row: Floats) -> int:
        """The number of the new row; a good photo is better than what is made of it."""
        self.rows.append(row)
        number = len(self.rows) - 1
        if number:
            self.pairs.append((0, number, 1.0))
        return number

    def compare(self, row: int, other: int, nearer: float) -> None:
        """Of two versions that which is nearer to the photo is better; `nearer`: by how much the first one is."""
        weight = min(abs(nearer) / _CLEAR, 1.0)
        self.pairs.append((row, other, weight) if nearer > 0 else (other, row, weight))


@dataclass(frozen=True)
class VersionMaker:
    """Makes versions of photos; the same ones again for the same photo and number."""

    degradation: Photographic
    edits: tuple[Transform, ...]
    describe: Callable[[Sequence[Photo]], list[Floats]]
    """statistics `(F,)` of each photo"""

    def random(self, photo: Photo, number: int) -> Versions:
        """Flawed versions, each at half and at full strength, and edits of the photo and of these."""
        rng = np.random.default_rng([_SEED, number])
        weakest, strongest = self.degradation.weakest, self.degradation.strongest
        halved = replace(self.degradation, weakest=_WEAKER * weakest, strongest=_WEAKER * strongest)
        seeds = rng.integers(2**32, size=_RECIPES).tolist()
        flawed = [
            flaws.sample(np.random.default_rng(seed))(photo) for flaws in (halved, self.degradation) for seed in seeds
        ]
        versions = Versions(n_flawed=len(flawed))
        edits = [self._edited(photo, rng) for _ in range(_EDITS)]
        starts = rng.integers(len(flawed), size=_EDITED).tolist()
        edited = [self._edited(flawed[i], rng) for i in starts]
        rows = [versions.add(row) for row in self.describe([photo, *flawed, *edits, *edited])]
        versions.pairs += [(1 + i, 1 + _RECIPES + i, 1.0) for i in range(_RECIPES)]
        true = _lab(photo)
        for i, after, row in zip(starts, edited, rows[-_EDITED:], strict=True):
            nearer = _distance(_lab(flawed[i]), true) - _distance(_lab(after), true)
            versions.compare(row, 1 + i, nearer)
        return versions

    def tempting(
        self, photo: Photo, number: int, versions: Versions, judge: Callable[[Floats], float], good: bool
    ) -> None:
        """Adds edits by which a juror's rank rises most, step by step as `policy=greedy` takes them.

        Args:
            photo: the good photo.
            number: the photo's.
            versions: what to add them to.
            judge: from statistics to the rank.
            good: start from the photo itself, else from a flawed version.
        """
        rng = np.random.default_rng([_SEED, number, 1])
        true = _lab(photo)
        state, at = photo, 0
        if not good:
            state = self.degradation.sample(rng)(photo)
            at = versions.add(self.describe([state])[0])
        away = _distance(_lab(state), true)
        for _ in range(_TEMPTING_STEPS):
            tried = [self.edits[i](state) for i in rng.permutation(len(self.edits))[:_TRIED]]
            rows = self.describe(tried)
            ranks = np.array([judge(row) for row in rows])
            order = np.argsort(-ranks, kind="stable")[:_KEPT].tolist()
            added = [versions.add(rows[i]) for i in order]
            apart = [_distance(_lab(tried[i]), true) for i in order]
            if at:
                for row, distance in zip(added, apart, strict=True):
                    versions.compare(row, at, away - distance)
            if ranks[order[0]] <= judge(versions.rows[at]):
                break
            state, at, away = tried[order[0]], added[0], apart[0]

    def _edited(self, photo: Photo, rng: np.random.Generator) -> Photo:
        """After one to three edits, as agents make them: often the same one again."""
        chosen = rng.integers(len(self.edits), size=3).tolist()
        if rng.random() < _AGAIN:
            chosen = chosen[:1] * 3
        for i in chosen[: rng.integers(1, 3, endpoint=True)]:
            photo = self.edits[i](photo)
        return photo


def _lab(photo: Photo) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2LAB), np.float32) * np.array([100 / 255, 1, 1], np.float32)


def _distance(lab: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """Mean colour difference (CIE76)."""
    return float(np.sqrt(((lab - other) ** 2).sum(axis=2)).mean())
