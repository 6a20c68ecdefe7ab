"""Data sets of Kaggle."""

import base64
import json
import os
import re
from pathlib import Path

from pydantic import PositiveFloat, PositiveInt

from apsi.acquire.base import Fetched, Watch
from apsi.acquire.direct import ARCHIVE, Direct, Ratio, require_host, require_httpx
from apsi.acquire.download import Download
from apsi.errors import ApsiError
from apsi.types import Seconds

_USER, _KEY = "KAGGLE_USERNAME", "KAGGLE_KEY"
_NAMED = re.compile(
    r"(?:kaggle:|https?://(?:www\.)?kaggle\.com/(?:datasets/)?)?"
    r"(?P<owner>[A-Za-z0-9][\w-]*)/(?P<name>[A-Za-z0-9][\w-]*)(?:/versions/(?P<version>\d{1,9}))?/?",
    re.ASCII,
)


class Kaggle(Direct):
    """Downloads a data set through Kaggle's API, as a zip file, and unpacks it.

    Kaggle asks who it is: the variables `KAGGLE_USERNAME` and `KAGGLE_KEY`, or the file `kaggle.json` that its page of
    settings makes, in `~/.kaggle` or the folder of `KAGGLE_CONFIG_DIR`.
    """

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
    ) -> None:
        """Takes the settings; asks nobody yet.

        Args:
            api: Kaggle's.
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
            kind="zip",
        )
        self.api = require_host(api).rstrip("/")

    def canonical(self, url: str) -> str:
        found = _NAMED.fullmatch(url)
        if found is None:
            raise ApsiError(
                f"url={url} must name a data set of Kaggle: OWNER/NAME, or OWNER/NAME/versions/3 for one version"
            )
        version = f"/versions/{int(found['version'])}" if found["version"] else ""
        return f"kaggle:{found['owner']}/{found['name']}{version}"

    def fetch(self, url: str, sha256: str | None, into: Path, work: Path, watch: Watch) -> Fetched:
        require_httpx()
        name, _, version = self.canonical(url).removeprefix("kaggle:").partition("/versions/")
        address = f"{self.api}/datasets/download/{name}" + (f"?datasetVersionNumber={version}" if version else "")
        user, key = credentials()
        secret = base64.b64encode(f"{user}:{key}".encode()).decode()
        headers = {"Authorization": f"Basic {secret}"}
        download = Download(address, work / ARCHIVE, self.downloading, watch, sha256=sha256, headers=headers)
        return self.unpack_download(download, into, watch)


def credentials() -> tuple[str, str]:
    """Name and key for Kaggle.

    Raises:
        ApsiError: there are none, or the file that should hold them is something else; no key is shown.
    """
    user, key = os.environ.get(_USER), os.environ.get(_KEY)
    if user and key:
        return user, key
    path = Path(os.environ.get("KAGGLE_CONFIG_DIR") or "~/.kaggle").expanduser() / "kaggle.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        user, key = str(content["username"]), str(content["key"])
    except FileNotFoundError as error:
        raise ApsiError(
            f"Kaggle asks who you are: set {_USER} and {_KEY}, or put the file kaggle.json, which the settings on "
            f"kaggle.com make, at {path}"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ApsiError(
            f"{path} is not Kaggle's file of name and key ({type(error).__name__}); make a new one on kaggle.com"
        ) from error
    return user, key
