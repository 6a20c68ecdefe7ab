"""Choosing between pairs of versions of photos, in the browser."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from omegaconf import DictConfig
from pydantic import Field, PositiveInt

from apsi.advise.words import Words
from apsi.config.instantiate import instantiate
from apsi.console import show
from apsi.errors import ApsiError
from apsi.preference.answer import require_annotator
from apsi.preference.folder import PreferenceFolder
from apsi.preference.photos import Originals
from apsi.task.answers import answers
from apsi.tracking.run_folder import RunFolder
from apsi.types import Fraction

_PATIENCE = 3  # seconds that requests in hand may take at the end
_CACHE = 300_000_000  # bytes of pictures that are kept
_TRIED = 20  # pairs of which one must have its photos

log = logging.getLogger(__name__)


def annotate(
    config: DictConfig,
    folder: RunFolder,
    *,
    annotator: str | None,
    split: Literal["all", "train", "val", "test"],
    goal: PositiveInt | None,
    repeats: Fraction,
    size: Annotated[int, Field(ge=200, le=6000)],
    host: str,
    port: Annotated[int, Field(ge=0, lt=65536)],
    root_path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$")],
    allowed_hosts: Sequence[str],
    report: bool,
    forget: str | None,
) -> dict[str, Any]:
    """Shows pairs until Ctrl-C or SIGTERM; returns how many lines of answers were written.

    With `report` it serves nothing and shows how people answer, with `forget` it removes a person: what `task=answers`
    does. On an address that other machines can reach, browsers need the token that the environment variable
    `APSI_STUDIO_TOKEN` holds.

    Raises:
        ApsiError: the address can't be had or needs a token, there are no pairs, or their photos are not there.
    """
    if report or forget is not None:
        return answers(config, folder, forget=forget)
    try:
        from apsi.studio.annotate import annotate_room
        from apsi.studio.annotators import Annotators
        from apsi.studio.pair_pictures import PairPictures
        from apsi.web.entrance import opened
        from apsi.web.listening import run
        from apsi.web.server import make_app
    except ImportError as error:
        raise ApsiError(f"task=annotate needs more packages ({error.name}): pip install 'apsi[studio]'") from error

    if annotator is not None:
        require_annotator(annotator)
    words, place = Words(config.language), PreferenceFolder(Path(config.preference_dir).expanduser())
    with opened(host, port, root_path, allowed_hosts) as entrance:
        index = place.require_index()
        pairs = index.ids(split)
        if not pairs:
            raise ApsiError(f"task.split={split}: no pair in preference_dir={place.path} is of this split")
        originals = Originals(instantiate(config.dataset), Path(config.data_dir).expanduser())
        pictures = PairPictures(index, originals, size, _CACHE, workers=os.cpu_count() or 1)
        pictures.require_some(pairs[:_TRIED])
        people = Annotators(place, index, pictures, split=split, goal=goal, repeats=repeats)
        room = annotate_room(people, index, pictures, words, annotator)
        show(f"{len(pairs):,} pairs can be chosen from: {entrance.url}  (Ctrl-C ends it)")
        run(make_app(entrance.door, [room], words), entrance.listener, _PATIENCE)
        log.info("Closed")
        return {"answers": float(people.count)}
