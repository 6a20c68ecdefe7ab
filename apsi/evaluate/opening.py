"""The opening picture of a report: the photo that the agent got, its edits step by step, and the original."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apsi.evaluate.gallery import Picture, as_jpeg
from apsi.evaluate.pictures import original
from apsi.policy.rollout import EpisodeResult
from apsi.transform.catalogue import by_label

_PHOTOS, _EDITS, _TOGETHER = 4, 5, 2
"""Photos shown; edits of one of them, the last ones where there are more; transforms at once that are put into words"""


@dataclass(frozen=True)
class Story:
    """One photo through an episode."""

    photo: str
    outcome: str
    states: tuple[Picture, ...]
    """the original where it was degraded, the photo as it came, then as each edit left it"""


def opening(results: Sequence[EpisodeResult], achieved: str) -> list[Story]:
    """The first episode of each of the first few photos, whether it succeeded or not.

    Args:
        results: of one policy; those with frames count.
        achieved: what a success is, as a verb of the past: "repaired".
    """
    first: dict[str, EpisodeResult] = {}
    for result in results:
        if result.frames:
            first.setdefault(result.episode.photo_hash, result)
    return [_story(result, achieved) for result in list(first.values())[:_PHOTOS]]


def _story(result: EpisodeResult, achieved: str) -> Story:
    edits = len(result.frames) - 1
    count = "no edit" if not edits else f"{edits} edit{'s' if edits != 1 else ''}"
    outcome = f"{achieved} with {count}" if result.success else f"not {achieved}, after {count}"
    return Story(result.episode.source, outcome, tuple(_states(result)))


def _states(result: EpisodeResult) -> Iterator[Picture]:
    name, start, last = result.episode.source, result.frames[0], len(result.frames) - 1
    undegraded = original(result)
    if undegraded is not None:
        yield Picture(as_jpeg(undegraded), f"{name}, the original", "The original", result.episode.target_score)
    flaw = _flaw(result.episode.degradation) if undegraded is not None else ""
    yield Picture(as_jpeg(start.photo), f"{name} as it came", "What came in", start.score, flaw)
    for i, frame in list(enumerate(result.frames))[1:][-_EDITS:]:
        state = ("success" if result.success else "failure") if i == last else ""
        yield Picture(
            as_jpeg(frame.photo), f"{name} after edit {i}", f"Edit {i}", frame.score, _in_words(frame.label), state
        )


def _flaw(degradation: Sequence[str]) -> str:
    """The degradation in words: those of the transform that undoes it, if there is one."""
    said = []
    for label in degradation[:_TOGETHER]:
        inverse = by_label(label).inverse
        said.append(f"{inverse.advice.partition(':')[0]} ({label})." if inverse else f"Degraded by {label}.")
    more = len(degradation) - len(said)
    return " ".join([*said, *([f"And {more} more."] if more else [])])


def _in_words(label: str) -> str:
    """The edits of one step in a photographer's words; of many, only their number."""
    labels = label.split()
    return (
        " ".join(by_label(one).advice for one in labels) if len(labels) <= _TOGETHER else f"{len(labels)} edits at once"
    )
