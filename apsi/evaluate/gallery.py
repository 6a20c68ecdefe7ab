"""Episodes as a page shows them: the photo, its degradation, and the result of each policy."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apsi.evaluate.pictures import original, same_episodes, small
from apsi.photo import Photo
from apsi.photo.write import encode_jpeg
from apsi.policy.rollout import EpisodeResult
from apsi.web.page import data_uri

_LISTED = 8
"""Edits named at the end of an episode"""


@dataclass(frozen=True)
class Picture:
    """One state of a photo."""

    source: str
    """data URI"""
    alt: str
    title: str
    score: float
    detail: str = ""
    """the edits that led here"""
    state: str = ""
    """`success` or `failure` where an episode ended, else empty"""


@dataclass(frozen=True)
class Path:
    """What policies did with a photo, where several did the same."""

    policies: str
    end: Picture
    steps: tuple[Picture, ...]
    """every state, the start among them"""
    edits: int

    @property
    def in_steps(self) -> bool:
        """Whether there are steps to show besides the end."""
        return len(self.steps) > 2 or self.edits > _LISTED


@dataclass(frozen=True)
class Card:
    """One episode."""

    photo: str
    degradation: str
    """labels; empty where there was none"""
    starts: tuple[Picture, ...]
    """the original and the degraded copy, or only one of them where they are the same"""
    paths: tuple[Path, ...]
    idle: str
    """policies that made no edit"""


def gallery(results: Mapping[str, Sequence[EpisodeResult]]) -> list[Card]:
    """Cards of the episodes that kept their frames.

    Args:
        results: the same episodes in the same order, by policy.
    """
    return [_card(shown) for shown in same_episodes(results)]


def _card(results: Mapping[str, EpisodeResult]) -> Card:
    first = next(iter(results.values()))
    name, start = first.episode.source, first.frames[0].photo
    undegraded = original(first)
    if undegraded is None:
        starts = [Picture(as_jpeg(start), f"{name} as it is", "original, unedited", first.episode.start_score)]
    else:
        starts = [
            Picture(as_jpeg(undegraded), f"{name}, the original", "original", first.episode.target_score),
            Picture(as_jpeg(start), f"{name}, degraded", "degraded copy", first.episode.start_score),
        ]
    together: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for policy, result in results.items():
        together[tuple(frame.label for frame in result.frames[1:])].append(policy)
    idle = together.pop((), [])
    paths = [_path(name, ", ".join(policies), results[policies[0]]) for policies in together.values()]
    return Card(name, ", ".join(first.episode.degradation), tuple(starts), tuple(paths), ", ".join(idle))


def _path(name: str, policies: str, result: EpisodeResult) -> Path:
    state, last = ("success" if result.success else "failure"), len(result.frames) - 1
    steps = tuple(
        Picture(
            as_jpeg(frame.photo),
            f"{name} after edit {i} of {policies}" if i else f"{name} at the start",
            f"{i}. {frame.label}" if i else "start",
            frame.score,
            state=state if i == last else "",
        )
        for i, frame in enumerate(result.frames)
    )
    edits = [label for frame in result.frames[1:] for label in frame.label.split()]
    listed = ", ".join(edits) if len(edits) <= _LISTED else f"{len(edits)} edits, see step by step"
    end = Picture(steps[-1].source, f"{name} as {policies} left it", policies, result.final_score, listed, state)
    return Path(policies, end, steps, len(edits))


def as_jpeg(photo: Photo) -> str:
    """Lossy, for display only; exact files are PNG."""
    return data_uri(encode_jpeg(small(photo)), "image/jpeg")
