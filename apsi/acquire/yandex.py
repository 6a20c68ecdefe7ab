"""Archives that Yandex Disk shares."""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import PositiveFloat, PositiveInt

from apsi.acquire.base import Fetched, Watch
from apsi.acquire.direct import ARCHIVE, Direct, Kind, Ratio, require_host, require_httpx
from apsi.acquire.download import Download
from apsi.errors import ApsiError
from apsi.types import Seconds

if TYPE_CHECKING:
    import httpx


class Yandex(Direct):
    """Asks Yandex Disk where the file behind a shared link lies now, then downloads it from there."""

    def __init__(
        self,
        *,
        api: str,
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
            api: what tells the address of a shared file.
            timeout: and the others are those of `Direct`.
        """
        super().__init__(
            timeout=timeout,
            attempts=attempts,
            max_gigabytes=max_gigabytes,
            max_files=max_files,
            max_ratio=max_ratio,
            max_depth=max_depth,
            allow_private=allow_private,
            kind=kind,
        )
        self.api = require_host(api)

    def canonical(self, url: str) -> str:
        found = require_host(url)
        if urlsplit(found).scheme not in ("http", "https"):
            raise ApsiError(f"url={url} must be a link that Yandex Disk shares, https://disk.yandex.ru/d/...")
        return found

    def fetch(self, url: str, sha256: str | None, into: Path, work: Path, watch: Watch) -> Fetched:
        require_httpx()
        link = self.canonical(url)
        download = Download(link, work / ARCHIVE, self.downloading, watch, sha256=sha256, locate=self._locate)
        return self.unpack_download(download, into, watch)

    def _locate(self, client: "httpx.Client", url: str) -> str:
        from httpx import HTTPStatusError

        answer = client.get(self.api, params={"public_key": url})
        try:
            found = require_host(str(answer.raise_for_status().json()["href"]))
        except (HTTPStatusError, ValueError, LookupError, TypeError, ApsiError) as error:
            raise ApsiError(
                f"{self.api} does not say where {url} lies: {answer.status_code} {answer.text[:200]}"
            ) from error
        return found
