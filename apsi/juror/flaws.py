"""A juror that ranks photos by their flaws, learned on good photos that it flaws itself. Needs no download."""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from apsi.degradation.photographic import Photographic
from apsi.errors import ApsiError
from apsi.juror.base import SCORE_MAX, About, FittedJuror, Parameters, require_scores
from apsi.juror.flaw_ranking import Heads, learn
from apsi.juror.flaw_statistics import VERSION, features
from apsi.juror.flaw_versions import VersionMaker, Versions
from apsi.juror.neural import NeuralJuror
from apsi.photo import Floats, Photo
from apsi.photo.hash import value_hash
from apsi.transform.base import Transform
from apsi.transform.catalogue import by_label

log = logging.getLogger(__name__)

_SEED = 1
_MOST = 400
"""Photos that are learned from, evenly out of more: twice as many would take twice as long"""
_FEW = 20
_REPAIRED = 4
"""Of so many photos one is flawed and edited step by step"""
_STEEP = 2.0


class Flaws(FittedJuror):
    """Good photos above their flawed versions, less flawed ones above more (RankIQA: Liu et al., ICCV 2017).

    Small networks on statistics of light, colour, noise, sharpness and compression learn from pairs: a photo and its
    flawed versions, the same flaws at half and at full strength, the photo and edits of it (which are worse than a good
    photo, too), a flawed version before and after an edit (the better is nearer to the photo). Each network leaves some
    photos out. Their mean on photos that they left out sets the scale: 10 from the level on that `flawless` of the good
    photos reach, so that nothing is gained by editing a photo in which no flaw is seen; 3.7 for a typical flawed one.
    """

    about = About(
        native_range="mean of networks, without bounds",
        mapping="logistic in the distance from flawed to good photos, 10 for all in which no flaw is seen",
        reference="after RankIQA (Liu, van de Weijer, Bagdanov 2017)",
        licence="MIT, part of apsi",
        knows="too much or too little exposure, contrast and saturation, tone, colour casts, haze, noise, blur, traces "
        "of JPEG; not what is shown or how it is composed",
    )

    def __init__(
        self, degradation: Photographic, edits: list[str], flawless: float, backbone: NeuralJuror | None = None
    ) -> None:
        """Takes what it learns from.

        Args:
            degradation: flaws that good photos are given.
            edits: labels of transforms that make a good photo worse.
            flawless: share of the good photos that score 10, in (0, 1).
            backbone: a neural juror whose network's outputs are learned from too; it stays as it is.
        """
        if not 0 < flawless < 1:
            raise ApsiError(f"juror.flawless={flawless} must be above 0 and below 1")
        if not edits:
            raise ApsiError("juror.edits is empty: name at least one transform, such as contrast_up_weak")
        self.degradation, self.flawless, self.backbone = degradation, flawless, backbone
        self.edits: tuple[Transform, ...] = tuple(by_label(label) for label in edits)
        self._seen_by = VERSION if backbone is None else f"{VERSION}-{backbone.fingerprint}"
        self._settings = value_hash([self._seen_by, repr(degradation), edits, flawless])
        self._heads: Heads | None = None
        self._flawed = self._good = 0.0

    @property
    def tolerance(self) -> float:
        return 0.0 if self.backbone is None else self.backbone.tolerance

    def warm_up(self) -> None:
        if self.backbone is not None:
            self.backbone.warm_up()

    @property
    def is_fitted(self) -> bool:
        return self._heads is not None

    @property
    def fingerprint(self) -> str:
        if not self.is_fitted:
            return f"flaws-{self._settings}-unfitted"
        digest = hashlib.sha256()
        for name, values in sorted(self.parameters().items()):
            digest.update(name.encode() + np.ascontiguousarray(values).tobytes())
        return f"flaws-{self._seen_by}-{digest.hexdigest()[:12]}"

    def fit(self, photos: Iterable[Photo]) -> None:
        maker = VersionMaker(self.degradation, self.edits, self._describe)
        kept: list[tuple[int, Versions]] = []
        every = 1
        for number, photo in enumerate(photos):
            if number % every == 0:
                kept.append((number, maker.random(photo, number)))
            if len(kept) == 2 * _MOST:
                kept, every = kept[::2], 2 * every
        if len(kept) < 2:
            raise ApsiError(f"juror=flaws is fitted on at least 2 photos, the training split has {len(kept)}")
        if len(kept) < _FEW:
            log.warning(
                "juror=flaws learned from %d photos only; it is little to be trusted below %d, better from 200 on",
                len(kept),
                _FEW,
            )
        versions = [each for _, each in kept]
        heads = learn(versions, _SEED)
        good, _ = self._levels(heads, versions)
        places = {number: place for place, (number, _) in enumerate(kept)}
        for number, photo in enumerate(photos):
            place = places.get(number)
            if place is None:
                continue
            judge = partial(heads.own, place)
            if judge(versions[place].rows[0]) < good:
                maker.tempting(photo, number, versions[place], judge, good=True)
            if place % _REPAIRED == 0:
                maker.tempting(photo, number, versions[place], judge, good=False)
        self._heads = learn(versions, _SEED)
        self._good, self._flawed = self._levels(self._heads, versions)
        if self._good <= self._flawed:
            log.warning("juror=flaws could not tell good photos from flawed ones: it needs more or other photos")
            self._good = self._flawed + 1.0

    def _describe(self, photos: Sequence[Photo]) -> list[Floats]:
        rows = [features(photo) for photo in photos]
        if self.backbone is None or not rows:
            return rows
        frozen = self.backbone.through(
            photos, lambda outputs: np.asarray(outputs, np.float64).reshape(len(outputs), -1)
        )
        return [np.concatenate(both) for both in zip(rows, frozen, strict=True)]

    def _levels(self, heads: Heads, versions: Sequence[Versions]) -> tuple[float, float]:
        """From where on nothing is to be seen, and that of a typical flawed photo, by heads that have not seen them."""
        own = [[heads.own(place, row) for row in each.rows[: 1 + each.n_flawed]] for place, each in enumerate(versions)]
        values = np.array(own)
        return float(np.quantile(values[:, 0], 1 - self.flawless)), float(np.median(values[:, 1:]))

    def parameters(self) -> Parameters:
        if self._heads is None:
            raise ApsiError("juror=flaws has no parameters before it was fitted")
        return vars(self._heads) | {"levels": np.array([self._flawed, self._good])}

    def load_parameters(self, parameters: Parameters) -> None:
        arrays = dict(parameters)
        flawed, good = arrays.pop("levels").tolist()
        heads = Heads(**arrays)
        if not heads.is_whole or good <= flawed:
            raise ApsiError("these parameters are not those of a fitted flaws juror; prepare the data again")
        self._heads, self._flawed, self._good = heads, flawed, good

    def ranks(self, photos: Sequence[Photo]) -> Floats:
        """The mean of the networks `(N,)`, where it is finer than the score: photos without visible flaws differ, too.

        Raises:
            ApsiError: not fitted yet.
        """
        if self._heads is None:
            raise ApsiError("juror=flaws scores only after it was fitted; run task=preprocess first")
        # one row at a time: many rows round differently for different batch sizes
        return np.array([self._heads(row).mean() for row in self._describe(photos)], dtype=np.float64)

    def score(self, photos: Sequence[Photo]) -> Floats:
        place = np.minimum((self.ranks(photos) - self._flawed) / (self._good - self._flawed), 1)
        return require_scores(SCORE_MAX * _logistic(place) / _logistic(1.0), self)


def _logistic(place: npt.ArrayLike) -> Floats:
    """From 0.27 for typical flawed photos (at 0) to 0.73 for good ones (at 1)."""
    steep: Floats = 1 / (1 + np.exp(-_STEEP * (np.asarray(place, np.float64) - 0.5)))
    return steep
