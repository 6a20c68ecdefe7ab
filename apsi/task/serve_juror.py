"""A juror behind HTTP."""

import logging
from typing import Annotated

from omegaconf import DictConfig
from pydantic import Field, PositiveFloat, PositiveInt

from apsi.assemble import open_jury, ready_juror
from apsi.errors import ApsiError
from apsi.run_folder import RunFolder

log = logging.getLogger(__name__)


def serve_juror(
    config: DictConfig,
    folder: RunFolder,
    *,
    host: str,
    port: Annotated[int, Field(ge=0, lt=65536)],
    max_batch: PositiveInt,
    max_delay_ms: Annotated[float, Field(ge=0)],
    max_queue: PositiveInt,
    max_megabytes: PositiveFloat,
    max_megapixels: PositiveFloat,
) -> dict[str, float]:
    """Serves the configured juror until Ctrl-C or SIGTERM; returns how many photos came and how many were known.

    A juror that is fitted comes out of `checkpoint`, or is fitted on the configured data set.
    """
    try:
        from apsi.serve.app import Limits
        from apsi.serve.server import listen, serve
    except ImportError as error:
        raise ApsiError(f"task=serve_juror needs more packages ({error.name}): pip install 'apsi[serve]'") from error

    limits = Limits(max_batch, max_delay_ms, max_queue, max_megabytes, max_megapixels)
    with listen(host, port) as listener, open_jury(config, ready_juror(config)) as jury:
        jury.warm_up()
        address, real_port = listener.getsockname()[:2]
        log.info("Juror %s listens on http://%s:%d; Ctrl-C stops it", jury.fingerprint, address, real_port)
        serve(jury, limits, listener)
        log.info("Stopped")
        return {"hits": float(getattr(jury, "hits", 0)), "misses": float(getattr(jury, "misses", 0))}
