"""Pictures of episodes: before and after, and every step in a row."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from apsi.evaluate.saver import ImageSaver
from apsi.photo import Photo
from apsi.photo.resample import resample
from apsi.photo.write import read_png
from apsi.policy.rollout import EpisodeResult

TILE, SMALL = 128, 256
"""Longer side in pixels: of a photo in a picture file, and of one on a page"""
TILE_WIDTH = TILE + 20
"""Height for the longest label of the catalogue; constant, so that all frames of a video have the same size"""
_CAPTION, _LINE, _GAP = 30, 22, 4
_INK, _PAPER, _GOOD, _BAD = (30, 30, 30), (255, 255, 255), (20, 130, 60), (190, 40, 40)
Tile = tuple[Photo, str, str, tuple[int, int, int]]
"""Photo, title, score, colour of the score"""


def small(photo: Photo, side: int = SMALL) -> Photo:
    """The photo with a longer side of at most `side` pixels."""
    scale = min(1.0, side / max(photo.shape[:2]))
    return resample(photo, max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale)))


def with_small_frames(result: EpisodeResult) -> EpisodeResult:
    """The result with frames of the size that pages show: those of many episodes and policies are kept at once."""
    return replace(result, frames=tuple(replace(frame, photo=small(frame.photo)) for frame in result.frames))


def heading(result: EpisodeResult) -> str:
    """The photo's name and what was done to it."""
    degradation = " ".join(result.episode.degradation)
    return f"{result.episode.source}, degraded by {degradation}" if degradation else result.episode.source


def original(result: EpisodeResult) -> Photo | None:
    """The undegraded original in the size of the frames; None where the episode began with it."""
    start = result.frames[0].photo
    photo = read_png(result.episode.original)
    resized = small(photo) if max(start.shape[:2]) <= SMALL else photo
    return None if np.array_equal(resized, start) else resized


def before_after(results: Mapping[str, EpisodeResult]) -> Photo:
    """The original, the start and where each policy that made an edit ended, with their scores.

    Args:
        results: of one episode, by policy; all with their frames.
    """
    first = next(iter(results.values()))
    undegraded = original(first)
    start = (first.frames[0].photo, "before" if undegraded is not None else "original", first.episode.start_score)
    tiles: list[Tile] = []
    if undegraded is not None:
        tiles.append((undegraded, "original", f"{first.episode.target_score:.2f}", _INK))
    tiles.append((*start[:2], f"{start[2]:.2f}", _INK))
    for name, result in results.items():
        if len(result.frames) > 1:
            tiles.append((result.frames[-1].photo, name, f"{result.final_score:.2f}", _colour(result)))
    return titled(_row(tiles), heading(first))


def mosaic(results: Sequence[EpisodeResult]) -> Photo:
    """One row per episode: its photo and degradation, then every state with the action that led there and its score."""
    rows: list[list[Tile]] = []
    for result in results:
        row = [(frame.photo, frame.label or "start", f"{frame.score:.2f}", _INK) for frame in result.frames]
        row[-1] = (*row[-1][:3], _colour(result))
        rows.append(row)
    return _stacked([titled(_row(row), heading(result)) for row, result in zip(rows, results, strict=True)])


def titled(picture: Photo, title: str) -> Photo:
    """The picture below a line of text, as wide as both need."""
    font = _font(14)
    width = max(picture.shape[1], 2 * _GAP + int(font.getlength(title)))
    line = Image.new("RGB", (width, _LINE), _PAPER)
    ImageDraw.Draw(line).text((_GAP, 3), title, fill=_INK, font=font)
    return _stacked([np.array(line, dtype=np.uint8), picture])


def save_pictures(folder: Path, results: Mapping[str, Sequence[EpisodeResult]], saver: ImageSaver) -> None:
    """Saves a picture of every episode that kept its frames, and a mosaic of each policy's steps.

    Args:
        folder: where to; gets `before_after_01.png`, ..., `mosaic.png` of the first policy and `mosaic_NAME.png` of
            each further one that made an edit.
        results: the same episodes in the same order, by policy.
        saver: writes them.
    """
    for i, shown in enumerate(same_episodes(results), start=1):
        saver.save(folder / f"before_after_{i:02d}.png", before_after(shown))
    for i, (name, played) in enumerate(results.items()):
        kept = [result for result in played if result.frames]
        if kept and (i == 0 or any(len(result.frames) > 1 for result in kept)):
            saver.save(folder / ("mosaic.png" if i == 0 else f"mosaic_{name}.png"), mosaic(kept))


def same_episodes(results: Mapping[str, Sequence[EpisodeResult]]) -> list[dict[str, EpisodeResult]]:
    """For each episode of which there are frames, the results that have them, by policy."""
    shown = [
        {name: result for name, result in zip(results, played, strict=True) if result.frames}
        for played in zip(*results.values(), strict=True)
    ]
    return [by_policy for by_policy in shown if by_policy]


def _colour(result: EpisodeResult) -> tuple[int, int, int]:
    return _GOOD if result.success else _BAD


def _row(tiles: Sequence[Tile]) -> Photo:
    return np.hstack([_tile(*tile) for tile in tiles])


def _stacked(pictures: Sequence[Photo]) -> Photo:
    """One below the other, with white to the right of narrow ones."""
    width = max(picture.shape[1] for picture in pictures)
    white = [((0, 0), (0, width - picture.shape[1]), (0, 0)) for picture in pictures]
    return np.vstack([np.pad(p, pad, constant_values=255) for p, pad in zip(pictures, white, strict=True)])


def _tile(photo: Photo, title: str, score: str, colour: tuple[int, int, int]) -> Photo:
    h, w = photo.shape[:2]
    scale = TILE / max(h, w)
    fitted = resample(photo, max(1, round(w * scale)), max(1, round(h * scale)))
    tile = Image.new("RGB", (TILE_WIDTH, TILE + _CAPTION), _PAPER)
    tile.paste(Image.fromarray(fitted), ((TILE_WIDTH - fitted.shape[1]) // 2, (TILE - fitted.shape[0]) // 2))
    draw = ImageDraw.Draw(tile)
    text, font = _fitting(title)
    draw.text((_GAP, TILE + 1), text, fill=_INK, font=font)
    draw.text((_GAP, TILE + 14), score, fill=colour, font=_font(12))
    return np.array(tile, dtype=np.uint8)


def _fitting(text: str) -> tuple[str, ImageFont.FreeTypeFont | ImageFont.ImageFont]:
    """The text in the largest letters that fit a tile; where none do, its beginning with an ellipsis."""
    room = TILE_WIDTH - 2 * _GAP
    for size in range(12, 7, -1):
        if _font(size).getlength(text) <= room:
            return text, _font(size)
    while _font(8).getlength(text + "…") > room:
        text = text[:-1]
    return text + "…", _font(8)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)
