"""The token without which a server on the network, of a juror or of pages, answers nobody."""

import hmac
import ipaddress
import os

from apsi.errors import ApsiError

VARIABLE = "APSI_JUROR_TOKEN"
"""Of the environment, for server and client of a juror alike: a setting would end up in the records of runs"""
STUDIO_VARIABLE = "APSI_STUDIO_TOKEN"
"""The same for the studio"""
METRICS_VARIABLE = "APSI_METRICS_TOKEN"
"""The same for the metrics of a run"""
ACQUISITION_VARIABLE = "APSI_ACQUISITION_TOKEN"
"""The same for the acquisition service and its clients"""

_SHORTEST = 16


def token_from_environment(variable: str = VARIABLE) -> str | None:
    """The token, or None where there is none.

    Raises:
        ApsiError: it is too short, or not made of plain characters; it is not shown.
    """
    token = os.environ.get(variable) or None
    if token is not None and (len(token) < _SHORTEST or not token.isascii() or not token.isprintable() or " " in token):
        raise ApsiError(f"{variable} must be at least {_SHORTEST} ASCII characters without spaces")
    return token


def require_token(host: str, token: str | None, variable: str = VARIABLE, setting: str = "task.host") -> None:
    """Holds the address that a server listens at against its token; `setting` is what the address was given as.

    Raises:
        ApsiError: other machines could reach it, and it has none.
    """
    if token is None and not ipaddress.ip_address(host.partition("%")[0]).is_loopback:
        raise ApsiError(
            f"{setting}={host} can be reached from other machines, so it needs a token, for server and clients: "
            f"export {variable}=$(openssl rand -hex 32); or leave out {setting} to serve this machine only"
        )


def headers(token: str | None) -> dict[str, str]:
    """What a client sends."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def is_allowed(authorization: str, token: str | None) -> bool:
    """Whether a request with this header may be answered; takes as long for a nearly right one as for any other."""
    if token is None:
        return True
    return same(authorization, f"Bearer {token}")


def same(given: str, expected: str) -> bool:
    """Whether two texts are equal; it takes as long for nearly equal ones as for any others of the same length."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())
