"""The gallery: every transform on one photo, and what the pages say of it.

    python docs/gallery.py

writes one picture a family, `docs/assets/gallery/FAMILY.webp`, with a cell for each transform, and `gallery.json`
beside it, which says what stands in which cell. `docs/hooks.py` makes the page of both, with labels and advice as the
code has them.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from apsi.dataset.sample import Sample
from apsi.photo import Photo
from apsi.photo.box import Box
from apsi.photo.read import read_photo
from apsi.photo.resample import fit
from apsi.transform.base import STOP_LABEL, Transform
from apsi.transform.catalogue import by_label, every_label, parsers
from apsi.transform.crop_moves import Reframe

FOLDER = Path(__file__).with_name("assets") / "gallery"
SHOWN = "skimage/chelsea.png"
COLUMNS, WIDTH, HEIGHT = 5, 180, 120
"""Of a picture, and of its cells in pixels"""
_QUALITY = 72
_LOST = 1.1
"""By which factor an edit's difference may shrink with the photo; what loses more is shown enlarged"""
_BEGIN = Box(0.15, 0.15, 0.85, 0.85)
"""Where moves of a crop begin"""

FAMILIES = {
    "base": "The photo as it is",
    "adjust": "Adjustments",
    "lighting": "Light",
    "colour": "Colour",
    "detail": "Detail",
    "geometry": "Geometry",
    "crop": "Crops",
    "crop_moves": "Moves of a crop",
    "horizon": "Horizon",
    "flaws": "Flaws",
}
"""Heading of each module of `apsi/transform`; what is not listed comes after these, under the module's name"""

_BOTH = ("+0.100", "-0.100")
NUMBERS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("crop_move_x", "crop_move_y", "crop_width", "crop_height"), _BOTH),
    **dict.fromkeys(("crop_left", "crop_top", "crop_right", "crop_bottom", "crop_zoom"), _BOTH),
    "crop_zoom_top_left": ("+0.100",),
    "crop_zoom_top_right": ("+0.100",),
    "crop_zoom_bottom_left": ("+0.100",),
    "crop_zoom_bottom_right": ("+0.100",),
    "crop_to": ("0.300,0.050,0.950,0.950",),
    "crop": ("0.100,0.000,0.900,0.800", "0.150,0.000,0.900,1.000,1:1"),
    "exposure_error": ("-2.00", "-1.00", "+1.00", "+2.00"),
    "white_balance_error": ("-50,+0.0000", "+120,+0.0000", "+0,-0.0200", "+0,+0.0200"),
    "haze": ("0.700,0.90", "0.400,0.90"),
    "sensor_noise": ("0.00500,0.000032", "0.03000,0.001590"),
    "defocus": ("1.00", "3.00"),
    "motion_blur": ("4.00,0", "10.00,45"),
    "jpeg": ("20", "8"),
}
"""With which numbers transforms are shown that need some; the others at `_STRENGTHS`"""
_STRENGTHS = ("-1.000", "-0.500", "+0.500", "+1.000")


@dataclass(frozen=True)
class Cell:
    """One transform, as it is shown."""

    label: str
    enlarged: bool
    """only the middle is shown, pixel for pixel, where whole and small it could hardly be seen"""
    changes: bool
    """whether it does anything to this photo"""


def labels() -> dict[str, list[str]]:
    """Those that are shown, by family: all that are fixed, and the others at a few strengths."""
    numbered = [
        f"{name}({numbers})"
        for parser in dict.fromkeys(parsers().values())
        for name in parser.names
        for numbers in NUMBERS.get(name, _STRENGTHS)
    ]
    found: dict[str, list[str]] = {name: [] for name in FAMILIES}
    for label in [STOP_LABEL, *every_label(), *numbered]:
        found.setdefault(type(by_label(label)).__module__.rpartition(".")[2], []).append(label)
    return {family: members for family, members in found.items() if members}


def gallery() -> str:
    """The gallery as HTML: headings in Markdown, a grid of pictures with labels and advice below each."""
    return "\n\n".join(
        f"## {FAMILIES.get(family, family)}\n\n{_grid(family, cells)}" for family, cells in shown().items()
    )


def shown(folder: Path = FOLDER) -> dict[str, list[Cell]]:
    """What stands in the cells of each family's picture."""
    manifest = json.loads((folder / "gallery.json").read_text(encoding="utf-8"))
    return {family: [Cell(**cell) for cell in cells] for family, cells in manifest.items()}


def main(folder: Path = FOLDER) -> None:
    """Makes the pictures and says how large they are."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {file.name: file.path for file in Sample(enlarge={}).listing().files}
    photo = read_photo(files[SHOWN])
    manifest = {}
    for family, members in labels().items():
        cells, pictures = zip(*(_cell(by_label(label), photo) for label in members), strict=True)
        manifest[family] = [vars(cell) for cell in cells]
        path = folder / f"{family}.webp"
        _sheet(list(pictures)).save(path, quality=_QUALITY, method=6)
        print(f"{path}: {len(cells)} transforms, {path.stat().st_size / 1000:.0f} kB")
    (folder / "gallery.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _grid(family: str, cells: list[Cell]) -> str:
    figures = []
    for number, cell in enumerate(cells):
        advice = by_label(cell.label).advice
        left, top = number % COLUMNS * WIDTH, number // COLUMNS * HEIGHT
        notes = [" (enlarged)"] * cell.enlarged + [" (changes nothing on this photo)"] * (not cell.changes)
        figures.append(
            f'<figure><img src="assets/gallery/{family}.webp" alt="{escape(cell.label)}" width="{WIDTH}" '
            f'height="{HEIGHT}" loading="lazy" style="object-position: -{left}px -{top}px">'
            f"<figcaption><code>{escape(cell.label)}</code> {escape(advice)}{''.join(notes)}</figcaption></figure>"
        )
    return '<div class="gallery">\n' + "\n".join(figures) + "\n</div>"


def _cell(transform: Transform, photo: Photo) -> tuple[Cell, Photo]:
    """How a transform is shown, and its picture, at most as large as a cell."""
    box = _frame(transform, photo)
    if box is not None:
        return Cell(transform.label, False, box != Box()), _small(_framed(photo, box, isinstance(transform, Reframe)))
    edited = transform(photo)
    if edited.shape != photo.shape:
        return Cell(transform.label, False, True), _small(edited)
    change, seen = _difference(photo, edited), _difference(_small(photo), _small(edited))
    enlarged = change > _LOST * seen
    return Cell(transform.label, enlarged, change > 0), (_middle if enlarged else _small)(edited)


def _frame(transform: Transform, photo: Photo) -> Box | None:
    """The box of a transform that only cuts; that of a move after the one where they begin."""
    if isinstance(transform, Reframe):
        return Box(*transform.moved(_BEGIN))
    return transform.part_of(photo)


def _framed(photo: Photo, box: Box, is_move: bool) -> Photo:
    """The photo, dimmed outside of a box; in gray where a move began."""
    framed = photo // 4
    left, top, right, bottom = _pixels(box, photo)
    framed[top:bottom, left:right] = photo[top:bottom, left:right]
    for edges, gray in [(_BEGIN, 160)] * is_move + [(box, 255)]:
        left, top, right, bottom = _pixels(edges, photo)
        cv2.rectangle(framed, (left, top), (right - 1, bottom - 1), (gray, gray, gray), 2)
    return framed


def _pixels(box: Box, photo: Photo) -> list[int]:
    height, width = photo.shape[:2]
    return [round(share * side) for share, side in zip(box.array, (width, height) * 2, strict=True)]


def _small(photo: Photo) -> Photo:
    height, width = photo.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height)
    return fit(photo, round(max(width, height) * scale), "longest_side")


def _middle(photo: Photo) -> Photo:
    top, left = ((side - cell) // 2 for side, cell in zip(photo.shape[:2], (HEIGHT, WIDTH), strict=True))
    return photo[top : top + HEIGHT, left : left + WIDTH]


def _difference(one: Photo, other: Photo) -> float:
    return float(cv2.absdiff(one, other).mean())


def _sheet(pictures: list[Photo]) -> Image.Image:
    """All of them, each in the middle of its cell, with nothing around it."""
    rows = -(-len(pictures) // COLUMNS)
    sheet: npt.NDArray[np.uint8] = np.zeros((rows * HEIGHT, COLUMNS * WIDTH, 4), np.uint8)
    for number, picture in enumerate(pictures):
        height, width = picture.shape[:2]
        left = number % COLUMNS * WIDTH + (WIDTH - width) // 2
        top = number // COLUMNS * HEIGHT + (HEIGHT - height) // 2
        sheet[top : top + height, left : left + width, :3] = picture
        sheet[top : top + height, left : left + width, 3] = 255
    return Image.fromarray(sheet, "RGBA")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
