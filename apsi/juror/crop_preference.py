"""A Bradley-Terry model of which crop people prefer, by where its box lies and how large it is."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apsi.crops.votes import Votes
from apsi.errors import ApsiError
from apsi.photo import Floats

PARTS = ("area", "centre", "height")


@dataclass(frozen=True)
class CropPreference:
    """Log-odds that people prefer a crop over the whole photo; 0 for the whole photo.

    `area` (1 - 1 / a) - `centre_x` dx^2 / w - `centre_y` dy^2 / h - `height` dy, with the width w, the height h and the
    area a = w h of the box, and its centre dx, dy from that of the photo, y downward, all as shares of the photo. The
    difference of two crops is the log-odds between them (Bradley and Terry, "Rank analysis of incomplete block
    designs", 1952), so that swapping them changes the sign and nothing else. 1 / a, as people hardly tell 49 % of the
    area from 64 %, and do tell 25 % from 36 %; log a predicts as many majorities and fits the votes less well.

    Monotone in area: a box that contains another never has lower log-odds. Moving one vertical edge outward adds at
    least `area` / (a w) - `centre_x` (1 - w) / (2 w) per unit, as |dx| <= (1 - w) / 2, and a horizontal one at least
    `area` / (a h) - `centre_y` (1 - h) / (2 h) - |`height`| / 2. With w, h <= 1 and w (1 - w) <= 1 / 4 neither is
    negative where 8 `area` >= `centre_x` and 8 `area` >= `centre_y` + 4 |`height`|, which are constraints of the fit.
    """

    area: float
    centre_x: float
    centre_y: float
    height: float

    def __post_init__(self) -> None:
        if not is_monotone(*vars(self).values()):
            raise ValueError(f"{self}: a larger crop could score lower")

    def parts(self, boxes: Floats) -> dict[str, Floats]:
        """What the log-odds of boxes `(n, 4)`, as shares of the sides, are the sum of: each `(n,)`, by `PARTS`."""
        columns = features(boxes)
        centre = self.centre_x * columns[:, 1] + self.centre_y * columns[:, 2]
        return {"area": self.area * columns[:, 0], "centre": centre, "height": self.height * columns[:, 3]}

    def log_odds(self, boxes: Floats) -> Floats:
        """`(n,)`, at most 0."""
        parts = self.parts(boxes)
        total: Floats = parts["area"] + parts["centre"] + parts["height"]
        return total


def is_monotone(area: float, centre_x: float, centre_y: float, height: float) -> bool:
    """Whether a box that contains another never has lower log-odds."""
    slack = 1e-9
    return min(area, centre_x, centre_y, 8 * area - centre_x, 8 * area - centre_y - 4 * abs(height)) >= -slack


def features(boxes: Floats) -> Floats:
    """`(n, 4)`: what the weights are for, of boxes `(n, 4)` as shares of the sides; 0 for the whole photo."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    dx, dy = ((boxes[:, i] + boxes[:, i + 2] - 1) / 2 for i in (0, 1))
    return np.column_stack([1 - 1 / (width * height), -dx * dx / width, -dy * dy / height, -dy]) + 0.0  # no -0


@dataclass(frozen=True)
class Fitted:
    """What votes say."""

    preference: CropPreference
    side: float
    """log-odds for the second of a pair that follow from its place or order alone: no part of the preference"""


def fit(votes: Votes) -> Fitted:
    """Maximum likelihood of every vote, within the limits that make the preference monotone.

    One further weight stands for the place of a crop in its pair, so that what people, or whoever wrote the file, did
    for the second one does not count for its box.

    Raises:
        ApsiError: there is no vote, or the likelihood has no maximum within the limits.
    """
    from scipy.optimize import LinearConstraint, minimize

    if not votes.counts.sum():
        raise ApsiError("a model of crops is fitted on votes, and there are none; give a file with pairs that got some")
    inputs = np.column_stack([features(votes.second) - features(votes.first), np.ones(len(votes))])
    spread = np.sqrt((inputs * inputs).mean(axis=0)) + 1e-9
    inputs = inputs / spread
    total = votes.counts.sum()

    def loss(weights: Floats) -> tuple[float, Floats]:
        margins = inputs @ weights
        value = votes.counts[:, 1] @ np.logaddexp(0, -margins) + votes.counts[:, 0] @ np.logaddexp(0, margins)
        slope = votes.counts[:, 0] - votes.counts.sum(axis=1) / (1 + np.exp(margins))
        return float(value / total), inputs.T @ slope / total

    monotone = [
        *([1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0]),
        *([8, -1, 0, 0, 0], [8, 0, -1, -4, 0], [8, 0, -1, 4, 0]),
    ]
    found = minimize(
        loss,
        np.zeros(inputs.shape[1]),
        jac=True,
        method="SLSQP",
        constraints=LinearConstraint(np.array(monotone) / spread, 0, np.inf),
        options={"maxiter": 500, "ftol": 1e-12},
    )
    if not found.success:
        raise ApsiError(f"no model of crops fits these votes ({found.message}); give more of them")
    *weights, side = (float(weight) for weight in found.x / spread)
    return Fitted(CropPreference(*_within(weights)), side)


def _within(weights: list[float]) -> list[float]:
    """The weights, where rounding left them outside of their limits by less than counts, inside."""
    area, *centre = (max(0.0, weight) for weight in weights[:3])
    least = max(centre[0] / 8, (centre[1] + 4 * abs(weights[3])) / 8)
    return [max(area, least), *centre, weights[3]]


def save_fitted(path: Path, fitted: Fitted, origin: dict[str, Any]) -> None:
    """Writes a model as JSON, rounded to four decimals, with where it comes from."""
    from apsi.photo.write import write_text

    weights = CropPreference(*_within([round(weight, 4) for weight in asdict(fitted.preference).values()]))
    content = {"weights": asdict(weights), "side": round(fitted.side, 4), **origin}
    write_text(path, json.dumps(content, indent=2) + "\n")


def load_fitted(path: Path) -> Fitted:
    """Reads what `save_fitted` wrote.

    Raises:
        ApsiError: it is not there or something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        weights = {name: float(weight) for name, weight in content["weights"].items()}
        return Fitted(CropPreference(**weights), float(content["side"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ApsiError(
            f"{path} holds no model of crops ({error}); install apsi again, or make it with models/crop_prior/make.py"
        ) from error
