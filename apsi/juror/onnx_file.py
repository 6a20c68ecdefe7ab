"""What an ONNX file documents, and what its user has to configure."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from apsi.errors import ApsiError
from apsi.juror.mapping import Mapping, unset

_PIXEL_RANGES = {
    "NominalRange_0_255": "juror.mean=[0,0,0] juror.std=[0.00392157,0.00392157,0.00392157]",
    "Normalized_0_1": "juror.mean=[0,0,0] juror.std=[1,1,1]",
    "Normalized_1_1": "juror.mean=[0.5,0.5,0.5] juror.std=[0.5,0.5,0.5]",
}
"""Of `Image.NominalPixelRange`, see <https://github.com/onnx/onnx/blob/main/docs/MetadataProps.md>"""

_USUAL = (
    "usual are juror.mean=[0,0,0] juror.std=[1,1,1] (0 to 1), juror.mean=[0.5,0.5,0.5] juror.std=[0.5,0.5,0.5] "
    "(-1 to 1) and juror.mean=[0.485,0.456,0.406] juror.std=[0.229,0.224,0.225] (ImageNet)"
)


def described(path: Path, session: Any) -> list[str]:
    """Sentences on input, outputs, size, layout and normalisation, as far as the file and its folder tell.

    Args:
        path: the file.
        session: ONNX Runtime's, with the file loaded.
    """
    entry, metadata = session.get_inputs()[0], dict(session.get_modelmeta().custom_metadata_map)
    outputs = ", ".join(f"'{output.name}' {_dimensions(output.shape)}" for output in session.get_outputs())
    said = [f"Its input '{entry.name}' is {entry.type.removeprefix('tensor')[1:-1]} {_dimensions(entry.shape)}"]
    said[0] += _size_and_layout(entry.shape) + f"; it gives {outputs}."
    pixel_range = metadata.get("Image.NominalPixelRange")
    if pixel_range in _PIXEL_RANGES:
        said.append(f"Its metadata say Image.NominalPixelRange={pixel_range}: {_PIXEL_RANGES[pixel_range]}.")
    if metadata.get("Image.BitmapPixelFormat", "").startswith("Bgr"):
        said.append("Its metadata say that it takes BGR; a juror gets RGB, so exchange the channels in the model.")
    others = {key: value for key, value in metadata.items() if not key.startswith("Image.")}
    if others:
        said.append(f"Its metadata say further: {ascii(others)[:500]}.")
    return said + _preprocessor(path)


def require_settings(
    path: Path, size: int | None, mean: list[float] | None, std: list[float] | None, mapping: Mapping
) -> tuple[int, list[float], list[float]]:
    """Size and normalisation, once it is known that they are given, and the mapping too.

    Raises:
        ApsiError: one is missing; the message says what the file tells of it and how to find the rest.
    """
    given = {"size": size, "mean": mean, "std": std}
    missing = [f"juror.{name}" for name, value in given.items() if value is None]
    missing += [f"juror.mapping.{name}" for name in unset(mapping)]
    if not missing and size is not None and mean is not None and std is not None:
        return size, mean, std
    advice = ["How photos go into a model and what its values mean is known to who trained it."]
    if size is None or mean is None or std is None:
        advice += _what_the_file_says(path)
        advice.append(f"Of normalisation, {_USUAL}.")
    advice.append(
        "Values for the mapping: the same with task=calibrate_juror dataset=folder dataset.path=PHOTOS proposes them "
        "from the scores of your own photos."
    )
    raise ApsiError(f"juror.path={path}: {', '.join(missing)} not set. {' '.join(advice)}")


def _what_the_file_says(path: Path) -> list[str]:
    with suppress(Exception):  # whatever is wrong with it is said when it is used
        import onnxruntime

        return described(path, onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]))
    return []


def _dimensions(shape: Sequence[object]) -> str:
    return "x".join(map(str, shape))


def _size_and_layout(shape: Sequence[object]) -> str:
    if len(shape) != 4 or 3 not in (shape[1], shape[3]):
        return ""
    layout = "NCHW" if shape[1] == 3 else "NHWC"
    height, width = (shape[2], shape[3]) if layout == "NCHW" else (shape[1], shape[2])
    if not isinstance(height, int) or not isinstance(width, int):
        return f" (juror.layout={layout}; it takes any size, the one it was trained with is best)"
    if height != width:
        return f" (juror.layout={layout}; not square, which a juror can't serve)"
    return f" (juror.layout={layout} juror.size={height})"


def _preprocessor(path: Path) -> list[str]:
    """What the file that Hugging Face puts beside a model, or above it, says of normalisation."""
    for folder in (path.parent, path.parent.parent):
        with suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
            mean, std = ([float(value) for value in content[key]] for key in ("image_mean", "image_std"))
            return [
                f"{folder / 'preprocessor_config.json'} says juror.mean={mean} juror.std={std}".replace(", ", ",") + "."
            ]
    return []
