"""Addresses that a server may be sent to: those of the internet, and none of the network that it stands in."""

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

from apsi.acquire.base import RefusedError
from apsi.errors import ApsiError

_INNER = [ipaddress.IPv6Network(net) for net in ("64:ff9b::/96", "::ffff:0:0:0/96", "::/96")]
"""Networks whose addresses end with one of IPv4: NAT64, and two older ways"""
_PRIVATE = [ipaddress.IPv6Network(net) for net in ("64:ff9b:1::/48", "fec0::/10")]
"""That not every Python knows: NAT64 of a network's own, and what fc00::/7 has replaced"""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the internet; addresses inside of others count as those."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and any(found in network for network in _INNER):
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if any(found in network for network in _PRIVATE):
            return False
    return found.is_global and not found.is_multicast


def require_public(url: str) -> None:
    """Looks the host of a URL up before anybody connects to it.

    Raises:
        RefusedError: one of its addresses is private.
        ApsiError: it has none.
    """
    host = urlsplit(url).hostname or ""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        raise ApsiError(f"{url}: the host {host} is not known ({error})") from error
    for address in found:
        _require(host, address)


def watch_connection(host: str) -> Any:
    """For httpx's extension `trace`: looks at the address itself once connected, and before anything is sent.

    A name may lead elsewhere the second time that it is looked up.
    """

    def trace(event: str, info: dict[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            stream = info["return_value"]
            address = stream.get_extra_info("server_addr")
            try:
                _require(host, str(address[0]))
            except RefusedError:
                stream.close()
                raise

    return trace


def _require(host: str, address: str) -> None:
    if not is_public(address):
        raise RefusedError(
            f"{host} is at {address}, which is no address of the internet; allow_private=true allows such ones"
        )
