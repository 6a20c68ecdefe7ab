"""HTTP servers that break off, lie and change their minds, each in a thread of the test."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that can't be compressed."""
    return np.random.default_rng(seed).bytes(size)


@dataclass
class File:
    """A file behind HTTP, and how its server behaves."""

    data: bytes
    etag: str | None = '"one"'
    modified: str | None = None
    ranges: bool = True
    """whether it knows Range"""
    cuts: list[int] = field(default_factory=list)
    """offsets in the file; at each, once, the connection breaks"""
    length: int | None = None
    """a Content-Length that is not true"""
    chunked: bool = False
    shift: int = 0
    """how far off the ranges are that it sends"""
    keeps_etag: bool = False
    """ignores If-Range, and sends a part of what it has now"""
    status: list[int] = field(default_factory=list)
    """answers before it is willing"""
    headers: dict[str, str] = field(default_factory=dict)
    location: str | None = None
    sent: int = 0
    """bytes"""
    requests: list[dict[str, str]] = field(default_factory=list)
    """headers of each"""
    busy_after_cut: bool = False
    """whether it answers 503 once a connection has broken"""
    was_cut: bool = False

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        file: File | None = self.server.files.get(self.path)
        if file is None:
            self.send_error(404)
            return
        file.requests.append({name.lower(): value for name, value in self.headers.items()})
        if file.status:
            self._answer(file.status.pop(0), {"Content-Length": "0", **file.headers})
            return
        if file.was_cut and file.busy_after_cut:
            self._answer(503, {"Content-Length": "0"})
            return
        if file.location is not None:
            self._answer(302, {"Location": file.location, "Content-Length": "0"})
            return
        self._send(file)

    def _send(self, file: File) -> None:
        start, asked = 0, re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        condition = self.headers.get("if-range")
        same = condition in (None, file.etag, file.modified) or file.keeps_etag
        if asked and file.ranges and same:
            start = int(asked[1])
        total = len(file.data)
        if start >= total and total:
            self._answer(416, {"Content-Range": f"bytes */{total}", "Content-Length": "0"})
            return
        headers = {"ETag": file.etag, "Last-Modified": file.modified, **file.headers}
        if start:
            first = start + file.shift
            headers["Content-Range"] = f"bytes {first}-{total - 1}/{total}"
        if file.chunked:
            headers["Transfer-Encoding"] = "chunked"
        else:
            headers["Content-Length"] = str((total if file.length is None else file.length) - start)
        self._answer(206 if start else 200, {name: value for name, value in headers.items() if value is not None})
        end = next((cut for cut in sorted(file.cuts) if cut > start), total)
        for at in range(start, end, 2**16):
            data = file.data[at : min(at + 2**16, end)]
            file.sent += len(data)
            try:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if file.chunked else data)
            except OSError:
                self.close_connection = True
                return
        if end < total or (file.length or 0) > total:
            if end in file.cuts:
                file.cuts.remove(end)
            file.was_cut = True
            self.close_connection = True
        elif file.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Files:
    """The files of one server, by path."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}"
        self._files: dict[str, File] = {}
        server.files = self._files  # type: ignore[attr-defined]

    def add(self, path: str, data: bytes, **behaviour: Any) -> tuple[str, File]:
        """A further file, and its URL."""
        self._files[path] = File(data, **behaviour)
        return f"{self.url}{path}", self._files[path]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients of these tests go away in the middle."""


@contextmanager
def serving() -> Iterator[Files]:
    """A server on a free port."""
    server = _Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Files(server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
