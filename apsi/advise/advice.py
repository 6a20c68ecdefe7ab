"""What is said of one photo, and the edited photo itself."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from apsi.advise.editor import Editor
from apsi.advise.framing import NO_CROP_OF_SHAPE, CropAdvice, Framer
from apsi.advise.measured import Observation, greyed, greyed_said, observed
from apsi.advise.reasons import Reason, played, reasons_for, states_of
from apsi.advise.words import Words
from apsi.env.crop_state import with_frame
from apsi.env.edit_state import EditState
from apsi.errors import ApsiError
from apsi.juror.base import Juror
from apsi.juror.mix import described
from apsi.juror.none import NoJuror
from apsi.photo import Photo
from apsi.photo.depth import DeepPhoto, to_8_bits
from apsi.photo.full_size import PhotoFile
from apsi.photo.save import save_cut, save_edited
from apsi.photo.write import encode_jpeg
from apsi.transform.crop import Crop
from apsi.transform.full_size import apply, part_left_by
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
    greyed: float = 0.0
    """share of the photo that was burnt out to white and came out as grey by it"""
    observation: Observation | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "StepAdvice":
        """Of the fields.

        Raises:
            KeyError, TypeError: it is something else.
        """
        seen = data.get("observation")
        return cls(**data | {"observation": None if seen is None else Observation(**seen)})


@dataclass(frozen=True)
class Opinion:
    """A juror's scores of a photo before and after."""

    juror: str
    knows: str
    """what its score answers to, and what not, in English"""
    before: float
    after: float
    of_crop: bool = False
    """whether both are scores of what the crop leaves with which the recipe begins, as the crop itself is not judged"""

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
    crop: CropAdvice | None = None
    """a crop that is suggested; None where none is clearly better, or none was looked for"""
    juror_calls: int = 0
    edited: str | None = None
    """name of the edited photo's file; None where none was written"""
    recipe_file: str | None = None
    page: str | None = None
    remarks: list[str] = field(default_factory=list)
    """what the edited file does not have, and what was asked for and can't be, in English sentences"""

    @property
    def leave_it(self) -> bool:
        """Whether the photo needs nothing."""
        return not self.recipe

    @property
    def is_cut(self) -> bool:
        """Whether the crop that is suggested is the first edit."""
        return self.crop is not None and self.recipe[:1] == [self.crop.label]

    def warnings(self, words: Words) -> list[str]:
        """What to look at in the edited photo, in sentences."""
        said = (greyed_said(step.greyed, words) for step in self.steps)
        return [sentence for sentence in said if sentence]

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it, with the warnings in English; `from_dict` reads it back."""
        crop = None if self.crop is None else self.crop.as_dict()
        return asdict(self) | {"leave_it": self.leave_it, "crop": crop, "warnings": self.warnings(Words())}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Advice":
        """What `as_dict` gave.

        Raises:
            KeyError, TypeError: it is something else.
        """
        fields = {name: value for name, value in data.items() if name not in ("leave_it", "warnings")}
        opinions = {name: Opinion(**fields[name]) for name in ("opinion", "second_opinion") if fields.get(name)}
        crop = {"crop": CropAdvice.from_dict(fields["crop"])} if fields.get("crop") else {}
        return cls(**fields | opinions | crop | {"steps": [StepAdvice.from_dict(step) for step in fields["steps"]]})


def advise(
    photo: PhotoFile,
    editor: Editor,
    second: Juror | None = None,
    explain: bool = True,
    framer: Framer | None = None,
) -> tuple[Advice, Recipe]:
    """What an editor does with a photo, and why; the photo itself is not edited here.

    Args:
        photo: as read.
        editor: who decides.
        second: a juror whose opinion is asked too.
        explain: whether to ask what each step is good for.
        framer: who looks for a crop, where the editor does not; None: nobody.
    """
    small = photo.small_copy(*editor.size)
    (decision,) = editor.decide([small])
    recipe = decision.recipe
    crop, remarks = None, list(photo.remarks)
    if framer is not None and not editor.crops(recipe):
        crop = framer.crop_for(photo)
        if crop is None and not framer.has_shape(photo):
            remarks.append(NO_CROP_OF_SHAPE)
    if framer is not None and framer.applies and crop is not None:
        recipe = Recipe((crop_of(crop.label), *recipe))
    said = replace(_said(photo, editor.policy, recipe), juror_calls=decision.juror_calls, crop=crop, remarks=remarks)
    begun, cut = editor.begin(small), editor.cut(photo, recipe)
    said = replace(said, steps=_measured(recipe, states_of(recipe, begun, cut)))
    juror = editor.parts.juror
    if isinstance(juror, NoJuror):
        return said, recipe
    scores = decision.start_score, decision.score
    ends = [begun if cut is None else cut, played(recipe, begun, cut)]
    if cut is not None:
        scores = tuple(juror.score_framed([state.framed for state in ends]).tolist())
    said = replace(said, opinion=Opinion(*described(juror), *scores, cut is not None))
    if explain:
        said = replace(said, steps=_explained(said.steps, reasons_for(recipe, begun, juror, cut), cut is not None))
        if second is not None:
            scores = tuple(second.score_framed([state.framed for state in ends]).tolist())
            said = replace(said, second_opinion=Opinion(*described(second), *scores, cut is not None))
    return said, recipe


def advise_anew(advice: Advice, recipe: Recipe, photo: PhotoFile, small: Photo, editor: Editor) -> Advice:
    """What is said of the same photo with another recipe.

    Args:
        advice: as `advise` gave it.
        recipe: what was changed by hand.
        photo: that crops are cut from.
        small: the copy that the editor decided on, before any edit.
        editor: who decided.
    """
    juror, begun, cut = editor.parts.juror, editor.begin(small), editor.cut(photo, recipe)
    steps = _measured(recipe, states_of(recipe, begun, cut))
    anew = replace(advice, editor=GIVEN, recipe=recipe.labels, steps=steps, second_opinion=None)
    if advice.opinion is None:
        return anew
    reasons = reasons_for(recipe, begun, juror, cut)
    is_cut = cut is not None
    before = float(juror.score_framed([(begun if cut is None else cut).framed])[0])
    after = before + sum(reason.gain for reason in reasons[is_cut:])
    opinion = replace(advice.opinion, before=before, after=after, of_crop=is_cut)
    return replace(anew, steps=_explained(steps, reasons, is_cut), opinion=opinion)


def _measured(recipe: Recipe, states: Sequence[EditState]) -> list[StepAdvice]:
    """The steps, and what is measured of each."""
    views = [state.view for state in states]
    return [
        StepAdvice(transform.label, transform.advice, greyed=share, observation=seen)
        for transform, share, seen in zip(recipe, greyed(recipe, views), observed(recipe, views), strict=True)
    ]


def _explained(steps: Sequence[StepAdvice], reasons: Sequence[Reason], is_cut: bool) -> list[StepAdvice]:
    """The steps, and what a juror says of each, but of a first one that cuts what it looks at: it can't judge that."""
    return [
        step if is_cut and i == 0 else replace(step, gain=reason.gain, loss_without=reason.loss_without)
        for i, (step, reason) in enumerate(zip(steps, reasons, strict=True))
    ]


def told(photo: PhotoFile, recipe: Recipe) -> Advice:
    """What is said of a photo whose recipe was given."""
    return _said(photo, GIVEN, recipe)


def _said(photo: PhotoFile, editor: str, recipe: Recipe) -> Advice:
    height, width = photo.pixels.shape[:2]
    steps = [StepAdvice(transform.label, transform.advice) for transform in recipe]
    labels, remarks = recipe.labels, list(photo.remarks)
    return Advice(str(photo.path), width, height, photo.format, editor, labels, steps, remarks=remarks)


def edit(
    photo: PhotoFile, recipe: Recipe, progress: Callable[[int, int], None] | None = None
) -> tuple[DeepPhoto, tuple[str, ...]]:
    """The photo at full size with a recipe, and in sentences what it does not have any more.

    16 bits become 8 where a step takes no more.
    """
    if photo.pixels.itemsize > 1 and not all(transform.deep for transform in recipe):
        return apply(recipe, to_8_bits(photo.pixels), progress), (IN_8_BITS,)
    return apply(recipe, photo.pixels, progress), ()


def write_edited(
    photo: PhotoFile,
    recipe: Recipe,
    path: Path,
    *,
    strip_gps: bool = False,
    inputs: Iterable[Path] = (),
    progress: Callable[[int, int], None] | None = None,
) -> tuple[DeepPhoto, tuple[str, ...]]:
    """Writes the photo at full size with a recipe: without loss where that only cuts and the format allows it.

    Args:
        photo: as read.
        recipe: the edits.
        path: where to; see `apsi.photo.save.save_edited`.
        strip_gps: leave out where it was taken.
        inputs: further files that must not be written over.
        progress: is told after each step how many of how many are done.

    Returns:
        Its pixels, and in sentences what there is to say of the file.
    """
    part = part_left_by(recipe, photo.pixels)
    if part is None:
        pixels, remarks = edit(photo, recipe, progress)
        save_edited(photo, pixels, path, strip_gps, inputs)
        return pixels, remarks
    if progress:
        progress(len(recipe), len(recipe))
    return save_cut(photo, part, path, strip_gps, inputs)


def preview(photo: PhotoFile, pixels: DeepPhoto, size: int = PREVIEW) -> bytes:
    """A JPEG file in sRGB of what a photo looks like with these pixels; it is not enlarged."""
    return encode_jpeg(_shown(photo, pixels, size), 82)


def crop_pictures(photo: PhotoFile, pixels: DeepPhoto, crop: CropAdvice) -> tuple[bytes, bytes]:
    """JPEG files of what a photo looks like with these pixels: whole with the frame of a crop, and cut to it."""
    made = crop_of(crop.label)
    whole = _shown(photo, pixels, PREVIEW)
    framed = with_frame(whole, made.box, made.ratio)
    return encode_jpeg(framed, 82), preview(photo, made(cast(Photo, pixels)))  # crops take both depths


def crop_of(label: str) -> Crop:
    """The crop of a label.

    Raises:
        ApsiError: it is none.
    """
    (transform,) = Recipe.of([label])
    if not isinstance(transform, Crop):
        raise ApsiError(f"'{label}' is no crop")
    return transform


def _shown(photo: PhotoFile, pixels: DeepPhoto, size: int) -> Photo:
    """In sRGB, with a longer side of at most so many pixels."""
    return replace(photo, pixels=pixels).small_copy(min(size, max(pixels.shape[:2])), "longest_side")
