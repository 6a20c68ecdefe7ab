"""Downloads that go on where they stopped."""

import errno
import hashlib
import json
import logging
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from apsi import __version__
from apsi.acquire.address import require_public, watch_connection
from apsi.acquire.base import RefusedError, Watch, WrongDigestError
from apsi.errors import ApsiError
from apsi.photo.hash import file_hash
from apsi.photo.write import write_text

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

_CHUNK = 2**16
_PROGRESS = 2**20
"""bytes after which a server that breaks off again counts as one that delivers"""
_MAX_REDIRECTS = 10
_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)


@dataclass(frozen=True)
class Downloading:
    """How to ask servers."""

    timeout: float
    """seconds that a server may be silent"""
    attempts: int
    """in a row that bring nothing new"""
    max_bytes: int
    allow_private: bool = True
    """whether the address may be one inside of this network"""
    pause: float = 0.5
    """seconds before the second attempt; doubled for each further one, up to half a minute"""


@dataclass(frozen=True)
class Downloaded:
    """A whole file."""

    path: Path
    sha256: str
    size: int
    transferred: int
    """bytes that came over the network for it in this call"""


@dataclass(frozen=True)
class _State:
    """What the server said of the file that lies in `.part`."""

    url: str
    etag: str | None = None
    modified: str | None = None
    total: int | None = None

    @property
    def condition(self) -> str | None:
        """For If-Range: only a strong ETag tells files apart byte by byte, and only ASCII can be sent back."""
        etag = self.etag if self.etag and not self.etag.startswith("W/") else None
        return next((text for text in (etag, self.modified) if text and text.isascii()), None)


class _BrokenError(Exception):
    """The connection broke, or the server is busy: worth another attempt."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


class _AnewError(Exception):
    """What lies here is not the beginning of what the server has now."""


class Download:
    """One file.

    Its bytes go to `NAME.part` as they come, with what the server said of them in `NAME.part.json`, so that the next
    call, in another process, asks for the rest alone (Range, and If-Range so that it gets the rest of the same file).
    """

    def __init__(
        self,
        url: str,
        target: Path,
        settings: Downloading,
        watch: Watch,
        *,
        sha256: str | None = None,
        headers: Mapping[str, str] | None = None,
        locate: "Callable[[httpx.Client, str], str] | None" = None,
    ) -> None:
        """Takes what is to be done.

        Args:
            url: http or https.
            target: where the whole file will lie.
            settings: how to ask.
            watch: is told how far it is.
            sha256: that it must have; None: any.
            headers: for the server of the URL, and for no other that it leads to.
            locate: finds the address behind the URL, before each attempt.
        """
        self._url, self._target, self._settings, self._watch = url, target, settings, watch
        self._expected, self._headers, self._locate = sha256 and sha256.lower(), dict(headers or {}), locate
        self._part = target.with_name(f"{target.name}.part")
        self._state_file = target.with_name(f"{target.name}.part.json")
        self._state = _State(url)
        self._size, self._digest = 0, hashlib.sha256()
        self._transferred = 0
        self._went_on = False
        """whether some of it came earlier or in another piece"""

    def run(self) -> Downloaded:
        """Downloads the file, or what is missing of it.

        Raises:
            WrongDigestError: another digest than expected; nothing is kept.
            RefusedError: too large, or an address that is not allowed; nothing is kept.
            ApsiError: the server doesn't have it, keeps breaking off, or the disk is full; what came is kept.
        """
        if self._target.exists():
            digest = file_hash(self._target)
            self._require_expected(digest)
            return Downloaded(self._target, digest, self._target.stat().st_size, 0)
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._take_up()
        with self._client() as client:
            digest = self._whole(client)
        self._require_expected(digest)
        self._part.replace(self._target)
        self._state_file.unlink(missing_ok=True)
        return Downloaded(self._target, digest, self._size, self._transferred)

    def _whole(self, client: "httpx.Client") -> str:
        """Has all bytes in `.part`; their digest."""
        self._until_whole(client)
        if self._expected not in (None, self._digest.hexdigest()) and self._went_on:
            log.warning("%s: the pieces don't make the expected file; it is downloaded anew", self._url)
            self._begin_anew(_State(self._url))
            self._until_whole(client)
        return self._digest.hexdigest()

    def _until_whole(self, client: "httpx.Client") -> None:
        failures, most, pause = 0, self._size, self._settings.pause
        while not (self._size and self._size == self._state.total):
            try:
                self._attempt(client)
                return
            except _AnewError as error:
                log.info("%s: %s; it is downloaded from the beginning", self._url, error)
                self._begin_anew(_State(self._url))
                failures += 1
                reason, wait = str(error), 0.0
            except _BrokenError as error:
                if self._size >= most + _PROGRESS:
                    failures, most, pause = 0, self._size, self._settings.pause
                failures += 1
                reason, wait = str(error), error.pause or pause
                pause = min(2 * pause, 30.0)
            if failures >= self._settings.attempts:
                came = f"{self._size:,} bytes came and are kept: the same command goes on from there"
                raise ApsiError(
                    f"{self._url} can't be downloaded; {failures} attempts in a row brought nothing new, the last: "
                    f"{reason}. " + (came if self._size else "Try again later")
                )
            self._sleep(wait)

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._watch.at("Downloading", self._size, self._state.total)
            time.sleep(min(left, 0.2))

    # one attempt

    def _client(self) -> "httpx.Client":
        import httpx

        # a proxy of the environment would connect to whatever it is told
        return httpx.Client(timeout=self._settings.timeout, trust_env=self._settings.allow_private)

    def _attempt(self, client: "httpx.Client") -> None:
        import httpx

        try:
            url = self._locate(client, self._url) if self._locate else self._url
            response = self._answer(client, url)
            try:
                self._receive(response)
            finally:
                response.close()
        except httpx.TransportError as error:
            raise _BrokenError(f"{type(error).__name__}: {error}") from error
        except (httpx.InvalidURL, UnicodeError) as error:  # such as a host of 300 letters
            raise ApsiError(f"{self._url} is no URL that can be asked ({error})") from error

    def _answer(self, client: "httpx.Client", url: str) -> "httpx.Response":
        """The answer of the last server that the first leads to."""
        origin = _origin(url)
        for _ in range(_MAX_REDIRECTS + 1):
            extensions: dict[str, Any] = {}
            if not self._settings.allow_private:
                require_public(url)
                extensions["trace"] = watch_connection(urlsplit(url).hostname or "")
            own = self._headers if _origin(url) == origin else {}
            headers = {"User-Agent": f"apsi/{__version__}", "Accept-Encoding": "identity", **own, **self._range()}
            request = client.build_request("GET", url, headers=headers, extensions=extensions)
            response = client.send(request, stream=True)
            if not response.has_redirect_location:
                return response
            response.close()
            url = self._redirected(url, response)
        raise ApsiError(f"{self._url} leads from one address to the next, more than {_MAX_REDIRECTS} times")

    def _redirected(self, url: str, response: "httpx.Response") -> str:
        location = response.headers["location"]
        try:
            found = urljoin(url, location)
            scheme = urlsplit(found).scheme
        except ValueError as error:
            raise RefusedError(f"{self._url} leads to {location!r}, which is no URL ({error})") from error
        if scheme not in ("http", "https"):
            raise RefusedError(f"{self._url} leads to {found}, which is neither http nor https")
        if urlsplit(url).scheme == "https" and scheme == "http":
            raise RefusedError(f"{self._url} leads from https to {found}, which anybody on the way can change")
        return found

    def _range(self) -> dict[str, str]:
        if not self._size:
            return {}
        condition = self._state.condition
        return {"Range": f"bytes={self._size}-"} | ({"If-Range": condition} if condition else {})

    def _receive(self, response: "httpx.Response") -> None:
        status, headers = response.status_code, response.headers
        if status == 206 and self._size:
            self._hold_together(headers)
            self._went_on = True
        elif status == 200:
            said = _State(self._url, headers.get("etag"), headers.get("last-modified"), _length(headers))
            if self._size:
                changed = said.condition != self._state.condition
                why = "it has changed since" if changed else "the server sends no parts"
                log.info("%s is downloaded from the beginning: %s", self._url, why)
            self._begin_anew(said)
        elif status == 416:
            if headers.get("content-range", "").strip() == f"bytes */{self._size}":
                self._state = replace(self._state, total=self._size)
                return  # whatever length it spoke of before, there is no more
            raise _AnewError("the server has less of it than lies here")
        else:
            self._refuse(response)
        self._require_room()
        self._write(response)

    def _hold_together(self, headers: "httpx.Headers") -> None:
        """Makes sure that what comes is the rest of what lies here, whatever the server was asked for."""
        found = _RANGE.fullmatch(headers.get("content-range", "").strip())
        if found is None or int(found[1]) != self._size:
            raise _AnewError(f"the server sends another part than it was asked for ({headers.get('content-range')})")
        total = None if found[3] == "*" else int(found[3])
        etag = headers.get("etag", self._state.etag)
        if (self._state.total is not None and total not in (None, self._state.total)) or etag != self._state.etag:
            raise _AnewError("it has changed since")

    def _refuse(self, response: "httpx.Response") -> None:
        status = response.status_code
        if status in _AGAIN:
            after = response.headers.get("retry-after", "")
            seconds = int(after) if re.fullmatch(r"[0-9]{1,9}", after) else None
            raise _BrokenError(f"the server answers {status}", None if seconds is None else min(seconds, 60.0))
        remedy = {
            401: "it asks for a name and a password",
            403: "it lets not everybody have it; perhaps its terms must be accepted on its page first",
            404: "it does not have it; look for its new address",
            410: "it does not have it any more; look for its new address",
        }
        raise ApsiError(f"{self._url}: the server answers {status}: {remedy.get(status, response.reason_phrase)}")

    def _require_room(self) -> None:
        total = self._state.total
        if total is None:
            return
        if total > self._settings.max_bytes:
            self._drop()
            raise self._too_large(total)
        free = shutil.disk_usage(self._part.parent).free
        if total - self._size > free:
            raise self._full(f"{total - self._size:,} bytes are to come, and {free:,} are free")

    def _write(self, response: "httpx.Response") -> None:
        try:
            with self._part.open("ab", buffering=0) as file:
                for data in response.iter_raw():
                    self._transferred += len(data)
                    if self._size + len(data) > self._settings.max_bytes:
                        file.close()
                        self._drop()
                        raise self._too_large(self._size + len(data))
                    left = memoryview(data)
                    while left:
                        written = file.write(left)
                        self._digest.update(left[:written])
                        self._size += written
                        left = left[written:]
                    self._watch.at("Downloading", self._size, self._state.total)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self._full(f"{self._size:,} bytes are kept") from error
            raise
        if self._state.total not in (None, self._size):
            raise _BrokenError(f"{self._size:,} bytes came, and the server spoke of {self._state.total:,}")

    def _full(self, more: str) -> ApsiError:
        return ApsiError(
            f"the disk is full ({self._part}): {more}. Make room, or set data_dir to another disk; the same command "
            "goes on"
        )

    def _too_large(self, size: int) -> RefusedError:
        most = self._settings.max_bytes / 1e9
        return RefusedError(
            f"{self._url} has {size:,} bytes or more, at most {most:g} GB are allowed (acquire.max_gigabytes)"
        )

    # what lies here

    def _take_up(self) -> None:
        """Finds what an earlier call left, and reads it for the digest."""
        try:
            state = _State(**json.loads(self._state_file.read_text(encoding="utf-8")))
            size = self._part.stat().st_size
        except (OSError, ValueError, TypeError):
            state, size = _State(""), 0
        is_known = state.condition is not None or self._expected is not None
        fits = 0 < size <= (state.total if state.total is not None else size)
        if state.url != self._url or not fits or not is_known:
            self._begin_anew(_State(self._url))
            return
        with self._part.open("rb") as file:
            while data := file.read(_CHUNK * 16):
                self._digest.update(data)
                self._size += len(data)
                self._watch.at("Reading what is here", self._size, size)
        self._state, self._went_on = state, True
        log.info("%s: %s bytes are here already", self._url, f"{self._size:,}")

    def _begin_anew(self, state: _State) -> None:
        self._part.unlink(missing_ok=True)
        write_text(self._state_file, json.dumps(asdict(state)))
        self._state, self._size, self._digest, self._went_on = state, 0, hashlib.sha256(), False

    def _drop(self) -> None:
        for path in (self._part, self._state_file, self._target):
            path.unlink(missing_ok=True)

    def _require_expected(self, digest: str) -> None:
        if self._expected in (None, digest):
            return
        self._drop()
        raise WrongDigestError.of(
            self._url, digest, self._expected, ": it was changed, or damaged on the way. Nothing of it was kept"
        )


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _length(headers: "httpx.Headers") -> int | None:
    text = headers.get("content-length", "")
    return int(text) if re.fullmatch(r"[0-9]{1,20}", text) else None
