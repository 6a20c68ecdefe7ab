"""Pictures of episodes: before and after, and every step side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from apsi.evaluate.rollout import EpisodeResult
from apsi.evaluate.saver import ImageSaver
from apsi.photo import Photo
from apsi.photo.resize import resize
from apsi.photo.write import read_png

TILE = 128
CAPTION = 30
_INK, _PAPER, _GOOD, _BAD = (30, 30, 30), (255, 255, 255), (20, 130, 60), (190, 40, 40)


def before_after(result: EpisodeResult) -> Photo:
    """The start, the end and the undegraded original side by side, with their scores."""
    end = result.frames[-1]
    return np.hstack(
        [
            _tile(result.frames[0].photo, "before", f"{result.episode.start_score:.2f}", _INK),
            _tile(end.photo, "after", f"{result.final_score:.2f}", _GOOD if result.success else _BAD),
            _tile(read_png(result.episode.original), "original", f"{result.episode.target_score:.2f}", _INK),
        ]
    )


def mosaic(results: Sequence[EpisodeResult]) -> Photo:
    """One row an episode: the photo after each step, the action that led there and its score."""
    columns = max(len(result.frames) for result in results)
    rows = []
    for result in results:
        tiles = []
        for i, frame in enumerate(result.frames):
            last = i == len(result.frames) - 1
            colour = (_GOOD if result.success else _BAD) if last else _INK
            tiles.append(_tile(frame.photo, frame.label or "start", f"{frame.score:.2f}", colour))
        tiles += [np.full_like(tiles[0], 255)] * (columns - len(tiles))
        rows.append(np.hstack(tiles))
    return np.vstack(rows)


def titled(picture: Photo, title: str) -> Photo:
    """The picture below a line of text."""
    line = Image.new("RGB", (picture.shape[1], 24), _PAPER)
    ImageDraw.Draw(line).text((4, 4), title, fill=_INK, font=ImageFont.load_default(size=14))
    return np.vstack([np.array(line, dtype=np.uint8), picture])


def save_pictures(folder: Path, results: Sequence[EpisodeResult], saver: ImageSaver) -> None:
    """Saves a before/after picture for every episode that kept its frames, and the mosaic of all of them."""
    shown = [result for result in results if result.frames]
    for i, result in enumerate(shown, start=1):
        saver.save(folder / f"before_after_{i:02d}.png", before_after(result))
    if shown:
        saver.save(folder / "mosaic.png", mosaic(shown))


def _tile(photo: Photo, title: str, score: str, colour: tuple[int, int, int]) -> Photo:
    h, w = photo.shape[:2]
    scale = TILE / max(h, w)
    small = resize(photo, max(1, round(w * scale)), max(1, round(h * scale)))
    tile = Image.new("RGB", (TILE + 4, TILE + CAPTION), _PAPER)
    tile.paste(Image.fromarray(small), (2 + (TILE - small.shape[1]) // 2, (TILE - small.shape[0]) // 2))
    draw = ImageDraw.Draw(tile)
    font = ImageFont.load_default(size=12)
    draw.text((4, TILE + 1), title, fill=_INK, font=font)
    draw.text((4, TILE + 14), score, fill=colour, font=font)
    return np.array(tile, dtype=np.uint8)
