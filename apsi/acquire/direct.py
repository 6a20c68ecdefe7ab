"""Archives at a URL."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import Field, PositiveFloat, PositiveInt

from apsi.acquire.archive import unpack
from apsi.acquire.base import Acquire, Fetched, Limits, Watch, WrongDigestError
from apsi.acquire.download import Download, Downloading
from apsi.errors import ApsiError, did_you_mean
from apsi.photo.hash import file_hash
from apsi.types import Seconds

ARCHIVE = "archive"
"""Name of a downloaded file in its work folder"""

Ratio = Annotated[float, Field(ge=1)]
Kind = Literal["tar", "zip"]


class Direct(Acquire):
    """Downloads an archive, checks its digest and unpacks it."""

    def __init__(
        self,
        *,
        timeout: Seconds,
        attempts: PositiveInt,
        max_gigabytes: PositiveFloat,
        max_files: PositiveInt,
        max_ratio: Ratio,
        max_depth: PositiveInt,
        allow_private: bool,
        kind: Kind | None,
    ) -> None:
        """Takes the settings; asks nobody yet.

        Args:
            timeout: seconds that a server may be silent.
            attempts: to reach it, in a row that bring nothing.
            max_gigabytes: of the archive, and of all files in it.
            max_files: in it, folders included.
            max_ratio: bytes in it for each of its own.
            max_depth: folders in folders.
            allow_private: whether addresses of this machine and its network are asked, and files of this machine read.
            kind: of archive that is allowed; None: both.
        """
        self.limits = Limits(max_gigabytes, max_files, max_ratio, max_depth)
        self.downloading = Downloading(timeout, attempts, self.limits.max_bytes, allow_private)
        self.kind = kind

    def canonical(self, url: str) -> str:
        parts = split_url(url)
        schemes = ("http", "https", "file") if self.downloading.allow_private else ("http", "https")
        if parts.scheme not in schemes:
            close = did_you_mean(parts.scheme, schemes) if parts.scheme else ""
            raise ApsiError(
                f"url={url} must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}.{close} What lies on "
                "this machine is got with acquire=local"
            )
        if parts.scheme == "file":
            return _path_of(url).as_uri()
        return require_host(url)

    def fetch(self, url: str, sha256: str | None, into: Path, work: Path, watch: Watch) -> Fetched:
        self.canonical(url)
        if url.lower().startswith("file:"):
            return unpack_file(_path_of(url), sha256, into, self.limits, watch=watch, kind=self.kind)
        require_httpx()
        download = Download(url, work / ARCHIVE, self.downloading, watch, sha256=sha256)
        return self.unpack_download(download, into, watch)

    def unpack_download(self, download: Download, into: Path, watch: Watch) -> Fetched:
        """Runs a download, unpacks what came and removes the archive."""
        came = download.run()
        unpacked = unpack(came.path, into, self.limits, watch, self.kind)
        came.path.unlink()
        return Fetched(came.sha256, came.size, unpacked.files, unpacked.size)


def unpack_file(
    path: Path, sha256: str | None, into: Path, limits: Limits, *, watch: Watch, kind: str | None = None
) -> Fetched:
    """Unpacks an archive that lies on this machine, and leaves it there.

    Raises:
        ApsiError: it isn't there, has another digest, or is refused.
    """
    try:
        size = path.stat().st_size
        watch.at("Reading the archive", 0, size)
        digest = file_hash(path, limits.max_bytes)
    except OSError as error:
        raise ApsiError(f"{path} can't be read: {error.strerror}") from error
    require_digest(str(path), digest, sha256)
    unpacked = unpack(path, into, limits, watch, kind)
    return Fetched(digest, size, unpacked.files, unpacked.size)


def require_digest(what: str, digest: str, expected: str | None) -> None:
    """Holds a digest against the expected one.

    Raises:
        WrongDigestError: they differ.
    """
    if expected is not None and digest != expected.lower():
        raise WrongDigestError.of(what, digest, expected, ". Nothing of it was kept")


def require_httpx() -> None:
    """Raises an ApsiError where what downloads is not installed."""
    try:
        import httpx  # noqa: F401
    except ImportError as error:
        raise ApsiError("downloading needs httpx: pip install 'apsi[acquire]'") from error


def require_host(url: str) -> str:
    """The URL, where it names a host and nobody's password.

    Raises:
        ApsiError: otherwise; a password would stand in every record.
    """
    parts = split_url(url)
    if parts.username or parts.password:
        raise ApsiError(
            f"url={parts.scheme}://...@{parts.hostname}: leave name and password out, records would hold them"
        )
    if not parts.hostname:
        raise ApsiError(f"url={url} names no host")
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower(), fragment="").geturl()


def split_url(url: str) -> SplitResult:
    """The parts of a URL.

    Raises:
        ApsiError: it is none.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ApsiError(f"url={url} is no URL ({error})") from error
    return parts


def _path_of(url: str) -> Path:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ApsiError(f"url={url} must name a file of this machine, as in file:///home/me/photos.zip")
    return Path(unquote(parts.path))
