"""Answers of people whose taste is known, and jurors fitted on them."""

import numpy as np

from apsi.juror.base import Juror
from apsi.juror.framed import FramedPhoto
from apsi.juror.preference import PRIOR, Fitted, Header, Preference, columns_of, name_of
from apsi.juror.preference_features import FeatureMaker
from apsi.photo import Floats
from apsi.preference.answered import OUTCOMES, Answered
from apsi.preference.fitting import Fit, fit_linear
from apsi.preference.simulated import SimulatedPerson
from tests.conftest import natural_photo

GROUPS = (PRIOR, "box", "box", "box", "colour")
TRUE = np.array([0.0, 1.0, 0.0, -1.0, 0.5])


def made_answers(
    count: int, seed: int = 0, person: SimulatedPerson | None = None, taste: Floats = TRUE, photos: int = 40
) -> Answered:
    """Of columns at random, a person whose utility is `columns @ taste`, in typical differences."""
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(2, count, len(taste)))
    margins = (left - right) @ taste
    margins /= np.sqrt((margins**2).mean()) or 1.0
    said = (person or SimulatedPerson("high_contrast")).choose(margins, rng)
    names = [f"photo {i % photos}" for i in range(count)]
    return Answered(
        left,
        right,
        np.array([OUTCOMES[one] for one in said], np.int64),
        np.zeros(count, np.int64),
        tuple((name, name) for name in names),
        tuple(str(i) for i in range(count)),
    )


def crops(seed: int = 0) -> list[FramedPhoto]:
    """Of a made photo."""
    from apsi.preference.photos import framed
    from apsi.transform.recipe import Recipe

    rng = np.random.default_rng(seed)
    photo = natural_photo(seed, 96, 128)
    sides = rng.uniform(0.4, 1.0, 6)
    return [framed(photo, Recipe.of([f"crop(0.000,0.000,{s:.3f},{s:.3f})"]), 96) for s in sides]


def fitted_juror(prior: Juror | None = None, sign: int = 1, groups: tuple[str, ...] = ("box", "colour")) -> Preference:
    """Of a person who always prefers the larger crop, or the smaller one."""
    maker = FeatureMaker(groups, faces=False)
    juror = Preference(None, prior)
    left, right, outcomes = [], [], []
    for seed in range(12):
        shown = crops(seed)
        rows = columns_of(shown, prior, maker)
        left += list(rows[:3])
        right += list(rows[3:])
        areas = [one.box.area for one in shown]
        larger = [a > b for a, b in zip(areas[:3], areas[3:], strict=True)]
        outcomes += [OUTCOMES["left" if one == (sign > 0) else "right"] for one in larger]
    answered = Answered(
        np.stack(left),
        np.stack(right),
        np.array(outcomes),
        np.zeros(len(left), np.int64),
        tuple((str(i // 3),) * 2 for i in range(len(left))),
        tuple(map(str, range(len(left)))),
    )
    names = (PRIOR, *maker.names)
    fit = fit_linear(answered, 1.0, 0.0, [name.partition(".")[0] for name in names])
    juror.take(Fitted(header_of(fit, maker, prior, names, answered), fit.head, maker))
    return juror


def header_of(fit: Fit, maker: FeatureMaker, prior: Juror | None, names: tuple[str, ...], answered: Answered) -> Header:
    values = fit.head.utility(np.concatenate([answered.left, answered.right]))
    return Header(
        features=maker.fingerprint,
        prior=name_of(prior),
        groups=maker.groups,
        faces=maker.faces,
        names=names,
        middle=float(np.median(values)),
        spread=float(values.std()),
        log_ties=fit.log_ties,
        sides=tuple(fit.sides.tolist()),
        answers=len(answered),
    )
