"""Versions of photos that a model of a person likes most and least, as pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import expit

from apsi.juror.base import SCORE_MAX
from apsi.juror.preference import Fitted
from apsi.photo.resample import shrunk
from apsi.photo.write import encode_jpeg
from apsi.preference.pair import Version
from apsi.preference.photos import MissingOriginalError
from apsi.preference.reading import Read, Reader
from apsi.web.page import data_uri

_SHOWN = 6
_SIDE, _QUALITY = 300, 80


@dataclass(frozen=True)
class Liked:
    """A picture for the page."""

    source: str
    alt: str
    title: str
    score: float
    state: str
    detail: str


def most_and_least(read: Read, fitted: Fitted, reader: Reader) -> tuple[list[Liked], list[Liked]]:
    """The versions with the highest and the lowest scores, each of another photo."""
    versions = {v.key: v for one in read.comparisons for v in (one.left, one.right)}
    rows = reader.columns(versions.values())
    scores = {
        key: SCORE_MAX * float(expit((fitted.head.utility(row[None])[0] - fitted.header.middle) / fitted.header.spread))
        for key, row in rows.items()
    }
    order = sorted(scores, key=lambda key: (-scores[key], key))
    ends = (order, order[::-1])
    most, least = (_pictures([versions[key] for key in end], scores, reader) for end in ends)
    return most, least


def _pictures(versions: Sequence[Version], scores: dict[str, float], reader: Reader) -> list[Liked]:
    found: dict[str, Liked] = {}
    for version in versions:
        if len(found) == _SHOWN:
            break
        if version.photo in found:
            continue
        try:
            photo = reader.framed([version])[0].photo
        except MissingOriginalError:
            continue
        source = data_uri(encode_jpeg(shrunk(photo, _SIDE), _QUALITY), "image/jpeg")
        what = ", ".join(version.recipe) or "as it is"
        found[version.photo] = Liked(source, f"{version.name}: {what}", version.name, scores[version.key], "", what)
    return list(found.values())
