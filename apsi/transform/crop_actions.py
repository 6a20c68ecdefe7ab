"""Action sets of agents that frame."""

from itertools import product

from apsi.errors import ApsiError
from apsi.photo.box import Box
from apsi.transform.action_set import DiscreteActions
from apsi.transform.crop_moves import CropMove, CropTo
from apsi.types import PositiveFraction

_EDGES = ("crop_left", "crop_top", "crop_right", "crop_bottom")
_ZOOMS = (
    "crop_zoom",
    "crop_zoom_top_left",
    "crop_zoom_top_right",
    "crop_zoom_bottom_left",
    "crop_zoom_bottom_right",
)
_BOTH_WAYS = ("crop_move_x", "crop_move_y", "crop_width", "crop_height")


def _labels(names: tuple[str, ...], step: float, both_ways: bool) -> list[str]:
    return [CropMove(name, sign * step).label for name in names for sign in ((1, -1) if both_ways else (1,))]


class CropEdges(DiscreteActions):
    """Each edge inward and outward by a step, and edits where they are named; 8 actions without."""

    def __init__(self, step: PositiveFraction, labels: list[str], stop: bool = False) -> None:
        """Takes the step.

        Args:
            step: share of the photo's side.
            labels: of further transforms, light and colour for example.
            stop: whether STOP follows as the last action.
        """
        super().__init__([*_labels(_EDGES, step, both_ways=True), *labels], stop)


class CropMoves(DiscreteActions):
    """Coming closer to the middle or a corner, moving, wider, narrower, taller, flatter: 13 actions.

    With STOP as the 14th they are those of Li, Wu, Zhang, Huang: "A2-RL: aesthetics aware reinforcement learning for
    image cropping", CVPR 2018, whose step is 0.05.
    """

    def __init__(self, step: PositiveFraction, stop: bool = False) -> None:
        """Takes the step.

        Args:
            step: share of the photo's side.
            stop: whether STOP follows as the last action.
        """
        super().__init__([*_labels(_ZOOMS, step, both_ways=False), *_labels(_BOTH_WAYS, step, both_ways=True)], stop)


def grid_anchors(bins: int, min_area: float) -> list[Box]:
    """Boxes of a grid that are large enough.

    Zeng, Li, Cao, Zhang: "Reliable and efficient image cropping: a grid anchor based approach", CVPR 2019: corners lie
    in the middle of grid cells, the upper left one in the first third of the rows and columns, the lower right one in
    the last. Which shapes are too narrow or too wide depends on the photo, and is for the environment to say.
    """
    first, last = range(bins // 3), range(bins - bins // 3, bins)
    return [
        Box(*((corner + 0.5) / bins for corner in corners))
        for corners in product(first, first, last, last)
        if (corners[2] - corners[0]) * (corners[3] - corners[1]) >= min_area * bins**2
    ]


class CropAnchors(DiscreteActions):
    """Every box of a grid (`grid_anchors`), in one step."""

    def __init__(self, bins: int, min_area: PositiveFraction, stop: bool = False) -> None:
        """Makes the grid.

        Args:
            bins: rows and columns, at least 3.
            min_area: smallest area in cells, as a share of all; published: 0.5.
            stop: whether STOP follows as the last action.

        Raises:
            ApsiError: no box of the grid is so large.
        """
        if bins < 3:
            raise ApsiError(f"transform.bins={bins} must be at least 3")
        boxes = grid_anchors(bins, min_area)
        if not boxes:
            raise ApsiError(f"transform.min_area={min_area}: no box of a grid of {bins} cells a side is so large")
        super().__init__([CropTo(box).label for box in boxes], stop)
