"""Playing given episodes to their end."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from apsi.env.core import EditCore, EnvComponents
from apsi.env.edit_state import EditState
from apsi.episodes.base import EpisodeSource, Start
from apsi.photo import Floats, Photo
from apsi.photo.box import WHOLE, Box
from apsi.photo.prepared import Episode, PhotoStore
from apsi.policy.base import Choice, Policy, no_calls
from apsi.transform.recipe import Recipe

Measure = Callable[[Sequence[Photo], Sequence[Photo]], Floats]
"""Of N photos and the originals they come from, as `(N,)`"""
EditMeasure = Callable[[Sequence[EditState], Sequence[Start]], Floats]
"""Of N edits and what the episodes began with, as `(N,)`"""


@dataclass(frozen=True)
class Frame:
    """A photo on its way through an episode."""

    photo: Photo
    label: str
    """the transform that led here; empty at the start"""
    score: float
    recipe: Recipe = field(default_factory=Recipe)
    """all that led here from the start"""


@dataclass(frozen=True)
class EpisodeResult:
    """How one episode went."""

    episode: Episode
    actions: tuple[str, ...]
    final_score: float
    success: bool
    steps: int
    juror_calls: int
    frames: tuple[Frame, ...]
    """every state of the photo, where pictures were asked for"""
    scores: tuple[float, ...] = ()
    """of every state of the photo, the start among them"""
    measures: dict[str, tuple[float, float]] = field(default_factory=dict)
    """further figures by name: of the photo at the start and at the end"""
    recipe: Recipe = field(default_factory=Recipe)
    """makes the end of the start"""
    box: Box = WHOLE
    """the part of the photo that is left"""
    reward: float = 0.0
    """sum over the steps"""
    stopped: bool = False
    """ended by choosing to do nothing more"""

    @property
    def gain(self) -> float:
        """Final minus start score."""
        return self.final_score - self.episode.start_score


class _InOrder(EpisodeSource):
    """Given episodes, once."""

    def __init__(self, episodes: Sequence[Episode], store: PhotoStore) -> None:
        self._starts = (Start.of(episode, store) for episode in episodes)

    def draw(self, count: int) -> list[Start]:
        return list(islice(self._starts, count))


def roll_out(
    policy: Policy,
    components: EnvComponents,
    episodes: Sequence[Episode],
    *,
    batch_size: int,
    store: PhotoStore,
    pictures: int = 0,
    measures: Mapping[str, Measure] | None = None,
    changes: Mapping[str, Measure] | None = None,
    of_edits: Mapping[str, EditMeasure] | None = None,
    max_calls: int | None = None,
) -> Iterator[EpisodeResult]:
    """Plays the episodes in order, `batch_size` side by side, and yields their results in order.

    Args:
        policy: who chooses the actions.
        components: objective, actions, reward and juror.
        episodes: where to begin.
        batch_size: episodes side by side.
        store: reads the photos.
        pictures: for so many episodes, the first ones, every state of the photo is kept.
        measures: taken of each photo at the start and at the end, beside its original.
        changes: the same, beside the photo at the start.
        of_edits: figures of more than the photo, taken at the start and at the end.
        max_calls: an episode that has had so many photos scored ends before its next step; None: none does.
    """
    for start in range(0, len(episodes), batch_size):
        batch = episodes[start : start + batch_size]
        core = EditCore(components, _InOrder(batch, store), len(batch))
        core.reset()
        begun, begins = core.edits.copy(), core.starts
        results = _play(policy, core, batch, pictures - start, max_calls)
        when = begun, core.edits
        originals = [start.original for start in begins] if measures else []
        figures = {
            name: [_beside(measure, edits, originals) for edits in when] for name, measure in (measures or {}).items()
        }
        as_begun = [edit.original for edit in begun]
        figures |= {
            name: [_beside(measure, edits, as_begun) for edits in when] for name, measure in (changes or {}).items()
        }
        figures |= {name: [measure(edits, begins) for edits in when] for name, measure in (of_edits or {}).items()}
        for i, result in enumerate(results):
            yield replace(
                result,
                measures={name: (float(before[i]), float(after[i])) for name, (before, after) in figures.items()},
            )


def _beside(measure: Measure, edits: Sequence[EditState], originals: Sequence[Photo]) -> Floats:
    """The figures of what is shown, beside the same part of other photos of the same size, `(N,)`."""
    same = [edit.same_part(original) for edit, original in zip(edits, originals, strict=True)]
    return measure([edit.view for edit in edits], same)


def _play(
    policy: Policy, core: EditCore, episodes: Sequence[Episode], pictures: int, max_calls: int | None
) -> list[EpisodeResult]:
    n = core.n
    labels: list[list[str]] = [[] for _ in range(n)]
    scores = [[float(score)] for score in core.scores]
    frames = [[Frame(core.edits[i].picture, "", core.scores[i])] if i < pictures else [] for i in range(n)]
    results: dict[int, EpisodeResult] = {}
    steps, extra_calls = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    rewards = np.zeros(n)
    active = list(range(n))
    while active:
        actions = core.actions.end(n)
        within = [i for i in active if max_calls is None or core.juror_calls[i] + extra_calls[i] < max_calls]
        choice = policy.choose(core, within) if within else Choice(core.actions.end(0), no_calls([]))
        actions[within] = choice.actions
        extra_calls[within] += choice.juror_calls
        outcome = core.step(actions, choice.recipes)
        rewards[active] += outcome.rewards[active]
        for i in active:
            edited = not outcome.stopped[i]
            labels[i] += outcome.labels[i]
            steps[i] += edited
            if edited:
                scores[i].append(float(core.scores[i]))
            if i < pictures and edited:
                edit, label = core.edits[i], " ".join(outcome.labels[i])
                frames[i].append(Frame(edit.picture, label, core.scores[i], edit.recipe))
            if outcome.done[i]:
                results[i] = EpisodeResult(
                    episodes[i],
                    tuple(labels[i]),
                    float(core.scores[i]),
                    bool(outcome.success[i]),
                    int(steps[i]),
                    int(core.juror_calls[i] + extra_calls[i]),
                    tuple(frames[i]),
                    tuple(scores[i]),
                    recipe=core.edits[i].recipe,
                    box=core.edits[i].box,
                    reward=float(rewards[i]),
                    stopped=bool(outcome.stopped[i]),
                )
        active = [i for i in active if i not in results]
    return [results[i] for i in range(n)]
