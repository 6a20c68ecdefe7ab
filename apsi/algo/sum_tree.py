"""Drawing in proportion to priorities, in a time that grows with the logarithm of how many there are."""

import numpy as np

from apsi.photo import Floats, Ints


class SumTree:
    """Priorities of numbered cells, at first 0; each inner node holds the sum of its two children.

    Schaul, Quan, Antonoglou, Silver: "Prioritized Experience Replay", 2016, appendix B.2.1. A level is worked on at
    once for all cells that are set or looked for. A node is always its children added anew, so that the sums do not
    depend on the order in which cells were set: trees with the same priorities are the same, bit for bit.
    """

    def __init__(self, cells: int) -> None:
        """Takes the number of cells, at least 1; needs 16 to 32 bytes for each."""
        self.cells = cells
        self._leaves = 1 << (cells - 1).bit_length()
        self._sums = np.zeros(2 * self._leaves)
        """the root at 1, the children of `i` at `2 i` and `2 i + 1`"""

    @property
    def total(self) -> float:
        """Sum of all priorities."""
        return float(self._sums[1])

    def of(self, cells: Ints) -> Floats:
        """Priorities of these cells."""
        found: Floats = self._sums[self._leaves + cells]
        return found

    def set(self, cells: Ints, priorities: Floats) -> None:
        """Gives cells their priorities, none of them negative; of a cell named twice the last one counts."""
        nodes = self._leaves + cells
        self._sums[nodes] = priorities
        while nodes[0] > 1:
            nodes = np.unique(nodes // 2)
            self._sums[nodes] = self._sums[2 * nodes] + self._sums[2 * nodes + 1]

    def find(self, amounts: Floats) -> Ints:
        """The cells at which the running sum of priorities passes these amounts, each in [0, `total`), `(n,)`.

        A cell with priority 0 is never found while there are others, whatever rounding does to an amount.
        """
        nodes, left_over = np.ones(len(amounts), dtype=np.int64), amounts.copy()
        while nodes[0] < self._leaves:
            left = self._sums[2 * nodes]
            goes_right = (left_over >= left) & (self._sums[2 * nodes + 1] > 0)
            left_over -= np.where(goes_right, left, 0)
            nodes = 2 * nodes + goes_right
        return nodes - self._leaves
