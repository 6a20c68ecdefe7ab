"""The web application of one machine."""

import logging
from collections.abc import Sequence
from typing import Annotated

from omegaconf import DictConfig
from pydantic import Field, PositiveFloat, PositiveInt

from apsi.advise.words import Words
from apsi.agent.jurors import second_juror
from apsi.config.instantiate import instantiate
from apsi.console import show
from apsi.errors import ApsiError
from apsi.task.advise import open_editor, open_framer, overrides_of, who_edits
from apsi.tracking.run_folder import RunFolder
from apsi.types import Seconds

log = logging.getLogger(__name__)


def studio(
    config: DictConfig,
    folder: RunFolder,
    *,
    host: str,
    port: Annotated[int, Field(ge=0, lt=65536)],
    root_path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$")],
    allowed_hosts: Sequence[str],
    max_megabytes: PositiveFloat,
    max_megapixels: PositiveFloat,
    max_photos: PositiveInt,
    max_megabytes_in_all: PositiveFloat,
    max_seconds: Seconds,
    max_waiting: PositiveInt,
    keep_minutes: PositiveFloat,
) -> dict[str, float]:
    """Serves the studio until Ctrl-C or SIGTERM; returns how many photos came.

    On an address that other machines can reach, browsers need the token that the environment variable
    `APSI_STUDIO_TOKEN` holds.

    Raises:
        ApsiError: the address can't be had or needs a token, or nobody could edit.
    """
    try:
        from apsi.studio.editing import Editing
        from apsi.studio.limits import Limits
        from apsi.studio.rooms import Studio
        from apsi.studio.uploads import own_folder
        from apsi.web.entrance import opened
    except ImportError as error:
        raise ApsiError(f"task=studio needs more packages ({error.name}): pip install 'apsi[studio]'") from error

    limits = Limits(
        max_megabytes, max_megapixels, max_photos, max_megabytes_in_all, max_seconds, max_waiting, keep_minutes
    )
    words = Words(config.language)
    with opened(host, port, root_path, allowed_hosts) as entrance:
        exports = {str(option): instantiate(node) for option, node in config.export.items()}
        config, checkpoint = who_edits(config, overrides_of(folder))
        editor, second = open_editor(config, checkpoint), second_juror(config, None, checkpoint)
        editing = Editing(editor, second, exports, limits.max_pixels, open_framer(config))
        with own_folder() as place:
            served = Studio(place, limits, words, editing, workers=config.advise.workers)
            show(f"The studio is open: {entrance.url}  (Ctrl-C closes it)")
            served.serve(entrance.door, entrance.listener)
            log.info("Closed")
            return {"photos": float(served.received)}
