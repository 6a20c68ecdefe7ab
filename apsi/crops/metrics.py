"""How near crops come to those of people."""

import numpy as np

from apsi.photo import Floats


def overlap(boxes: Floats, others: Floats) -> Floats:
    """Intersection over union of boxes, pair by pair.

    Args:
        boxes: `(n, 4)`: x1, y1, x2, y2 in any unit.
        others: the same.

    Returns:
        `(n,)` in [0, 1].
    """
    low, high = np.maximum(boxes[:, :2], others[:, :2]), np.minimum(boxes[:, 2:], others[:, 2:])
    shared = (high - low).clip(0).prod(axis=1)
    union = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (others[:, 2:] - others[:, :2]).prod(axis=1) - shared
    result: Floats = shared / union
    return result
