"""Which crops jurors like best, without limits and within them."""

from dataclasses import asdict, replace
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig
from pydantic import PositiveInt

from apsi.agent.jurors import second_juror
from apsi.config.build import open_cached_juror, prepare
from apsi.config.instantiate import instantiate
from apsi.console import show, track
from apsi.env.crop import NO_ACTIONS, Framing
from apsi.env.crop_state import CropState
from apsi.errors import ApsiError
from apsi.evaluate.crop_page import BestCrop, best_crop, habits, write_crops
from apsi.evaluate.framing import read_fixations
from apsi.juror.base import Juror
from apsi.photo.box import Box
from apsi.photo.write import read_png
from apsi.tracking.run_folder import RunFolder
from apsi.tracking.session import report_prepared
from apsi.transform.crop_actions import grid_anchors
from apsi.types import PositiveFraction

_FREE, _WITHIN = "no limits", "limits of env"
_BINS = 12
_LINES, _ELONGATED = 6, 4.0  # without limits


def show_crops(
    config: DictConfig, folder: RunFolder, *, photos: PositiveInt, free_area: PositiveFraction
) -> dict[str, Any]:
    """Has `juror`, and `second_juror` if there is one, score all crops of photos, and shows their favourites.

    Each does so without limits, and within those of `env`: smallest area, elongation, aspect, faces. Writes
    `crops.html`.

    Returns:
        By juror and limits, means over the photos.

    Raises:
        ApsiError: the environment does not frame, or there is no usable photo.
    """
    framing = instantiate(config.env)
    if not isinstance(framing, Framing):
        raise ApsiError("task=show_crops is about crops: add env=crop transform=crop_edges degradation=none")
    looks = read_fixations(config.evaluate.fixations) if config.evaluate.fixations else {}
    prepared = prepare(config, whole_photos=True)
    report_prepared(prepared, folder)
    episodes = {episode.original: episode for episode in prepared.split("all").episodes}
    order = np.random.default_rng(config.data_seed).permutation(len(episodes))[:photos]
    chosen = [sorted(episodes)[i] for i in sorted(order.tolist())]
    names = [episodes[path].source for path in chosen]
    whole = [read_png(path) for path in chosen]
    fixations = [looks.get(Path(name).name) for name in names]
    free = replace(framing, min_area=free_area, max_elongation=_ELONGATED, aspect=None, faces=None)
    second = second_juror(config, prepared)
    jurors = {_name(prepared.juror): prepared.juror} | ({} if second is None else {_name(second): second})
    crops: dict[str, list[BestCrop]] = {}
    rows = []
    for name, juror in reversed(jurors.items()):
        with open_cached_juror(config, juror) as cached:
            for title, limits in ((_FREE, free), (_WITHIN, framing)):
                boxes = _every_box(limits.min_area) if limits is free else grid_anchors(_BINS, limits.min_area)
                states = [limits.begin(photo, NO_ACTIONS) for photo in whole]
                found = [
                    best_crop(state, boxes, cached)
                    for state in track(states, f"{name}, {title}", len(states))
                    if isinstance(state, CropState)
                ]
                crops[f"{name}, {title}"] = found
                rows.append(habits(name, title, found, photos=whole, min_area=limits.min_area, fixations=fixations))
    page = folder.path / "crops.html"
    write_crops(page, names, photos=whole, crops=crops, rows=rows)
    show(
        *(
            f"{row.juror}, {row.limits}: its favourites have {row.area:.0%} of the area, {row.smallest:.0%} the least"
            for row in rows
        ),
        f"Page {page}",
    )
    return {"photos": len(whole), "jurors": [asdict(row) for row in rows]}


def _every_box(min_area: float) -> list[Box]:
    """All boxes of a coarse grid with at least this area."""
    lines = [i / _LINES for i in range(_LINES + 1)]
    sides = list(combinations(lines, 2))
    boxes = (Box(x1, y1, x2, y2) for (x1, x2), (y1, y2) in product(sides, sides))
    return [box for box in boxes if box.area >= min_area]


def _name(juror: Juror) -> str:
    return type(juror).__name__.lower() if juror.about is None else juror.fingerprint.partition("-")[0]
