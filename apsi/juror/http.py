"""A juror that runs elsewhere, behind `task=serve_juror`."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
from pydantic import PositiveInt

from apsi.access_token import VARIABLE, headers, token_from_environment
from apsi.errors import ApsiError
from apsi.installation import command
from apsi.juror.base import About, Juror, require_scores
from apsi.photo import Floats, Photo
from apsi.photo.npy import MEDIA_TYPE, pack_photos
from apsi.types import Seconds


class HttpJuror(Juror):
    """Sends photos losslessly and waits for their scores; retries a busy or unreachable server for a while.

    A server that asks for a token gets the one in the environment variable `APSI_JUROR_TOKEN`.

    Args:
        url: where the server listens.
        batch_size: photos a request.
        connections: requests at once.
        timeout: seconds for one answer.
        patience: seconds that a server may be busy or away before scoring is given up.
    """

    about = About(
        native_range="[0, 10]",
        mapping="as the server gives them",
        reference="`task=serve_juror`",
        licence="that of the served juror",
        knows="what the served juror knows",
    )

    def __init__(
        self,
        *,
        url: str,
        batch_size: PositiveInt,
        connections: PositiveInt,
        timeout: Seconds,
        patience: Seconds,
    ) -> None:
        self.url = url.rstrip("/")
        self.batch_size, self.connections = batch_size, connections
        self.timeout, self.patience = timeout, patience

    @property
    def fingerprint(self) -> str:
        return self._served[0]

    @property
    def tolerance(self) -> float:
        return self._served[1]

    @cached_property
    def _served(self) -> tuple[str, float]:
        """The served juror's fingerprint and tolerance; asked for once, so that another juror is noticed."""
        client = self._client  # says what to install where there is no httpx
        import httpx

        try:
            response = client.get("/healthz")
            if response.status_code == 401:
                raise ApsiError(f"juror.url={self.url} asks for a token: set {VARIABLE} to the one it was started with")
            response.raise_for_status()
            answer = response.json()
            return f"http-{answer['fingerprint']}", float(answer.get("tolerance", 0.0))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
            raise ApsiError(
                f"juror.url={self.url} does not answer as a juror ({error}); "
                f"start one with {command()} task=serve_juror"
            ) from error

    def warm_up(self) -> None:
        _ = self.fingerprint

    def score(self, photos: Sequence[Photo]) -> Floats:
        self.warm_up()
        chunks = [photos[i : i + self.batch_size] for i in range(0, len(photos), self.batch_size)]
        if not chunks:
            return np.empty(0)
        with ThreadPoolExecutor(self.connections) as threads:
            return require_scores(np.concatenate(list(threads.map(self._ask, chunks))), self)

    @cached_property
    def _client(self) -> Any:
        try:
            import httpx
        except ImportError as error:
            raise ApsiError("juror=http needs httpx: pip install 'apsi[serve]'") from error
        return httpx.Client(base_url=self.url, timeout=self.timeout, headers=headers(token_from_environment()))

    def _ask(self, photos: Sequence[Photo]) -> Floats:
        import httpx

        body, wait, deadline = pack_photos(photos), 0.1, time.monotonic() + self.patience
        while True:
            try:
                response = self._client.post("/score", content=body, headers={"Content-Type": MEDIA_TYPE})
                if response.status_code == 200:
                    return self._read(response.json(), len(photos))
                said = f"it answers {response.status_code}: {_detail(response)}"
                if response.status_code != 503:
                    raise ApsiError(f"juror.url={self.url} can't score: {said}")
                pause = min(float(response.headers.get("Retry-After", wait)), self.patience)
            except (httpx.TransportError, ValueError, KeyError) as error:  # lost, restarted, or cut off in its answer
                said, pause = f"{type(error).__name__}: {error}", wait
            if time.monotonic() + pause > deadline:
                raise ApsiError(
                    f"juror.url={self.url} did not score for juror.patience={self.patience:g} s, last: {said}"
                )
            time.sleep(pause)
            wait = min(2 * wait, 2.0)

    def _read(self, answer: dict[str, Any], n: int) -> Floats:
        if f"http-{answer['fingerprint']}" != self.fingerprint:
            raise ApsiError(
                f"juror.url={self.url} now serves {answer['fingerprint']}, it began as "
                f"{self.fingerprint.removeprefix('http-')}; scores of two jurors don't mix"
            )
        if len(answer["scores"]) != n:
            raise ApsiError(f"juror.url={self.url} gave {len(answer['scores'])} scores for {n} photos")
        return np.array(answer["scores"], dtype=np.float64)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_client"}


def _detail(response: Any) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return str(response.text[:200])
