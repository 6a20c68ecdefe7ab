"""Styles of darktable, whose module LUT 3D looks colours up in a HaldCLUT."""

import struct
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from apsi.export.base import file_in, xml_text
from apsi.export.colours import ColourEdit, ColourExport
from apsi.export.hald import write_hald
from apsi.photo.write import write_text

_MODULE_VERSION = "3"  # of LUT 3D's parameters since darktable 3.8; later versions read them
_PARAMETERS = "<512siii12288s128s"
"""File, colour space (0: sRGB), interpolation (0: tetrahedral), and what only compressed tables of G'MIC have"""


class Darktable(ColourExport):
    """A `.dtstyle`, and its HaldCLUT, which darktable looks for in its folder of 3D LUTs."""

    def write_colours(self, edit: ColourEdit, folder: Path, name: str) -> tuple[tuple[Path, ...], tuple[str, ...]]:
        hald, exact = write_hald(edit, folder, name)
        style = file_in(folder, name, "darktable.dtstyle")
        write_text(style, _style(f"apsi {style.stem.removesuffix('.darktable')}", hald.name, [*edit.about, exact]))
        where = "darktable looks for the HaldCLUT in the folder that its preferences call '3D LUT root folder'."
        return (style, hald), (exact, where)


def _style(name: str, hald: str, description: Sequence[str]) -> str:
    root = ET.Element("darktable_style", version="1.0")
    info = ET.SubElement(root, "info")
    ET.SubElement(info, "name").text = name
    ET.SubElement(info, "description").text = " ".join(description)
    parameters = struct.pack(_PARAMETERS, hald.encode(), 0, 0, 0, b"", b"").hex()
    plugin = ET.SubElement(ET.SubElement(root, "style"), "plugin")
    for tag, text in (
        ("num", "0"),
        ("module", _MODULE_VERSION),
        ("operation", "lut3d"),
        ("op_params", parameters),
        ("enabled", "1"),
        ("blendop_params", ""),
        ("blendop_version", "0"),
        ("multi_priority", "0"),
        ("multi_name", ""),
    ):
        ET.SubElement(plugin, tag).text = text
    return xml_text(root)
