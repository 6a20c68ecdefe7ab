"""The token without which a juror on the network answers nobody."""

import hmac
import ipaddress
import os

from apsi.errors import ApsiError

VARIABLE = "APSI_JUROR_TOKEN"
"""Of the environment, for server and client alike: a setting would end up in the records of runs"""

_SHORTEST = 16


def token_from_environment() -> str | None:
    """The token, or None where there is none.

    Raises:
        ApsiError: it is too short, or not made of plain characters; it is not shown.
    """
    token = os.environ.get(VARIABLE) or None
    if token is not None and (len(token) < _SHORTEST or not token.isascii() or not token.isprintable() or " " in token):
        raise ApsiError(f"{VARIABLE} must be at least {_SHORTEST} ASCII characters without spaces")
    return token


def require_token(host: str, token: str | None) -> None:
    """Holds the address that a server listens at against its token.

    Raises:
        ApsiError: other machines could reach it, and it has none.
    """
    if token is None and not ipaddress.ip_address(host.partition("%")[0]).is_loopback:
        raise ApsiError(
            f"task.host={host} can be reached from other machines, so it needs a token, for server and clients: "
            f"export {VARIABLE}=$(openssl rand -hex 32); or leave out task.host to serve this machine only"
        )


def headers(token: str | None) -> dict[str, str]:
    """What a client sends."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def is_allowed(authorization: str, token: str | None) -> bool:
    """Whether a request with this header may be answered; takes as long for a nearly right one as for any other."""
    if token is None:
        return True
    return hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())
