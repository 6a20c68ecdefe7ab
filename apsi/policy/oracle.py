"""The edits that come nearest to the true photo, found by looking at it: a ceiling for all other policies."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from pydantic import PositiveInt

from apsi.env.core import EditCore
from apsi.env.edit_state import EditState
from apsi.errors import ApsiError
from apsi.photo import Photo
from apsi.policy.base import Choice, Policy, PolicyContext, no_calls
from apsi.transform import differentiable
from apsi.transform.action_set import require_discrete
from apsi.transform.parametric import ParametricActions

_NOTICED = 0.01  # CIEDE2000: nearer by less is not nearer
_PIXELS = 1024  # of each photo that gradients are taken of: these adjustments treat every pixel by itself
_GOLDEN = (math.sqrt(5) - 1) / 2
_RATE, _SPREAD = 0.1, 0.5  # of Adam, and of the strengths that it begins with
_GRID = np.linspace(-1, 1, 17)  # strengths tried of an adjustment that has no gradient


class Oracle(Policy):
    """Minimises the mean CIEDE2000 to the undegraded photo at each step, and stops where nothing comes nearer.

    Of discrete actions it tries all. Strengths are found by gradient descent from several starts (`differentiable`),
    those of adjustments without a gradient on a grid; they are played only if the whole photo comes nearer.
    """

    sees_original: ClassVar[bool] = True

    def __init__(self, context: PolicyContext, starts: PositiveInt, gradient_steps: PositiveInt) -> None:
        """Prepares a search.

        Args:
            context: whose photos were degraded.
            starts: strengths that the descent begins with, the first of which change nothing.
            gradient_steps: from each of them.

        Raises:
            ApsiError: nobody degraded the photos, so that there is nothing to come nearer to.
        """
        super().__init__(context)
        if not context.originals_known:
            raise ApsiError(
                "policy=oracle looks at the photos as they were before they were degraded, and these are not: choose a "
                "degradation, or another policy"
            )
        if starts < 1 or gradient_steps < 1:
            raise ApsiError(f"policy.oracle: starts={starts} and gradient_steps={gradient_steps} must be at least 1")
        self._starts, self._gradient_steps = starts, gradient_steps

    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        actions = core.actions.end(len(active))
        originals = [core.starts[i].original for i in active]
        now = [_distance(core.edits[i].view, original) for i, original in zip(active, originals, strict=True)]
        off = [k for k in range(len(active)) if _NOTICED < now[k] < math.inf]
        if off:
            edits, true = [core.edits[active[k]] for k in off], [originals[k] for k in off]
            for k, action, distance in zip(off, *self._nearest(core, edits, true), strict=True):
                if distance < now[k] - _NOTICED:
                    actions[k] = action
        return Choice(actions, no_calls(active))

    def _nearest(
        self, core: EditCore, edits: Sequence[EditState], originals: Sequence[Photo]
    ) -> tuple[Sequence[Any], Sequence[float]]:
        """The best action of each edit found, and how far from the original it leads."""
        if isinstance(core.actions, ParametricActions):
            return self._strengths(core.actions, edits, originals)
        require_discrete(core.actions, "policy=oracle")
        tried = [
            [_distance(outcome.view, original) for outcome in edit.outcomes()]
            for edit, original in zip(edits, originals, strict=True)
        ]
        return [int(np.argmin(row)) for row in tried], [min(row) for row in tried]

    def _strengths(
        self, actions: ParametricActions, edits: Sequence[EditState], originals: Sequence[Photo]
    ) -> tuple[Sequence[Any], Sequence[float]]:
        smooth = [name in differentiable.ADJUSTMENTS for name in actions.names]
        strengths = np.zeros((len(edits), len(actions.names)))
        if any(smooth):
            strengths[:, smooth] = self._descend(actions, edits, originals)
        found, distances = [], []
        for edit, original, row in zip(edits, originals, strengths, strict=True):
            best, nearest = row, _distance(edit.apply(actions.of_strengths(row)).view, original)
            for j in np.flatnonzero(~np.array(smooth)):
                for strength in _GRID:
                    tried = best.copy()
                    tried[j] = strength
                    distance = _distance(edit.apply(actions.of_strengths(tried)).view, original)
                    if distance < nearest:
                        best, nearest = tried, distance
            found.append(actions.of_strengths(best))
            distances.append(nearest)
        return found, distances

    def _descend(
        self, actions: ParametricActions, edits: Sequence[EditState], originals: Sequence[Photo]
    ) -> npt.NDArray[np.float32]:
        """The best strengths `(n, k)` of the adjustments with a gradient, by a share of the pixels."""
        names = [name for name in actions.names if name in differentiable.ADJUSTMENTS]
        n, starts = len(edits), self._starts
        begin = self.context.rng.uniform(-_SPREAD, _SPREAD, (starts, n, len(names)))
        begin[0] = 0
        photos = torch.cat([_spread_pixels([edit.view for edit in edits])] * starts)
        true = torch.cat([_spread_pixels(originals)] * starts)
        strengths = torch.from_numpy(begin.reshape(starts * n, -1)).float().requires_grad_()
        best, nearest = strengths.detach().clone(), torch.full((starts * n,), torch.inf)
        optimizer = torch.optim.Adam([strengths], _RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self._gradient_steps)
        with torch.enable_grad():
            for _ in range(self._gradient_steps):
                edited = differentiable.adjust(photos, names, actions.reach * strengths)
                distances = differentiable.colour_difference(edited, true)
                better = distances.detach() < nearest
                best[better], nearest[better] = strengths.detach()[better], distances.detach()[better]
                optimizer.zero_grad()
                distances.sum().backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                optimizer.step()
                schedule.step()
                with torch.no_grad():
                    strengths.clamp_(-1, 1)
        start = nearest.reshape(starts, n).argmin(0)
        found: npt.NDArray[np.float32] = best.reshape(starts, n, -1)[start, torch.arange(n)].numpy()
        return found


def _distance(photo: Photo, original: Photo) -> float:
    """Mean CIEDE2000; infinite where the sizes differ, as after a crop."""
    if photo.shape != original.shape:
        return math.inf
    if np.array_equal(photo, original):
        return 0.0
    with torch.no_grad():
        return float(differentiable.colour_difference(_tensor(photo), _tensor(original)))


def _spread_pixels(photos: Sequence[Photo]) -> torch.Tensor:
    """Some pixels of each photo, evenly spread, as photos `(n, 3, 1, pixels)` in [0, 1]."""
    spread = (np.arange(1, _PIXELS + 1) * _GOLDEN) % 1
    chosen = [photo.reshape(-1, 3)[(spread * (photo.size // 3)).astype(int)] for photo in photos]
    return torch.cat([_tensor(pixels[None]) for pixels in chosen])


def _tensor(photo: Photo) -> torch.Tensor:
    """As `(1, 3, h, w)` in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(photo.transpose(2, 0, 1)))[None].float() / 255
