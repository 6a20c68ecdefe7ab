"""Ray, for whatever room needs it: a cluster, or one of our own."""

import os
import signal
import socket
import threading
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from apsi.errors import ApsiError

_connected_to: str | None = None
"""address of the Ray that this process is connected to; None: its own"""


def connect(place: str, address: str | None) -> tuple[Any, bool]:
    """Ray, connected to a cluster or started here; whether it was started here.

    One that is started here has no dashboard. Ray 2.60 listens on all network interfaces whatever its node address, and
    turns away who has not its token, unless the environment says `RAY_AUTH_MODE=disabled`.

    Args:
        place: the component that asks, for errors, e.g. `worker_pool`.
        address: of a cluster; None: this machine.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    require_installed(place)
    import ray

    here: dict[str, Any] = {"_node_ip_address": "127.0.0.1", "include_dashboard": False}
    on_terminate = signal.getsignal(signal.SIGTERM)
    try:
        _require_reachable(address)
        if ray.is_initialized():
            _require_same(place, address)
            return ray, False
        ray.init(address or "local", log_to_driver=False, configure_logging=False, **({} if address else here))
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise ApsiError(
            f"{place}.address={address}: Ray can't be reached or started: {error}; a cluster that asks for a token "
            "(`ray start` of Ray 2.60 says so) needs RAY_AUTH_MODE=token in the environment"
        ) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_terminate)  # Ray puts its own in place
    global _connected_to  # noqa: PLW0603 - Ray's connection is the whole process's too
    _connected_to = address
    return ray, address is None


def require_installed(place: str) -> None:
    """Raises an ApsiError that names the extra where Ray is missing; imports nothing."""
    if find_spec("ray") is None:
        raise ApsiError(f"{place.replace('.', '/')}=ray needs Ray: pip install 'apsi[ray]'")


def require_reachable(place: str, address: str | None) -> None:
    """Raises an ApsiError where nothing listens at the address of a cluster."""
    try:
        _require_reachable(address)
    except (OSError, ValueError) as error:
        raise ApsiError(f"{place}.address={address}: Ray can't be reached: {error}") from error


def _require_same(place: str, address: str | None) -> None:
    if address != _connected_to:
        now = "a Ray of its own" if _connected_to is None else f"the Ray at {_connected_to}"
        raise ApsiError(
            f"{place}.address={address}: this run uses {now} already, and can use but one: give "
            "worker_pool.address and preprocess.engine.address the same value"
        )


def _require_reachable(address: str | None) -> None:
    """Ray itself tries for minutes where nothing listens."""
    place = urlsplit(address if address and "://" in address else f"//{address or ''}")
    if place.hostname and place.port:
        socket.create_connection((place.hostname, place.port), timeout=10).close()
