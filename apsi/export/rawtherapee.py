"""Processing profiles of RawTherapee, which look colours up in a HaldCLUT, and crop."""

from math import gcd
from pathlib import Path

from apsi.export.base import file_in
from apsi.export.colours import ColourEdit, ColourExport
from apsi.export.hald import write_hald
from apsi.export.steps import Frame, Part
from apsi.photo.box import ORIGINAL, Ratio, as_stored
from apsi.photo.write import write_text

_MIRRORED = (2, 4, 5, 7)
_RATIOS = (
    *("3:2", "4:3", "16:9", "16:10", "1:1", "2:1", "3:1", "4:1", "5:1", "6:1", "7:1", "4:5", "5:7", "6:7", "6:17"),
    *("11:14", "13:19", "17:22", "64:27", "13:18"),
)
"""Those that RawTherapee lists, of which it knows the other way up too"""


class RawTherapee(ColourExport):
    """A `.pp3` with Film Simulation, its HaldCLUT, Crop, and nothing else."""

    crops_in = "pixels"

    def __init__(self, whole_path: bool) -> None:
        """Takes the settings.

        Args:
            whole_path: name the HaldCLUT with its folder; else RawTherapee looks for it in its own folder of HaldCLUTs.
        """
        self.whole_path = whole_path

    def write_colours(self, edit: ColourEdit, folder: Path, name: str) -> tuple[tuple[Path, ...], tuple[str, ...]]:
        profile = file_in(folder, name, "rawtherapee.pp3")
        paths, notes, sections = [profile], [], ["", "[Version]", "AppVersion=5.9", "Version=349"]
        if edit.transforms:
            hald, exact = write_hald(edit, folder, name)
            clut = _escaped(str(hald.absolute()) if self.whole_path else hald.name)
            sections += ["", "[Film Simulation]", "Enabled=true", f"ClutFilename={clut}", "Strength=100"]
            paths.append(hald)
            notes.append(exact)
        if edit.crops and edit.crops.part and edit.crops.frame:
            frame = edit.crops.frame
            notes.append(f"The crop is for files of {frame.width} x {frame.height} pixels.")
            sections += ["", *_crop(edit.crops.part, edit.crops.ratio, frame)]
        write_text(profile, "\n".join([*(f"# {line}" for line in (*edit.about, *notes)), *sections, ""]))
        return tuple(paths), tuple(notes)


def _crop(part: Part, ratio: Ratio | None, frame: Frame) -> list[str]:
    """The section; RawTherapee turns photos upright first, but for mirrored ones (seen with 5.9)."""
    sides = [share * side for share, side in zip(part, (frame.width, frame.height) * 2, strict=True)]
    if frame.orientation in _MIRRORED:
        sides = list(as_stored((sides[0], sides[1], sides[2], sides[3]), frame.orientation, frame.width, frame.height))
    left, top, right, bottom = map(round, sides)
    named = _ratio(ratio)
    fixed = ["FixedRatio=false", "Ratio=As Image", "Orientation=As Image"] if named is None else ["FixedRatio=true"]
    if named is not None:
        turned = "As Image" if ratio == ORIGINAL else "Landscape" if right - left >= bottom - top else "Portrait"
        fixed += [f"Ratio={named}", f"Orientation={turned}"]
    return ["[Crop]", "Enabled=true", f"X={left}", f"Y={top}", f"W={right - left}", f"H={bottom - top}", *fixed]


def _ratio(ratio: Ratio | None) -> str | None:
    """How RawTherapee calls a ratio; None where it does not know it, and has the box alone."""
    if ratio is None or isinstance(ratio, str):
        return None if ratio is None else "As Image"
    divisor = gcd(*ratio)
    texts = [f"{one // divisor}:{other // divisor}" for one, other in (ratio, ratio[::-1])]
    return next((text for text in texts if text in _RATIOS), None)


def _escaped(text: str) -> str:
    """As GLib's key files have it."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
