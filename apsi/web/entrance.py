"""The address of the web application, open to whom it is meant for."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from apsi.access_token import STUDIO_VARIABLE, require_token, token_from_environment
from apsi.web.door import Door
from apsi.web.listening import listen


@dataclass(frozen=True)
class Entrance:
    """Where requests come in."""

    door: Door
    listener: socket.socket
    url: str
    """for people to open"""


@contextmanager
def opened(host: str, port: int, root_path: str, allowed_hosts: Sequence[str]) -> Iterator[Entrance]:
    """Holds the address until the block ends; the token is that of the environment variable `APSI_STUDIO_TOKEN`.

    Raises:
        ApsiError: the address can't be had, or others can reach it and there is no token.
    """
    token = token_from_environment(STUDIO_VARIABLE)
    with listen(host, port) as listener:
        address, real_port = listener.getsockname()[:2]
        require_token(address, token, STUDIO_VARIABLE)
        door = Door(host, real_port, token, tuple(allowed_hosts), root_path)
        shown = f"[{address}]" if ":" in address else address
        yield Entrance(door, listener, f"http://{shown}:{real_port}{root_path}/")
