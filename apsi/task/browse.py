"""Seeing all prepared photos and what runs made of them, in the browser."""

import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from omegaconf import DictConfig, OmegaConf
from pydantic import Field, PositiveFloat, PositiveInt

from apsi.advise.words import Words
from apsi.console import show
from apsi.errors import ApsiError
from apsi.preference.folder import PreferenceFolder
from apsi.task import builds
from apsi.tracking.run_folder import RunFolder

_PATIENCE = 3  # seconds that requests in hand may take at the end
_CACHE = "APSI_CACHE_DIR"
_PLACES = ("dataset", "data_dir", "preference_dir")
log = logging.getLogger(__name__)


@builds()
def browse(
    config: DictConfig,
    folder: RunFolder,
    *,
    cache_dir: str | None,
    cache_megabytes: PositiveFloat,
    stars: str | None,
    datasets: str | None,
    pairs: PositiveInt,
    host: str,
    port: Annotated[int, Field(ge=0, lt=65536)],
    root_path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$")],
    allowed_hosts: Sequence[str],
) -> dict[str, Any]:
    """Shows photos until Ctrl-C or SIGTERM; returns how many there are, and how many have a star.

    On an address that other machines can reach, browsers need the token that the environment variable
    `APSI_STUDIO_TOKEN` holds.

    Raises:
        ApsiError: the address can't be had or needs a token, or a folder can't be written.
    """
    try:
        from apsi.studio.browse import browse_room
        from apsi.studio.browsing import Browsing, Keeping
        from apsi.web.entrance import opened
        from apsi.web.listening import run
        from apsi.web.server import make_app
    except ImportError as error:
        raise ApsiError(f"task=browse needs more packages ({error.name}): pip install 'apsi[studio]'") from error
    from apsi.browse.edits import Editors
    from apsi.browse.index import Index
    from apsi.browse.indexing import Indexing
    from apsi.browse.photos import Photos
    from apsi.browse.sources import Places
    from apsi.browse.stars import Stars
    from apsi.browse.thumbnails import Thumbnails

    folder.note(housekeeping=True)  # `latest` keeps pointing to the latest result
    data, words = Path(config.data_dir).expanduser(), Words(config.language)
    places = Places(data, Path(config.output_dir).expanduser())
    cache = _cache_folder(cache_dir) / "browse" / places.digest
    with opened(host, port, root_path, allowed_hosts) as entrance:
        index = Index(cache / "index.sqlite")
        keeping = Keeping(
            Path(datasets).expanduser() if datasets else data / "starred",
            PreferenceFolder(Path(config.preference_dir).expanduser()),
            pairs,
            config.seed,
            _told(folder),
        )
        thumbnails = Thumbnails(cache / "thumbnails", int(cache_megabytes * 1e6), max(1, (os.cpu_count() or 2) - 1))
        starred = Stars(Path(stars).expanduser() if stars else data / "stars.jsonl")
        indexing = Indexing(places, index)
        photos = Photos(places, index, Editors(config))
        browsing = Browsing(indexing, photos, thumbnails, stars=starred, keeping=keeping)
        show(f"Photos of {places.prepared} and runs of {places.runs}: {entrance.url}  (Ctrl-C ends it)")
        run(make_app(entrance.door, [browse_room(browsing, words)], words), entrance.listener, _PATIENCE)
        indexing.stop()
        indexing.wait(_PATIENCE)
        log.info("Closed")
        found = indexing.catalogue
        return {"photos": 0.0 if found is None else float(len(found)), "starred": float(len(starred.photos))}


def _told(folder: RunFolder) -> list[str]:
    """What of the command says where photos and pairs lie."""
    given = [str(override) for override in OmegaConf.load(folder.path / "overrides.yaml")]
    return [one for one in given if re.split(r"[=./@]", one, maxsplit=1)[0] in _PLACES]


def _cache_folder(named: str | None) -> Path:
    folder = named or os.environ.get(_CACHE)
    return Path(folder).expanduser() if folder else platformdirs.user_cache_path("apsi")
