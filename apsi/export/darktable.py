"""Styles of darktable, whose module LUT 3D looks colours up in a HaldCLUT, and whose module crop cuts."""

import struct
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from apsi.export.base import file_in, xml_text
from apsi.export.colours import ColourEdit, ColourExport
from apsi.export.crops import Crops
from apsi.export.hald import write_hald
from apsi.photo.write import write_text

_LUT_VERSION = "3"  # of LUT 3D's parameters since darktable 3.8; later versions read them
_LUT = "<512siii12288s128s"
"""File, colour space (0: sRGB), interpolation (0: tetrahedral), and what only compressed tables of G'MIC have"""
_CROP_VERSION = "1"  # of crop's parameters since darktable 3.6
_CROP, _FREE = "<4f2i", (-1, -1)
"""Left, top, right and bottom as shares of the sides, and which ratio the mouse keeps to: none"""
_TRACE = 0.005  # of a pixel


class Darktable(ColourExport):
    """A `.dtstyle`, and its HaldCLUT, which darktable looks for in its folder of 3D LUTs."""

    crops_in = "shares"

    def write_colours(self, edit: ColourEdit, folder: Path, name: str) -> tuple[tuple[Path, ...], tuple[str, ...]]:
        style, paths, notes, plugins = file_in(folder, name, "darktable.dtstyle"), [], [], []
        if edit.transforms:
            hald, exact = write_hald(edit, folder, name)
            paths, notes = [hald], [exact]
            plugins.append(("lut3d", _LUT_VERSION, struct.pack(_LUT, hald.name.encode(), 0, 0, 0, b"", b"")))
        if edit.crops and edit.crops.part:  # of the photo as the module orientation, which comes first, turns it
            plugins.append(("crop", _CROP_VERSION, struct.pack(_CROP, *_sides(edit.crops), *_FREE)))
        write_text(style, _style(f"apsi {style.stem.removesuffix('.darktable')}", [*edit.about, *notes], plugins))
        if edit.transforms:
            where = "darktable looks for the HaldCLUT in the folder that its preferences call '3D LUT root folder'."
            notes.append(where)
        return (style, *paths), tuple(notes)


def _sides(crops: Crops) -> list[float]:
    """The part, a trace larger where the photo is known: darktable rounds pixels down, of floats of 32 bits."""
    part = crops.part or (0, 0, 1, 1)
    if crops.frame is None:
        return list(part)
    low, high = [], []
    for begin, end, side in zip(part[:2], part[2:], (crops.frame.width, crops.frame.height), strict=True):
        low.append(begin if end == 1 else begin + _TRACE / side)
        high.append(min(1.0, end + 2 * _TRACE / side))
    return [*low, *high]


def _style(name: str, description: Sequence[str], plugins: Sequence[tuple[str, str, bytes]]) -> str:
    root = ET.Element("darktable_style", version="1.0")
    info = ET.SubElement(root, "info")
    ET.SubElement(info, "name").text = name
    ET.SubElement(info, "description").text = " ".join(description)
    style = ET.SubElement(root, "style")
    for number, (operation, version, parameters) in enumerate(plugins):
        plugin = ET.SubElement(style, "plugin")
        for tag, text in (
            ("num", str(number)),
            ("module", version),
            ("operation", operation),
            ("op_params", parameters.hex()),
            ("enabled", "1"),
            ("blendop_params", ""),
            ("blendop_version", "0"),
            ("multi_priority", "0"),
            ("multi_name", ""),
        ):
            ET.SubElement(plugin, tag).text = text
    return xml_text(root)
