"""The address at which Prometheus reads the metrics of a run."""

import json
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from omegaconf import DictConfig
from prometheus_client import PROCESS_COLLECTOR

from apsi.access_token import METRICS_VARIABLE, is_allowed, require_token, token_from_environment
from apsi.errors import ApsiError
from apsi.monitoring.machine import Machine
from apsi.monitoring.metrics import CONTENT_TYPE, METRICS, Metrics
from apsi.photo.write import write_text
from apsi.process import identity, is_alive

log = logging.getLogger(__name__)

TARGETS = "metrics"
"""Folder in `output_dir` with a file for each process that can be read: Prometheus finds them there"""
_PATIENCE = 10  # seconds that a client may take to send its request
_serving: list["Exporter"] = []


class Exporter:
    """Answers `GET /metrics` and `/healthz` in threads of its own."""

    def __init__(self, host: str, port: int, token: str | None, metrics: Metrics) -> None:
        """Takes the address.

        Raises:
            ApsiError: it can't be had, or can be reached from other machines and there is no token.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET

        class Server(ThreadingHTTPServer):
            address_family = family
            daemon_threads = True

            def server_bind(self) -> None:
                self.socket.bind(self.server_address)  # without asking a name server who this is
                self.server_address = self.socket.getsockname()

        try:
            self._server = Server((host, port), _handler(token, metrics))
        except (OSError, OverflowError) as error:
            raise ApsiError(
                f"metrics_port={port} can't be used on metrics_host={host} ({error}); metrics_port=0 takes any free one"
            ) from error
        self.host, self.port = self._server.socket.getsockname()[:2]
        try:
            require_token(self.host, token, METRICS_VARIABLE, "metrics_host")
        except ApsiError:
            self._server.server_close()
            raise
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="apsi-metrics", daemon=True
        )

    @property
    def address(self) -> str:
        """Host and port, from this machine."""
        name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"[{name}]:{self.port}" if ":" in name else f"{name}:{self.port}"

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def close(self) -> None:
        """Answers no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def monitored(config: DictConfig) -> AbstractContextManager[None]:
    """`exported` as a configuration says."""
    output_dir, data_dir = (Path(config[name]).expanduser() for name in ("output_dir", "data_dir"))
    return exported(config.metrics_host, config.metrics_port, output_dir, data_dir)


@contextmanager
def exported(host: str, port: int | None, output_dir: Path, data_dir: Path) -> Iterator[None]:
    """Lets Prometheus read the metrics of this process during the block, where a port is given.

    Inside another such block, as the trials of a search in the process of the search are, that one's address stays.

    Args:
        host: address to listen at; one that other machines can reach needs a token.
        port: 0: any that is free; None: nobody reads them.
        output_dir: gets the file by which Prometheus finds this process.
        data_dir: of whose disk the room is told too.

    Raises:
        ApsiError: the address can't be had, or needs a token.
    """
    if port is None or _serving:
        yield
        return
    exporter = Exporter(host, port, token_from_environment(METRICS_VARIABLE), METRICS)
    machine = Machine({"output_dir": output_dir, "data_dir": data_dir})
    target = _announce(output_dir / TARGETS, exporter.address)
    METRICS.registry.register(machine)
    METRICS.registry.register(PROCESS_COLLECTOR)
    _serving.append(exporter)
    exporter.start()
    log.info("Metrics for Prometheus: http://%s/metrics", exporter.address)
    try:
        yield
    finally:
        _serving.remove(exporter)
        exporter.close()
        METRICS.registry.unregister(machine)
        METRICS.registry.unregister(PROCESS_COLLECTOR)
        target.unlink(missing_ok=True)


def _announce(folder: Path, address: str) -> Path:
    """Writes the file for this process, and removes those that killed ones left."""
    host = socket.gethostname()
    for left in folder.glob(f"{host}-*.json") if folder.is_dir() else ():
        try:
            process = json.loads(left.read_text(encoding="utf-8"))[0]["labels"]["__meta_process"].split()
            if not is_alive(*map(float, process)):
                left.unlink(missing_ok=True)
        except (OSError, ValueError, LookupError, TypeError):
            left.unlink(missing_ok=True)
    process = " ".join(map(repr, identity()))  # a label that Prometheus drops
    path = folder / f"{host}-{os.getpid()}.json"
    write_text(path, json.dumps([{"targets": [address], "labels": {"__meta_process": process}}]))
    return path


def _handler(token: str | None, metrics: Metrics) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE
        server_version, sys_version = "apsi", ""

        def do_GET(self) -> None:
            if not is_allowed(self.headers.get("Authorization", ""), token):
                self._answer(401, b"no token, or a wrong one\n", **{"WWW-Authenticate": "Bearer"})
            elif self.path == "/metrics":
                self._answer(200, metrics.text(), **{"Content-Type": CONTENT_TYPE})
            elif self.path == "/healthz":
                self._answer(200, b"ok\n")
            else:
                self._answer(404, b"/metrics is what there is\n")

        def _answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in ({"Content-Type": "text/plain"} | headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            log.debug(format, *args)

    return Handler
