"""What a fitted model of a person is for: the command that gets advice by it."""

from collections.abc import Sequence
from pathlib import Path

from apsi.preference.folder import Comparison
from apsi.preference.measure import areas
from apsi.transform.adjust import Adjust

_CROPS, _EDITS = "crop_juror.jurors.human", "juror"
"""Where a configuration has the model, by what it judges"""


def judges_crops(comparisons: Sequence[Comparison]) -> bool:
    """Whether of most answers a version was a crop; else it was light and colour, or whole photos."""
    cut = (areas(comparisons) < 1).any(axis=1)
    return bool(2 * cut.sum() >= len(comparisons))


def advice_by(path: Path, comparisons: Sequence[Comparison], photo: str, fitted_with: Sequence[str]) -> list[str]:
    """The words of a command that gets advice on a photo.

    A taste for crops is mixed with `juror=framing`, as in training: alone it takes the smallest crop, or the whole. Of
    light and colour nothing is changed that no pair showed, nor further: alone it would sharpen without end.

    Args:
        path: the file of the model.
        comparisons: that it was fitted on.
        photo: to get advice on.
        fitted_with: overrides of the fit that say by which prior juror and network.
    """
    is_of_crops = judges_crops(comparisons)
    chosen = ["juror@crop_juror=personal"] if is_of_crops else ["juror=preference", *_shown(comparisons)]
    place = _CROPS if is_of_crops else _EDITS
    own = [_moved(one, place) for one in fitted_with]
    return ["task=advise", f"photo={photo}", *chosen, f"{place}.path={path}", *own]


def _moved(override: str, place: str) -> str:
    """An override of the fit for the model at another place of a configuration."""
    network = "juror/backbone@task.backbone="
    if place == _EDITS and override.startswith(network):
        return override.replace(network, "juror/backbone=")  # where Hydra has it there by itself
    return override.replace("task.", f"{place}.", 1)


def _shown(comparisons: Sequence[Comparison]) -> list[str]:
    """A search among the adjustments of the versions; where they have none, it is what a photographer would use."""
    versions = [version for one in comparisons for version in (one.left, one.right)]
    steps = [step for version in versions for step in version.steps if isinstance(step, Adjust)]
    if not steps:
        return []
    names, reach = ",".join(sorted({step.name for step in steps})), max(abs(step.strength) for step in steps)
    return ["policy=search", "transform=parametric", f"transform.adjustments=[{names}]", f"transform.reach={reach:.2g}"]
