"""Running the HTTP interface until it is told to stop."""

import socket

from apsi.juror.base import Juror
from apsi.monitoring.metrics import METRICS
from apsi.serve.app import Limits, make_app
from apsi.web.listening import listen, run

__all__ = ["listen", "serve"]


def serve(juror: Juror, limits: Limits, listener: socket.socket, token: str | None = None) -> None:
    """Serves a juror until SIGINT or SIGTERM; with a token, only those who send it."""
    run(make_app(juror, limits, token, METRICS), listener, patience=30)
