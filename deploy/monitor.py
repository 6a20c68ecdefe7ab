"""Prometheus on this machine, reading every apsi process that was started with metrics_port.

It finds them by the files that they leave in `<output_dir>/metrics/`, listens on loopback only and keeps its data in a
folder of its own. `panels.html` there leads to each panel of the dashboards in deploy/grafana. Ctrl-C ends it.

    python deploy/monitor.py [--output-dir outputs] [--folder outputs/prometheus] [--port 9090]
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import urlencode

import yaml

from apsi.access_token import METRICS_VARIABLE, token_from_environment
from apsi.errors import ApsiError
from apsi.monitoring.exporter import TARGETS

DASHBOARDS = Path(__file__).parent / "grafana" / "dashboards"
_PATIENCE = 60.0  # seconds until Prometheus must answer
_EVERY = "2s"
VARIABLES = {"$__rate_interval": "30s", "$instance": ".+"}
"""What Grafana puts into queries"""


def queries() -> Iterator[tuple[str, str, str]]:
    """Dashboard, panel and query of every panel, as Prometheus takes it."""
    for path in sorted(DASHBOARDS.glob("*.json")):
        board = json.loads(path.read_text(encoding="utf-8"))
        for panel in board["panels"]:
            for target in panel["targets"]:
                expression = target["expr"]
                for name, value in VARIABLES.items():
                    expression = expression.replace(name, value)
                yield path.stem, panel["title"], expression


def configuration(output_dir: Path, folder: Path) -> str:
    """What Prometheus reads; a token stands in a file that only this user may read."""
    job: dict[str, object] = {
        "job_name": "runs",
        "file_sd_configs": [{"files": [str(output_dir.resolve() / TARGETS / "*.json")], "refresh_interval": _EVERY}],
    }
    token = token_from_environment(METRICS_VARIABLE)
    if token is not None:
        secret = folder / "token"
        secret.unlink(missing_ok=True)
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token)
        job["authorization"] = {"credentials_file": str(secret.resolve())}
    return yaml.safe_dump({"global": {"scrape_interval": _EVERY}, "scrape_configs": [job]})


def page(address: str) -> str:
    """Links to the panels' queries."""
    rows = []
    for board, panel, query in queries():
        link = f"{address}/graph?{urlencode({'g0.expr': query, 'g0.tab': 0, 'g0.range_input': '15m'})}"
        rows.append(f'<li>{escape(board)}: <a href="{escape(link)}">{escape(panel)}</a></li>')
    return f'<!doctype html><meta charset="utf-8"><title>apsi in Prometheus</title><ul>{"".join(rows)}</ul>\n'


def run(output_dir: Path, folder: Path, port: int) -> int:
    """Runs Prometheus until it is told to stop; returns its exit code.

    Raises:
        ApsiError: it is not installed, the port is in use, or it does not start.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise ApsiError("there is no program prometheus here: apt-get install prometheus, or that of another system")
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise ApsiError(f"--port={port} can't be used ({error}); choose another one") from error
    folder.mkdir(parents=True, exist_ok=True)
    config, log = folder / "prometheus.yml", folder / "prometheus.log"
    config.write_text(configuration(output_dir, folder), encoding="utf-8")
    address = f"http://127.0.0.1:{port}"
    (folder / "panels.html").write_text(page(address), encoding="utf-8")
    command = [program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stderr=file)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _wait(address, process, log)
        print(f"Prometheus:  {address}")
        print(f"Panels:      {folder / 'panels.html'}")
        print(f"It reads:    {output_dir / TARGETS}/*.json; start runs with metrics_port=0")
        print("Ctrl-C ends it.", flush=True)
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        process.terminate()
        process.wait()


def _wait(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/-/ready", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    said = log.read_text(encoding="utf-8").splitlines()[-3:]
    raise ApsiError(f"Prometheus does not start: {' / '.join(said)}; all of it is in {log}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output-dir", type=Path, default=Path("outputs"))
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--port", type=int, default=9090)
    options = parser.parse_args()
    try:
        sys.exit(run(options.output_dir, options.folder or options.output_dir / "prometheus", options.port))
    except ApsiError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
