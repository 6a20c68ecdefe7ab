"""The page on how people answer."""

from collections.abc import Sequence
from pathlib import Path

from apsi.photo.write import write_text
from apsi.preference.agreement import Agreement, Interval, Person, Share
from apsi.web.page import render

_SHOWN = 40
"""Pairs of people on the page, at most"""
_FEW = 30
_LEANING, _UNSURE, _HASTY = 0.5, 0.7, 0.05


def write_answer_page(path: Path, found: Agreement, interval: Interval | None, fast_below: int) -> None:
    """Writes a page that needs no other file. It has the names of people.

    Args:
        path: where to.
        found: the figures.
        interval: 95 % interval of how often two people agree, from resampling photos.
        fast_below: milliseconds that counted as too fast to be a look.
    """
    write_text(path, answer_page(found, interval, fast_below))


def answer_page(found: Agreement, interval: Interval | None, fast_below: int) -> str:
    """The page as text, with the arguments of `write_answer_page`."""
    return render(
        "apsi.preference",
        "answers.html.j2",
        found=found,
        interval=interval,
        fast_below=fast_below,
        shown=found.between[:_SHOWN],
        remarks=[remark for person in found.people for remark in remarks(person)],
        share=share_text,
        range=range_text,
        number=number_text,
    )


def remarks(person: Person) -> list[str]:
    """What stands out in how a person answers, as sentences."""
    said = []
    side, itself = person.left.interval, person.itself.value
    if side is not None and not side[0] <= _LEANING <= side[1]:
        which = "left" if side[0] > _LEANING else "right"
        said.append(
            f"{person.name} chose the {which} version more often than chance gives: where sides were drawn at random, "
            "a habit; where they were not, perhaps what stood there."
        )
    if itself is not None and person.itself.of >= _FEW and itself < _UNSURE:
        said.append(
            f"{person.name} says the same again in {share_text(person.itself)} of the repeated pairs: no model of this "
            "person can be right more often than that suggests."
        )
    if person.fast.value is not None and person.fast.value > _HASTY:
        said.append(f"{share_text(person.fast)} of what {person.name} said came too fast to be a look.")
    return said


def share_text(share: Share) -> str:
    """`57.8 %`, or `-` where there is nothing to count."""
    return "-" if share.value is None else f"{100 * share.value:.1f}\N{NO-BREAK SPACE}%"


def range_text(interval: Interval | None) -> str:
    """`55.1 to 60.4 %`, or nothing."""
    return "" if interval is None else f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}\N{NO-BREAK SPACE}%"


def number_text(number: float | None, form: str = ".3f") -> str:
    """A figure, or `-` where there is none."""
    return "-" if number is None else format(number, form)


def headline(found: Agreement, interval: Interval | None) -> Sequence[str]:
    """What came out, as sentences, without names."""
    if found.mean is None:
        return [f"No pair was answered by several people; {found.answered:,} were answered by one."]
    between = f" (95 % interval {range_text(interval)})" if interval else ""
    return [
        f"Two people say the same in {100 * found.mean:.1f} %{between} of the {found.shared:,} pairs that several "
        "answered.",
        f"Krippendorff's alpha is {number_text(found.alpha)}.",
    ]
