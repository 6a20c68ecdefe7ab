"""What agents make of photos: against the photo as it is, and against one another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apsi.advise.editor import Editor
from apsi.errors import ApsiError
from apsi.pairs.base import Candidate, PairContext, PairSource, SortedPhoto
from apsi.photo import Photo
from apsi.photo.resample import fit
from apsi.preprocess.base import batches
from apsi.transform.recipe import Recipe

_AT_ONCE = 16


@dataclass(frozen=True)
class AgentVsStart(PairSource):
    """What the agent of `checkpoint=` makes of a photo, against the photo as it is; one pair a photo."""

    @property
    def checkpoints(self) -> Sequence[str | None]:
        return (None,)

    def candidates(self, context: PairContext) -> Iterator[Candidate]:
        for photo, (recipe,) in _edited(context):
            if recipe.transforms:
                yield photo.version(recipe.labels), photo.version(), photo.split


@dataclass(frozen=True)
class AgentVsAgent(PairSource):
    """What two agents make of a photo, where it differs; one pair a photo."""

    other: str | None
    """the checkpoint of the second agent"""

    def __post_init__(self) -> None:
        if self.other is None:
            raise ApsiError(
                "pairs=agent_vs_agent compares the agent of checkpoint=... with a second one: add pairs.other=PATH"
            )

    @property
    def checkpoints(self) -> Sequence[str | None]:
        return None, self.other

    def candidates(self, context: PairContext) -> Iterator[Candidate]:
        for photo, (first, second) in _edited(context):
            if first.labels != second.labels:
                yield photo.version(first.labels), photo.version(second.labels), photo.split


def _edited(context: PairContext) -> Iterator[tuple[SortedPhoto, list[Recipe]]]:
    """Photos with the recipe of each editor; photos that an editor can't take are left out."""
    for batch in batches(context.photos, _AT_ONCE):
        read = [(photo, pixels) for photo in batch if (pixels := context.read(photo)) is not None]
        decided = [editor.decide([_small(pixels, editor) for _, pixels in read]) for editor in context.editors]
        for i, (photo, _) in enumerate(read):
            yield photo, [decisions[i].recipe for decisions in decided]


def _small(pixels: Photo, editor: Editor) -> Photo:
    size, mode = editor.size
    return fit(pixels, min(size, max(pixels.shape[:2])) if mode == "longest_side" else size, mode)
