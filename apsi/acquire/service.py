"""A client of the acquisition service, which gets photos for several machines."""

import logging
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from apsi.access_token import ACQUISITION_VARIABLE, headers, token_from_environment
from apsi.acquire.base import Acquire, Fetched, RefusedError, Watch, WrongDigestError
from apsi.acquire.direct import require_httpx, split_url
from apsi.acquire.keep import Acquired, find, require_name, stem
from apsi.errors import ApsiError
from apsi.installation import command
from apsi.photo.hash import value_hash
from apsi.photo.write import link_or_copy
from apsi.types import Seconds

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

Type = Literal["tar", "zip", "kaggle", "local_resource"]
_BY_SUFFIX: tuple[tuple[str, Type], ...] = (
    (".zip", "zip"),
    (".tar", "tar"),
    (".tar.gz", "tar"),
    (".tgz", "tar"),
    (".tar.bz2", "tar"),
    (".tbz", "tar"),
    (".tbz2", "tar"),
    (".tar.xz", "tar"),
    (".txz", "tar"),
)
_BY_SCHEME: dict[str, Type] = {"kaggle": "kaggle", "local_resource": "local_resource"}


class Service(Acquire):
    """Asks the service, waits, and takes what it got out of its folder, which this machine sees as well.

    Where both lie on one disk the files are linked, not copied.
    """

    def __init__(
        self, *, address: str | None, root: str, type: Type | None, timeout: Seconds, patience: Seconds, pause: Seconds
    ) -> None:
        """Takes the settings; asks nobody yet.

        Args:
            address: of the service, http://HOST:PORT.
            root: its folder, as this machine sees it.
            type: of source; None: as the URL says.
            timeout: seconds for one answer.
            patience: seconds that the service may be away.
            pause: seconds between two questions how far it is.
        """
        if address is None or urlsplit(address).scheme not in ("http", "https"):
            raise ApsiError(
                f"acquire.address={address} must be that of an acquisition service: export "
                f"IMAGE_ACQUISITION_SERVICE_URL=http://HOST:PORT, or start one with {command()} task=serve_acquisition"
            )
        self.address, self.root, self.type = address.rstrip("/"), Path(root).expanduser(), type
        self.timeout, self.patience, self.pause = timeout, patience, pause

    def canonical(self, url: str) -> str:
        self._type(url)
        return url

    def fetch(self, url: str, sha256: str | None, into: Path, work: Path, watch: Watch) -> Fetched:
        require_httpx()
        name = require_name(
            f"{stem(url.partition(':')[2] if self._type(url) in _BY_SCHEME else url)}-{value_hash(url)}", "name"
        )
        wanted = {
            "type": self._type(url),
            "url": url.removeprefix(f"{self._type(url)}:"),
            "sha256": sha256,
            "name": name,
        }
        with self._client() as client:
            job = self._ask(client, "POST", "/v1/acquisition", wanted)
            while job["state"] in ("NEW", "RUNNING"):
                watch.at("The service works", int(job.get("done") or 0), job.get("total"))
                time.sleep(self.pause)
                job = self._ask(client, "GET", f"/v1/acquisition/jobs/{job['uuid']}", None)
        if job["state"] != "COMPLETED":
            said = f"{self.address}: job {job['uuid']} is {job['state']}: {job.get('error')}"
            is_digest = sha256 is not None and WrongDigestError.phrase(sha256) in said
            raise WrongDigestError(said) if is_digest else RefusedError(said)
        return self._take(name, sha256, into, watch)

    def _take(self, name: str, sha256: str | None, into: Path, watch: Watch) -> Fetched:
        there = find(self.root / name)
        if there is None:
            raise ApsiError(
                f"the service has {name}, and {self.root / name} is not there: acquire.root must be the service's "
                "folder (its task.root) as this machine sees it, on a shared disk"
            )
        fetched = there.sources[0][1]
        if sha256 is not None and fetched.sha256 != sha256.lower():
            raise WrongDigestError.of(str(there.folder), fetched.sha256, sha256)
        _link_all(there, into, watch)
        return fetched

    def _type(self, url: str) -> Type:
        if self.type is not None:
            return self.type
        scheme = url.partition(":")[0]  # one with an underscore is none by the standard
        if scheme in _BY_SCHEME:
            return _BY_SCHEME[scheme]
        path = split_url(url).path.lower()
        found = next((kind for suffix, kind in _BY_SUFFIX if path.endswith(suffix)), None)
        if found is None:
            raise ApsiError(
                f"url={url} does not say what it is; add acquire.type=tar or zip, or write kaggle:OWNER/NAME or "
                "local_resource:PATH"
            )
        return found

    def _client(self) -> "httpx.Client":
        import httpx

        token = token_from_environment(ACQUISITION_VARIABLE)
        return httpx.Client(base_url=self.address, timeout=self.timeout, headers=headers(token))

    def _ask(self, client: "httpx.Client", method: str, path: str, body: Any) -> dict[str, Any]:
        """An answer of the service, which may be away or busy for a while."""
        import httpx

        deadline = time.monotonic() + self.patience
        while True:
            try:
                answer = client.request(method, path, json=body)
                if answer.status_code < 400:
                    job = answer.json()
                    _ = job["uuid"], job["state"]
                    return dict(job)
                said = f"{answer.status_code} {answer.text[:300]}"
                if answer.status_code == 401:
                    raise ApsiError(
                        f"{self.address} asks for a token: set {ACQUISITION_VARIABLE} to that of the service"
                    )
                if answer.status_code != 503:
                    raise ApsiError(f"{self.address} answers {said}")
            except (httpx.TransportError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
                said = f"{type(error).__name__}: {error}"
            if time.monotonic() + self.pause > deadline:
                raise ApsiError(f"{self.address} did not answer as a service for {self.patience:g} s, last: {said}")
            time.sleep(self.pause)


def _link_all(source: Acquired, into: Path, watch: Watch) -> None:
    shutil.rmtree(into, ignore_errors=True)
    done = 0
    for root, folders, names in os.walk(source.files_folder):
        folders.sort()
        for name in names:
            path = Path(root) / name
            link_or_copy(path, into / path.relative_to(source.files_folder))
            done += path.stat().st_size
            watch.at("Linking", done, source.size)
