"""A juror that was fitted on what people answered to pairs of photos: what these people prefer."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import NonNegativeInt
from scipy.special import expit

from apsi.errors import ApsiError
from apsi.juror.base import SCORE_MAX, About, FittedJuror, Juror, Parameters, require_scores
from apsi.juror.davidson import probabilities
from apsi.juror.framed import FramedPhoto
from apsi.juror.neural import NeuralJuror
from apsi.juror.parameters import load_parameters
from apsi.juror.preference_features import FeatureMaker
from apsi.juror.preference_head import Head
from apsi.photo import Floats, Photo

VERSION = 1
PRIOR = "prior"
"""Name of the first column: the score of the juror that was there before the answers"""
_HEADER = "header"
_MAX_HEADER = 1_000_000


@dataclass(frozen=True)
class Header:
    """What a fitted model says of itself beside its numbers."""

    features: str
    """fingerprint of what it sees"""
    prior: str
    """fingerprint of the juror that it begins with; empty: none"""
    groups: tuple[str, ...]
    faces: bool
    names: tuple[str, ...]
    """of the columns; the first is `PRIOR`"""
    middle: float
    """utility of a score of 5: the median of the versions that it was fitted on"""
    spread: float
    """utility that makes 5 points 7.3: the standard deviation of these versions"""
    log_ties: float
    """logarithm of nu (Davidson): part of the answers, not of the utility"""
    sides: tuple[float, ...]
    """for each person, log-odds for what stands left: likewise"""
    answers: int
    """that it was fitted on"""
    made_of: str = ""
    """hash of these answers"""
    version: int = VERSION

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> "Header":
        """Reads what `text` gave.

        Raises:
            ApsiError: it is something else, or of another version.
        """
        try:
            content: dict[str, Any] = json.loads(text)
            known = {name: content[name] for name in cls.__dataclass_fields__}
            for name in ("groups", "names", "sides"):
                known[name] = tuple(known[name])
            header = cls(**known)
            texts = (header.features, header.prior, header.made_of, *header.groups, *header.names)
            numbers = (header.middle, header.spread, header.log_ties, *header.sides)
            if not all(isinstance(one, str) for one in texts) or not all(type(one) in (int, float) for one in numbers):
                raise TypeError("a text or a number is none")
            if type(header.answers) is not int or type(header.faces) is not bool:
                raise TypeError("answers must be a whole number, and faces true or false")
            if not (header.spread > 0 and np.isfinite([header.middle, header.spread, header.log_ties]).all()):
                raise ValueError("its calibration is none")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ApsiError(f"its header can't be read ({error})") from error
        if header.version != VERSION:
            raise ApsiError(f"it is of version {header.version}, this apsi reads version {VERSION}: fit it again")
        return header


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted model, and what makes its features."""

    header: Header
    head: Head
    maker: FeatureMaker = field(repr=False)


class Preference(FittedJuror):
    """What people prefer, learned from their answers to pairs (`task=fit_preference`).

    A utility r of a version of a photo: kappa times the score of the juror `prior`, and weights times features of box,
    attention, colour and light, maybe networks. The probability that a person prefers one of two follows from the
    difference of their utilities (Bradley-Terry with ties, Davidson 1970), so that it can't be inverted, and swapping
    sides swaps the answers. The score is 10 times the logistic of r, less the median of the versions that it was fitted
    on, in their standard deviations.
    """

    about = About(
        native_range="utility in log-odds, without bounds",
        mapping="logistic; 5 for the median of the versions that people compared",
        reference="Bradley, Terry 1952; Davidson 1970",
        licence="MIT, part of apsi; your answers are yours",
        knows="what the people whose answers it was fitted on prefer, as far as its features show it, and in photos "
        "like those that they compared",
    )

    def __init__(
        self,
        path: str | None,
        prior: Juror | None,
        backbone: NeuralJuror | None = None,
        min_answers: NonNegativeInt = 50,
    ) -> None:
        """Reads the file, where it is there; one out of a checkpoint is not needed any more.

        Args:
            path: what `task=fit_preference` wrote, `preference.npz`.
            prior: the juror that it was fitted with as the prior; None: none.
            backbone: the neural juror that it was fitted with, where `neural` is among its features.
            min_answers: fitted on fewer, it chooses among what an agent proposes, but no agent learns from it.

        Raises:
            ApsiError: the file holds something else, or was fitted with another prior or backbone.
        """
        self.path, self.prior, self.backbone, self.min_answers = path, prior, backbone, min_answers
        self._fitted: Fitted | None = None
        if path is not None and Path(path).expanduser().is_file():
            load_parameters(Path(path).expanduser(), self)

    @property
    def is_fitted(self) -> bool:
        return self._fitted is not None

    @property
    def fitted(self) -> Fitted:
        """The model.

        Raises:
            ApsiError: there is none.
        """
        if self._fitted is None:
            raise ApsiError(
                f"the file of juror=preference, {self.path}, is not there: make it out of people's answers with "
                "task=fit_preference, and name the preference.npz in the folder of that run"
            )
        return self._fitted

    @property
    def sees_frame(self) -> bool:
        sees = self._fitted is None or self._fitted.maker.sees_frame
        return sees or (self.prior is not None and self.prior.sees_frame)

    @property
    def fingerprint(self) -> str:
        if self._fitted is None:
            return f"preference-{VERSION}-unfitted"
        digest = hashlib.sha256()
        for name, values in sorted(self.parameters().items()):
            digest.update(name.encode() + str(values.dtype).encode() + np.ascontiguousarray(values).tobytes())
        return f"preference-{VERSION}-{digest.hexdigest()[:12]}"

    @property
    def tolerance(self) -> float:
        if self._fitted is None:
            return 0.0
        head, header = self._fitted.head, self._fitted.header
        slopes = np.abs(head.weights) / np.where(head.scale > 0, head.scale, np.inf)
        neural = np.array([name.startswith("neural.") for name in header.names])
        off = 0.0 if self.prior is None else self.prior.tolerance * slopes[0]
        off += 0.0 if self.backbone is None else self.backbone.tolerance * slopes[neural].sum()
        return float(SCORE_MAX / 4 * off / header.spread)

    @property
    def reservation(self) -> str:
        answers = self.fitted.header.answers
        if answers >= self.min_answers:
            return ""
        return (
            f"what a person prefers was learned from {answers} answers, which are too few for an agent to learn from: "
            f"give {self.min_answers} (task=annotate), or lower min_answers of juror=preference"
        )

    def warm_up(self) -> None:
        for juror in (self.prior, self.backbone):
            if juror is not None:
                juror.warm_up()

    def pooled(self, open_pool: Callable[[Juror], Juror]) -> Juror:
        return self if self.sees_frame else open_pool(self)

    def fit(self, photos: Iterable[Photo]) -> None:
        _ = self.fitted  # good photos say nothing about what a person prefers: it comes fitted, or not at all

    def take(self, fitted: Fitted) -> None:
        """Becomes what was fitted."""
        self._fitted = fitted

    def parameters(self) -> Parameters:
        fitted = self.fitted
        own = {_HEADER: np.array(fitted.header.text()), **fitted.head.arrays()}
        if isinstance(self.prior, FittedJuror):
            own |= {f"{PRIOR}.{name}": values for name, values in self.prior.parameters().items()}
        return own

    def load_parameters(self, parameters: Parameters) -> None:
        place = f"juror.path={self.path}"
        header_text = parameters.get(_HEADER)
        if header_text is None or header_text.dtype.kind != "U" or header_text.size != 1:
            raise ApsiError(f"{place} is no model of a person: task=fit_preference writes one, preference.npz")
        if header_text.nbytes > 4 * _MAX_HEADER:
            raise ApsiError(f"{place}: its header is too long")
        try:
            header, head = Header.parse(str(header_text)), Head.of(parameters)
            if len(header.names) != len(head.centre):
                raise ApsiError(f"it names {len(header.names)} columns and has {len(head.centre)}")
            maker = FeatureMaker(header.groups, header.faces, self.backbone)
        except ApsiError as error:
            raise ApsiError(f"{place} can't be used: {error}") from error
        prefix = f"{PRIOR}."
        of_prior = {name.removeprefix(prefix): v for name, v in parameters.items() if name.startswith(prefix)}
        if isinstance(self.prior, FittedJuror) and of_prior:
            self.prior.load_parameters(of_prior)
        _require_same(place, "prior", "juror@juror.prior", header.prior, name_of(self.prior))
        _require_same(place, "features", "juror@juror.backbone", header.features, maker.fingerprint)
        self._fitted = Fitted(header, head, maker)

    def columns(self, framed: Sequence[FramedPhoto]) -> Floats:
        """`(N, C)`: score of the prior and features of photos."""
        return columns_of(framed, self.prior, self.fitted.maker)

    def utility(self, framed: Sequence[FramedPhoto]) -> Floats:
        """`(N,)`: in log-odds."""
        return self.fitted.head.utility(self.columns(framed))

    def score(self, photos: Sequence[Photo]) -> Floats:
        return self.score_framed([FramedPhoto(photo) for photo in photos])

    def score_framed(self, framed: Sequence[FramedPhoto]) -> Floats:
        if not framed:
            return np.empty(0)
        header = self.fitted.header
        scores: Floats = SCORE_MAX * expit((self.utility(framed) - header.middle) / header.spread)
        return require_scores(scores, self)

    def parts(self, framed: Sequence[FramedPhoto]) -> dict[str, Floats]:
        """What each group of features, and the prior, add to the linear part of the utility, each `(N,)`."""
        fitted = self.fitted
        added = fitted.head.contributions(self.columns(framed))
        groups = [name.partition(".")[0] for name in fitted.header.names]
        return {
            group: added[:, [i for i, one in enumerate(groups) if one == group]].sum(axis=1)
            for group in dict.fromkeys(groups)
        }

    def chances(self, left: Sequence[FramedPhoto], right: Sequence[FramedPhoto]) -> Floats:
        """`(N, 3)`: probabilities that a person says left, tie, right, whatever side they lean to."""
        return probabilities(self.utility(left) - self.utility(right), self.fitted.header.log_ties)

    def doubt(self, left: Sequence[FramedPhoto], right: Sequence[FramedPhoto]) -> Floats:
        """`(N,)`: standard deviation of the difference of utilities, as few answers leave it."""
        return self.fitted.head.deviation(self.columns(left), self.columns(right))


def columns_of(framed: Sequence[FramedPhoto], prior: Juror | None, maker: FeatureMaker) -> Floats:
    """`(N, C)`: score of the prior, 0 where there is none, then features."""
    before = np.zeros(len(framed)) if prior is None else prior.score_framed(framed)
    return np.column_stack([before, maker(framed)])


def name_of(prior: Juror | None) -> str:
    """Fingerprint of a prior; empty where there is none."""
    return "" if prior is None else prior.fingerprint


def _require_same(place: str, what: str, key: str, fitted_with: str, given: str) -> None:
    if fitted_with != given:
        raise ApsiError(
            f"{place} was fitted with other {what} ({fitted_with or 'none'}) than are given ({given or 'none'}): name "
            f"what it was fitted with by {key}=..., as its report says, or fit it again"
        )
