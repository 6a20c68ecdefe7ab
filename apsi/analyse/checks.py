"""The checks of photos, in the order in which they are told."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from apsi.analyse.material import Material
from apsi.analyse.quality import Check, Finding, Limits, Looked
from apsi.photo.measures import SIDE, Measures
from apsi.preprocess.copies import LOOKS_ALIKE, Copy

_MEASURED = "measured on 550 photographs of two public collections at 512 pixels"
_LOOK = "Look at them: what was meant so stays; a mistake is better left out, or agents take it for what is good."
NOT_FROM_FILE = "not_from_file"
"""The finding that says nothing of the photo itself"""


def findings(
    material: Material, looked: Sequence[Looked], copies: Sequence[Copy], limits: Limits
) -> tuple[Finding, ...]:
    """What every check found, in a fixed order; a check that found nothing is among them.

    Args:
        material: the photos.
        looked: at each of them.
        copies: which are copies of which.
        limits: of the checks.
    """
    return (
        *_of_light(looked, limits),
        *_of_size(looked, limits, *material.working_size),
        *_of_copies(material, copies),
        _of_files(looked),
    )


def _of_light(looked: Sequence[Looked], limits: Limits) -> Iterator[Finding]:
    def found(check: Check, beyond: Callable[[Measures], float], say: Callable[[Measures], str]) -> Finding:
        over = [(beyond(one.measures), i, say(one.measures)) for i, one in enumerate(looked)]
        return Finding.of(check, [one for one in over if one[0] > 0])

    yield found(
        Check(
            "dark",
            "Dark",
            f"mean lightness below {limits.dark:g} of 100",
            f"{_MEASURED}: 0.9 % are darker than 20",
            _LOOK,
        ),
        lambda m: limits.dark - m.lightness,
        lambda m: f"lightness {m.lightness:.0f}",
    )
    yield found(
        Check(
            "bright",
            "Bright",
            f"mean lightness above {limits.bright:g} of 100",
            f"{_MEASURED}: 0.9 % are brighter than 76",
            _LOOK,
        ),
        lambda m: m.lightness - limits.bright,
        lambda m: f"lightness {m.lightness:.0f}",
    )
    yield found(
        Check(
            "low_contrast",
            "Low contrast",
            f"less than {limits.contrast:g} of 100 in lightness between the 5 % darkest and the 5 % lightest pixels",
            f"{_MEASURED}: 1 % have less than 23",
            f"{_LOOK} Fog is no mistake, a faded scan is.",
        ),
        lambda m: limits.contrast - m.spread if m.deviation >= limits.uniform else 0,
        lambda m: f"contrast {m.spread:.0f}",
    )
    yield found(
        Check(
            "uniform",
            "Nearly uniform",
            f"standard deviation of lightness below {limits.uniform:g}",
            f"{_MEASURED}: none is below 5",
            "Leave them out: a lens cap, a blank page or a broken file teaches nothing.",
        ),
        lambda m: limits.uniform - m.deviation,
        lambda m: f"deviation {m.deviation:.1f}",
    )
    yield found(
        Check(
            "blurry",
            "Blurry",
            f"blur effect above {limits.blur:g} (0: sharp, 1: nothing is sharp) at {SIDE} pixels, or what the file has",
            f"{_MEASURED}: 0.4 % are above 0.5, and 99 % of them after a Gaussian blur of 2 pixels",
            "Leave out what is blurred by mistake: a juror that is fitted on it takes blur for good.",
        ),
        lambda m: m.blur - limits.blur if m.deviation >= limits.uniform else 0,
        lambda m: f"blur {m.blur:.2f}",
    )


def _of_size(looked: Sequence[Looked], limits: Limits, working_size: int, is_square: bool) -> Iterator[Finding]:
    known = [(i, one.width, one.height) for i, one in enumerate(looked) if not one.problem]
    side = min if is_square else max

    def found(check: Check, beyond: Callable[[int, int], float]) -> Finding:
        over = [(beyond(width, height), i, f"{width} x {height}") for i, width, height in known]
        return Finding.of(check, [one for one in over if one[0] > 1])

    yield found(
        Check(
            "small",
            "Smaller than the working size",
            f"{'shorter' if is_square else 'longer'} side below {working_size} pixels",
            "the working size of the prepared photos, preprocess.steps.resize.size",
            "They were enlarged, which looks like blur: prepare with a smaller size, or leave them out.",
        ),
        lambda width, height: working_size / side(width, height),
    )
    median = float(np.median([width * height for _, width, height in known])) if known else 1.0

    def odd(width: int, height: int) -> float:
        return max(width * height / median, median / (width * height)) / limits.size

    yield found(
        Check(
            "odd_size",
            "Odd size",
            f"over {limits.size:g} times more or fewer pixels than the median photo ({median / 1e6:.2g} million)",
            "the median of these photos; the factor is a convention: twice the sides",
            "See what they are: thumbnails, screenshots and panoramas often get into a folder by mistake.",
        ),
        odd,
    )
    yield found(
        Check(
            "odd_aspect",
            "Odd shape",
            f"longer side more than {limits.aspect:g} times the shorter one",
            "the widest picture of cinema, 2.39:1",
            "Leave them out, or take preprocess.steps.resize.mode=longest_side: a square cuts most of them away.",
        ),
        lambda width, height: max(width, height) / min(width, height) / limits.aspect,
    )


def _of_copies(material: Material, copies: Sequence[Copy]) -> Iterator[Finding]:
    place = {photo.name: i for i, photo in enumerate(material.photos)}
    known = [copy for copy in copies if {copy.file, copy.copy_of} <= place.keys()]

    def found(check: Check, of: Sequence[Copy]) -> Finding:
        return Finding.of(check, [(0.0, place[copy.file], f"{copy.reason} as {copy.copy_of}") for copy in of])

    yield found(
        Check(
            "duplicate",
            "Copies",
            "the same bytes, or the same pixels at working size, as an earlier photo",
            "equality: there is no limit to choose",
            "Delete all but one: copies count the photo several times.",
        ),
        [copy for copy in known if copy.reason != LOOKS_ALIKE],
    )
    yield found(
        Check(
            "near_duplicate",
            "Near-duplicates",
            "perceptual hashes of the photo or of crops of it at most 12 of 64 bits apart, and details that correlate "
            "by 0.9",
            "of 151,000 pairs of different photos none that is a candidate reaches 0.75; copies have 0.96 and more",
            "Keep the best of each group where a series of shots counts too much; splits keep groups together.",
        ),
        [copy for copy in known if copy.reason == LOOKS_ALIKE],
    )
    split = {photo.name: photo.split for photo in material.photos}
    yield found(
        Check(
            "split_leak",
            "Copies in different splits",
            "copies or near-duplicates of which one is in another split than the other",
            "the test split is to say something of photos that were never seen",
            "Prepare again with preprocess.steps.split.near_duplicates=true: until then its figures are too good.",
        ),
        [] if material.is_shared else [copy for copy in known if split[copy.file] != split[copy.copy_of]],
    )


def _of_files(looked: Sequence[Looked]) -> Finding:
    check = Check(
        NOT_FROM_FILE,
        "Measured on the prepared copy",
        "the file is not known, has changed, or can't be read",
        "the SHA-256 that was noted when the photo was prepared",
        "Name the data set that was prepared, or prepare again: until then blur and size of these photos say little.",
    )
    return Finding.of(check, [(0.0, i, one.problem) for i, one in enumerate(looked) if one.problem])
