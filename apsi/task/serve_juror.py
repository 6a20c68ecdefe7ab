"""A juror behind HTTP."""

import logging
from typing import Annotated

from omegaconf import DictConfig
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from apsi.agent.jurors import ready_juror
from apsi.config.build import open_cached_juror
from apsi.config.instantiate import instantiate
from apsi.errors import ApsiError
from apsi.juror.base import FittedJuror, Juror
from apsi.tracking.run_folder import RunFolder
from apsi.types import Seconds

log = logging.getLogger(__name__)


def serve_juror(
    config: DictConfig,
    folder: RunFolder,
    *,
    host: str,
    port: Annotated[int, Field(ge=0, lt=65536)],
    max_batch: PositiveInt,
    max_delay_ms: NonNegativeFloat,
    max_queue: PositiveInt,
    max_megabytes: PositiveFloat,
    max_megapixels: PositiveFloat,
    max_megabytes_in_flight: PositiveFloat,
    max_seconds: Seconds,
) -> dict[str, float]:
    """Serves the configured juror until Ctrl-C or SIGTERM; returns how many photos were scored and cached.

    A fitted juror is read from `checkpoint`, or is fitted on the configured data set. On an address that other
    machines can reach, clients need the token that the environment variable `APSI_JUROR_TOKEN` holds.
    """
    try:
        from apsi.access_token import require_token, token_from_environment
        from apsi.serve.app import Limits
        from apsi.serve.server import listen, serve
    except ImportError as error:
        raise ApsiError(f"task=serve_juror needs more packages ({error.name}): pip install 'apsi[serve]'") from error

    limits = Limits(
        max_batch, max_delay_ms, max_queue, max_megabytes, max_megapixels, max_megabytes_in_flight, max_seconds
    )
    token = token_from_environment()
    with listen(host, port) as listener:
        address, real_port = listener.getsockname()[:2]
        require_token(address, token)
        with open_cached_juror(config, _juror(config)) as cached_juror:
            cached_juror.warm_up()
            log.info("Juror %s listens on http://%s:%d; Ctrl-C stops it", cached_juror.fingerprint, address, real_port)
            serve(cached_juror, limits, listener, token)
            log.info("Stopped")
            return {
                "hits": float(getattr(cached_juror, "hits", 0)),
                "misses": float(getattr(cached_juror, "misses", 0)),
            }


def _juror(config: DictConfig) -> Juror:
    juror = ready_juror(config)
    if isinstance(juror, FittedJuror) and config.checkpoint is None and instantiate(config.dataset).is_sample:
        log.warning(
            "This juror is fitted on apsi's eight sample photos, enough to try it out but not to judge with: serve one "
            "that is fitted on your own with dataset=folder dataset.path=PHOTOS, or with checkpoint=PATH"
        )
    return juror
