"""Who may come in: hosts, origins, the token, and one session for each browser."""

import hashlib
import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.requests import Request

from apsi.access_token import is_allowed, same

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Door:
    """What is held against every request before a room sees it."""

    host: str
    """as it was given; requests may name it"""
    port: int
    token: str | None = field(default=None, repr=False)
    allowed_hosts: tuple[str, ...] = ()
    """names besides, such as that of a proxy"""
    root_path: str = ""
    """the path below which a proxy serves the application, `/apsi`"""
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def knows_host(self, request: Request) -> bool:
        """Whether a request names a host that is served, so that no foreign name can be led to this address."""
        name = _host_of(request.headers.get("host", ""))
        if name in _LOOPBACK or name == self.host.lower() or name in self._further:
            return True
        # an address cannot be led elsewhere as a name can: the one that the request came to is its own
        return _is_address(name) and name == (request.scope.get("server") or ("",))[0]

    def knows_origin(self, request: Request) -> bool:
        """Whether a request that changes something comes from a page of this application."""
        if request.method in _READING:
            return True
        origin = urlsplit(request.headers.get("origin", ""))
        if origin.scheme not in ("http", "https"):
            return False
        return origin.netloc == request.headers.get("host") or _host_of(origin.netloc) in self._further

    def lets_in(self, request: Request) -> bool:
        """Whether a request has the token, in a header or as the cookie that was given for it."""
        if self.token is None or is_allowed(request.headers.get("authorization", ""), self.token):
            return True
        return same(request.cookies.get(self.pass_cookie, ""), self.pass_for(self.token))

    def accepts(self, token: str) -> bool:
        """Whether this is the token."""
        return self.token is not None and same(token, self.token)

    def pass_for(self, token: str) -> str:
        """What stands in the cookie of who has shown the token: not the token itself."""
        return hmac.new(token.encode(), b"apsi studio", hashlib.sha256).hexdigest()

    def session(self, request: Request) -> str | None:
        """The session that a request belongs to; None where its cookie is missing or was not given by this process."""
        name, _, signature = request.cookies.get(self.session_cookie, "").partition(".")
        return name if name and same(signature, self._signed(name)) else None

    def new_session(self) -> tuple[str, str]:
        """A session, and the value of its cookie."""
        name = secrets.token_urlsafe(24)
        return name, f"{name}.{self._signed(name)}"

    def cookie(self, name: str, value: str, secure: bool) -> str:
        """A header `Set-Cookie` that scripts and other sites can't use."""
        path = self.root_path or "/"
        return f"{name}={value}; HttpOnly; SameSite=Strict; Path={path}{'; Secure' if secure else ''}"

    @property
    def session_cookie(self) -> str:
        """Its name; browsers keep cookies of all ports of a host together."""
        return f"apsi_session_{self.port}"

    @property
    def pass_cookie(self) -> str:
        """Likewise."""
        return f"apsi_pass_{self.port}"

    @property
    def _further(self) -> frozenset[str]:
        return frozenset(name.lower() for name in self.allowed_hosts)

    def _signed(self, name: str) -> str:
        return hmac.new(self._secret, name.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _host_of(netloc: str) -> str:
    """Without the port, lower case; empty where it is no host."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False
