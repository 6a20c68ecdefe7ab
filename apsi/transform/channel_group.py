"""Composition rules of the reversible transforms, as a finite group.

Swapping, inverting and half-shifting channels is closed under composition: the result is always "output channel c is
source channel p(c), perhaps inverted, perhaps shifted by half across or down". Swaps form S3, inversions add by XOR,
and a shift by half undoes itself (exactly where the side is even; where it is odd, up to the one pixel that the right
and up inverses account for). With 3! * 2^3 * 2^3 * 2^3 = 3,072 elements in all, the length of the shortest equal recipe
can simply be looked up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Element:
    """What a composition does, for each output channel R, G, B."""

    source: Triple = (0, 1, 2)
    """index of the channel it is taken from"""
    inverted: Triple = (0, 0, 0)
    """1 where the values are turned to 255 - x"""
    across: Triple = (0, 0, 0)
    """1 where shifted horizontally by half"""
    down: Triple = (0, 0, 0)
    """1 where shifted vertically by half"""

    def then(self, after: "Element") -> "Element":
        """The element that does this one first and `after` second."""
        return Element(
            source=_pick(self.source, after.source),
            inverted=_xor(_pick(self.inverted, after.source), after.inverted),
            across=_xor(_pick(self.across, after.source), after.across),
            down=_xor(_pick(self.down, after.source), after.down),
        )


def _pick(values: Triple, order: Triple) -> Triple:
    return (values[order[0]], values[order[1]], values[order[2]])


def _xor(a: Triple, b: Triple) -> Triple:
    return (a[0] ^ b[0], a[1] ^ b[1], a[2] ^ b[2])


def compose(elements: Iterable[Element]) -> Element:
    """The single element equal to applying all of them in order."""
    total = Element()
    for element in elements:
        total = total.then(element)
    return total


@cache
def word_lengths(generators: frozenset[Element]) -> dict[Element, int]:
    """For every reachable element, the length of the shortest composition of generators that equals it."""
    lengths = {Element(): 0}
    frontier = [Element()]
    while frontier:
        reached = []
        for element in frontier:
            for generator in generators:
                product = element.then(generator)
                if product not in lengths:
                    lengths[product] = lengths[element] + 1
                    reached.append(product)
        frontier = reached
    return lengths


def _one(c: int) -> Triple:
    return (int(c == 0), int(c == 1), int(c == 2))


GENERATORS = frozenset(
    [
        *(Element(source=order) for order in ((1, 0, 2), (2, 1, 0), (0, 2, 1))),
        *(Element(inverted=_one(c)) for c in range(3)),
        *(Element(across=bits) for bits in (_one(0), _one(1), _one(2), (1, 1, 1))),
        *(Element(down=bits) for bits in (_one(0), _one(1), _one(2), (1, 1, 1))),
    ]
)
"""What counts as a single step: a swap, the inversion of one channel, a shift of one channel or of all"""
