"""Presets of Lightroom and Camera Raw: sliders and tone curves that come near a recipe, and its crop.

Adobe publishes the names of the settings (XMP specification part 2, namespace `crs`), not what they compute: a preset
is never more than near. What a transform is like is found by trying: the strength of each of apsi's own edits that has
a slider for it is fitted, and the nearest is taken where it is near enough.
"""

import hashlib
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from apsi.export.base import Export, ExportResult, LeftOut, file_in, for_this_photo, xml_text
from apsi.export.colours import ColourEdit
from apsi.export.crops import Crops
from apsi.export.lut import per_channel
from apsi.export.steps import CUTS, OTHERS, WHOLE, Frame, Step
from apsi.photo import Photo
from apsi.photo.box import as_stored
from apsi.photo.write import write_text
from apsi.transform.adjust import Adjust
from apsi.transform.base import Transform
from apsi.transform.detail import Unsharp
from apsi.transform.lighting import Curve, exposure_table

_NEAR = 0.05  # of what a transform changes: as much may be left by the slider that stands for it
_ROUNDS = 5  # of fitting a strength, each four times as fine as the one before
_CURVE = range(0, 256, 17)  # of a tone curve: Lightroom takes 16 points
_X, _RDF, _CRS = (
    "adobe:ns:meta/",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "http://ns.adobe.com/camera-raw-settings/1.0/",
)
_PRESET = {
    "PresetType": "Normal",
    "Cluster": "",
    "SupportsAmount": "False",
    "SupportsColor": "True",
    "SupportsMonochrome": "True",
    "SupportsHighDynamicRange": "True",
    "SupportsNormalDynamicRange": "True",
    "SupportsSceneReferred": "True",
    "SupportsOutputReferred": "True",
    "Version": "14.0",
    "ProcessVersion": "11.0",
}


@dataclass(frozen=True)
class Slider:
    """A setting of Lightroom's, and the edit of apsi's whose strength it is a multiple of."""

    key: str
    edit: Callable[[float], Transform]
    reach: float
    """the largest strength that is fitted, either way"""
    per_strength: float
    limit: float
    """of the slider, either way"""
    written: str = "+.0f"


SLIDERS = (
    Slider("Exposure2012", lambda s: Curve("", "", exposure_table, s), 4, 1, 5, "+.2f"),  # stops
    Slider("Contrast2012", lambda s: Adjust("contrast", s), 1, 100, 100),
    Slider("Saturation", lambda s: Adjust("saturation", s), 1, 100, 100),
    Slider("Vibrance", lambda s: Adjust("vibrance", s), 1, 100, 100),
    Slider("IncrementalTemperature", lambda s: Adjust("temperature", s), 1, 100, 100),
    Slider("IncrementalTint", lambda s: Adjust("tint", s), 1, 100, 100),
    Slider("Clarity2012", lambda s: Unsharp("", "", 3.0, s), 0.5, 100, 100),
)


class LightroomPreset(Export):
    """An `.xmp` preset. Approximate: Lightroom computes in its own way and order."""

    def write_steps(self, steps: Sequence[Step], folder: Path, name: str, frame: Frame | None) -> ExportResult:
        settings = _Settings(Crops(frame))
        for step in steps:
            settings.add(step)
        left_out = tuple(settings.left_out)
        if not settings:
            return ExportResult((), left_out, ("Nothing of the recipe has a setting in Lightroom.",))
        path = file_in(folder, name, "lightroom.xmp")
        approximate = "The preset is approximate: Lightroom computes in its own way and order."
        notes = (*for_this_photo(settings.held), approximate, *settings.beyond, *settings.of_crop)
        about = [f"Made by apsi of: {', '.join(step.label for step in settings.held)}.", *notes]
        about += [f"Left out: {one.label}, as {one.reason}." for one in left_out]
        write_text(path, _preset(path.stem.removesuffix(".lightroom"), settings, " ".join(about)))
        return ExportResult((path,), left_out, notes)


@dataclass
class _Settings:
    """What a preset sets, step by step."""

    crops: Crops
    strengths: dict[Slider, float] = field(default_factory=dict)
    curve: list[Transform] = field(default_factory=list)
    """what no slider does and tone curves can, in order"""
    left_out: list[LeftOut] = field(default_factory=list)
    held: list[Step] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.strengths or self.curve or self.crops.part)

    def add(self, step: Step) -> None:
        """Finds the setting that comes near a step, or why there is none."""
        reason = self._why_not(step)
        if reason is None:
            self.held.append(step)
            return
        self.left_out.append(LeftOut(step.label, reason))
        self.crops.leave_out(step)

    def _why_not(self, step: Step) -> str | None:
        near = nearest(step.fixed) if step.reason != WHOLE else None  # of the probe it is something else
        if near is not None:
            slider, strength = near
            self.strengths[slider] = self.strengths.get(slider, 0) + strength
            return None
        if step.reason == CUTS:
            return self.crops.add(step)
        if step.reason is None and per_channel(ColourEdit((step.fixed,))) is not None:
            self.curve.append(step.fixed)
            return None
        return step.reason or "no slider of Lightroom's comes near it"

    @property
    def beyond(self) -> list[str]:
        """A sentence for each slider that would have to go further than it can."""
        return [
            f"{slider.key} ends at {slider.limit}, and {abs(value):g} would be needed."
            for slider, value in self._values()
            if abs(value) > slider.limit
        ]

    @property
    def of_crop(self) -> list[str]:
        """What holds of the crop, in sentences."""
        if not self.crops.part:
            return []
        turned = self.crops.frame.orientation if self.crops.frame else 1
        how = "stored upright" if turned == 1 else f"stored with the EXIF orientation {turned}, as this one"
        said = [f"The crop is for photos that are {how}: Lightroom counts it in the pixels as the file holds them."]
        around = [step.label for step in self.held if step.reason == OTHERS]
        if around:
            said.append(f"Lightroom does {', '.join(around)} to the whole photo: at the crop's edges it may differ.")
        return said

    def attributes(self) -> dict[str, str]:
        """The settings by their names, as they are written."""
        found = {s.key: format(min(max(v, -s.limit), s.limit), s.written) for s, v in self._values()}
        if self.crops.part:
            part = as_stored(self.crops.part, self.crops.frame.orientation if self.crops.frame else 1)
            edges = zip(("CropLeft", "CropTop", "CropRight", "CropBottom"), part, strict=True)
            found |= {key: f"{edge:.6f}" for key, edge in edges}
            found |= {"CropAngle": "0", "CropConstrainToWarp": "0", "HasCrop": "True"}
        return found

    def _values(self) -> Iterator[tuple[Slider, float]]:
        return ((slider, round(slider.per_strength * s, 2)) for slider, s in self.strengths.items())


def nearest(transform: Transform) -> tuple[Slider, float] | None:
    """The slider that comes nearest to a transform and the strength of its edit; None where none comes near."""
    probe = _probe()
    edited = transform(probe)
    if edited.shape != probe.shape:
        return None
    found = [(slider, *_fitted(slider, edited)) for slider in SLIDERS]
    slider, strength, off = min(found, key=lambda one: one[2])
    return (slider, strength) if off < _NEAR * _difference(edited, probe) else None


def _fitted(slider: Slider, edited: Photo) -> tuple[float, float]:
    """The strength that comes nearest to the edited probe, and by how many levels it is off on average."""

    def off(strength: float) -> float:
        return _difference(slider.edit(strength)(_probe()), edited)

    low, high = -slider.reach, slider.reach
    for _ in range(_ROUNDS):
        tried = np.linspace(low, high, 9)
        found = np.array([off(strength) for strength in tried])
        best, step = tried[found == found.min()], (high - low) / 8
        low, high = max(low, best[0] - step), min(high, best[-1] + step)
    return float(best.mean()), float(found.min())


def _difference(one: Photo, other: Photo) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())


@cache
def _probe() -> Photo:
    """Colours of all kinds, most of them pale, and detail of all sizes."""
    rng, side = np.random.default_rng(0), 96
    layers = [rng.normal(0, 1, (side // size, side // size, 3)) for size in (1, 4, 16, 48)]
    smooth = sum(cv2.resize(layer, (side, side), interpolation=cv2.INTER_CUBIC) for layer in layers)
    probe: Photo = np.clip(128 + 28 * np.asarray(smooth), 0, 255).astype(np.uint8)
    return probe


def _preset(name: str, settings: _Settings, about: str) -> str:
    for prefix, uri in (("x", _X), ("rdf", _RDF), ("crs", _CRS)):
        ET.register_namespace(prefix, uri)
    attributes = settings.attributes()
    curves = {} if not settings.curve else _curves(settings.curve)
    made_of = json.dumps([name, attributes, curves])
    head = _PRESET | {"UUID": hashlib.sha256(made_of.encode()).hexdigest()[:32].upper()}
    head |= {"ToneCurveName2012": "Custom"} if curves else {}
    root = ET.Element(f"{{{_X}}}xmpmeta")
    described = ET.SubElement(ET.SubElement(root, f"{{{_RDF}}}RDF"), f"{{{_RDF}}}Description", {f"{{{_RDF}}}about": ""})
    for key, value in (head | attributes | {"HasSettings": "True"}).items():
        described.set(f"{{{_CRS}}}{key}", value)
    for key, text in {"Name": f"{name} (apsi, approximate)", "Group": "apsi", "Description": about}.items():
        values = ET.SubElement(ET.SubElement(described, f"{{{_CRS}}}{key}"), f"{{{_RDF}}}Alt")
        ET.SubElement(values, f"{{{_RDF}}}li", {"{http://www.w3.org/XML/1998/namespace}lang": "x-default"}).text = text
    for key, points in curves.items():
        values = ET.SubElement(ET.SubElement(described, f"{{{_CRS}}}{key}"), f"{{{_RDF}}}Seq")
        for point in points:
            ET.SubElement(values, f"{{{_RDF}}}li").text = point
    return xml_text(root)


def _curves(transforms: Sequence[Transform]) -> dict[str, list[str]]:
    table = per_channel(ColourEdit(tuple(transforms)))
    assert table is not None, "each of them is a table"
    levels = np.rint(255 * table.values).astype(int).tolist()
    return {
        f"ToneCurvePV2012{channel}": [f"{level}, {levels[level][c]}" for level in _CURVE]
        for c, channel in enumerate(("Red", "Green", "Blue"))
    }
