"""What is said of one photo, and the edited photo itself."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from apsi.advise.editor import Editor
from apsi.advise.reasons import reasons_for
from apsi.env.edit_state import EditState
from apsi.juror.base import Juror
from apsi.juror.none import NoJuror
from apsi.photo.depth import DeepPhoto, to_8_bits
from apsi.photo.full_size import PhotoFile
from apsi.photo.write import encode_jpeg
from apsi.transform.full_size import apply
from apsi.transform.recipe import Recipe

GIVEN = "recipe"
IN_8_BITS = "It has 8 bits a channel now, not 16, as some of its steps take no more."
PREVIEW = 1280
"""Pixels of the longer side of the pictures on a page"""


@dataclass(frozen=True)
class StepAdvice:
    """One step, and what a juror says of it."""

    label: str
    advice: str
    """what a photographer would say, in English"""
    gain: float | None = None
    """None where no juror scored it"""
    loss_without: float | None = None


@dataclass(frozen=True)
class Opinion:
    """A juror's scores of a photo before and after."""

    juror: str
    knows: str
    """what its score answers to, and what not, in English"""
    before: float
    after: float

    @property
    def gain(self) -> float:
        """After less before."""
        return self.after - self.before


@dataclass(frozen=True)
class Advice:
    """All that is said of one photo; `advice.json` holds its fields."""

    photo: str
    """the file, as it was given"""
    width: int
    height: int
    format: str
    editor: str
    """who edited: `agent`, `greedy`, ...; `GIVEN` where the recipe was given"""
    recipe: list[str]
    """labels in order; empty: leave it as it is"""
    steps: list[StepAdvice]
    opinion: Opinion | None = None
    second_opinion: Opinion | None = None
    juror_calls: int = 0
    edited: str | None = None
    """name of the edited photo's file; None where none was written"""
    recipe_file: str | None = None
    page: str | None = None
    remarks: list[str] = field(default_factory=list)
    """what the edited file does not have, in English sentences"""

    @property
    def leave_it(self) -> bool:
        """Whether the photo needs nothing."""
        return not self.recipe

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it; `from_dict` reads it back."""
        return asdict(self) | {"leave_it": self.leave_it}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Advice":
        """What `as_dict` gave.

        Raises:
            KeyError, TypeError: it is something else.
        """
        fields = {name: value for name, value in data.items() if name != "leave_it"}
        opinions = {name: Opinion(**fields[name]) for name in ("opinion", "second_opinion") if fields.get(name)}
        return cls(**fields | opinions | {"steps": [StepAdvice(**step) for step in fields["steps"]]})


def advise(
    photo: PhotoFile, editor: Editor, second: Juror | None = None, explain: bool = True
) -> tuple[Advice, Recipe]:
    """What an editor does with a photo, and why; the photo itself is not edited here.

    Args:
        photo: as read.
        editor: who decides.
        second: a juror whose opinion is asked too.
        explain: whether to ask what each step is good for.
    """
    small = photo.small_copy(*editor.size)
    (decision,) = editor.decide([small])
    said = replace(_said(photo, editor.policy, decision.recipe), juror_calls=decision.juror_calls)
    juror = editor.parts.juror
    if isinstance(juror, NoJuror):
        return said, decision.recipe
    said = replace(said, opinion=Opinion(*_about(juror), decision.start_score, decision.score))
    if explain:
        reasons = reasons_for(decision.recipe, editor.begin(small), juror)
        steps = [StepAdvice(r.transform.label, r.transform.advice, r.gain, r.loss_without) for r in reasons]
        said = replace(said, steps=steps)
        if second is not None:
            begun = editor.begin(small)
            states = begun, begun.play(decision.recipe)
            before, after = second.score_framed([state.framed for state in states]).tolist()
            said = replace(said, second_opinion=Opinion(*_about(second), before, after))
    return said, decision.recipe


def advise_anew(advice: Advice, recipe: Recipe, begun: EditState, juror: Juror) -> Advice:
    """What is said of the same photo with another recipe.

    Args:
        advice: as `advise` gave it.
        recipe: what was changed by hand.
        begun: the small copy that the editor decided on, before any edit.
        juror: the editor's.
    """
    steps = [StepAdvice(transform.label, transform.advice) for transform in recipe]
    if advice.opinion is None:
        return replace(advice, editor=GIVEN, recipe=recipe.labels, steps=steps, second_opinion=None)
    reasons = reasons_for(recipe, begun, juror)
    steps = [StepAdvice(r.transform.label, r.transform.advice, r.gain, r.loss_without) for r in reasons]
    after = advice.opinion.before + sum(reason.gain for reason in reasons)
    opinion = replace(advice.opinion, after=after)
    return replace(advice, editor=GIVEN, recipe=recipe.labels, steps=steps, opinion=opinion, second_opinion=None)


def told(photo: PhotoFile, recipe: Recipe) -> Advice:
    """What is said of a photo whose recipe was given."""
    return _said(photo, GIVEN, recipe)


def _said(photo: PhotoFile, editor: str, recipe: Recipe) -> Advice:
    height, width = photo.pixels.shape[:2]
    steps = [StepAdvice(transform.label, transform.advice) for transform in recipe]
    labels, remarks = recipe.labels, list(photo.remarks)
    return Advice(str(photo.path), width, height, photo.format, editor, labels, steps, remarks=remarks)


def _about(juror: Juror) -> tuple[str, str]:
    return type(juror).__name__.lower(), juror.about.knows if juror.about else ""


def edit(
    photo: PhotoFile, recipe: Recipe, progress: Callable[[int, int], None] | None = None
) -> tuple[DeepPhoto, tuple[str, ...]]:
    """The photo at full size with a recipe, and in sentences what it does not have any more.

    16 bits become 8 where a step takes no more.
    """
    if photo.pixels.itemsize > 1 and not all(transform.deep for transform in recipe):
        return apply(recipe, to_8_bits(photo.pixels), progress), (IN_8_BITS,)
    return apply(recipe, photo.pixels, progress), ()


def preview(photo: PhotoFile, pixels: DeepPhoto, size: int = PREVIEW) -> bytes:
    """A JPEG file in sRGB of what a photo looks like with these pixels; it is not enlarged."""
    shown = replace(photo, pixels=pixels).small_copy(min(size, max(pixels.shape[:2])), "longest_side")
    return encode_jpeg(shown, 82)
