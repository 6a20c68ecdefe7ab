"""The address at which Prometheus reads: who gets an answer, how it is found, what happens where it can't be had."""

import json
import socket
from pathlib import Path

import httpx
import pytest

from apsi.access_token import METRICS_VARIABLE
from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.monitoring.exporter import TARGETS, exported
from apsi.tracking.run_folder import config_key
from tests.command_line import Place

TOKEN = "0123456789abcdef"


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(METRICS_VARIABLE, raising=False)


def found(folder: Path) -> list[str]:
    """Addresses that Prometheus would read."""
    files = (folder / TARGETS).glob("*.json")
    return [target for file in files for group in json.loads(file.read_text()) for target in group["targets"]]


def get(address: str, path: str = "/metrics", **headers: str) -> httpx.Response:
    return httpx.get(f"http://{address}{path}", headers=headers)


def test_it_is_found_by_its_file_and_gone_with_the_block(tmp_path: Path) -> None:
    with exported("127.0.0.1", 0, tmp_path, tmp_path / "data"):
        (address,) = found(tmp_path)
        answer = get(address)
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        for name in ("apsi_train_steps_total", "apsi_build_info{", "apsi_process_memory_bytes{", "process_cpu_seconds"):
            assert name in answer.text
        assert get(address, "/healthz").text == "ok\n"
        assert get(address, "/../etc/passwd").status_code == get(address, "/").status_code == 404
        assert httpx.post(f"http://{address}/metrics").status_code == 501
    assert found(tmp_path) == []
    with pytest.raises(httpx.ConnectError):
        get(address)


def test_without_a_port_nothing_listens(tmp_path: Path) -> None:
    with exported("127.0.0.1", None, tmp_path, tmp_path):
        assert not list(tmp_path.iterdir())


def test_a_run_within_another_has_the_address_of_that_one(tmp_path: Path) -> None:
    with exported("127.0.0.1", 0, tmp_path, tmp_path):
        before = found(tmp_path)
        with exported("127.0.0.1", int(before[0].rpartition(":")[2]), tmp_path, tmp_path):
            assert found(tmp_path) == before
        assert get(before[0]).status_code == 200


def test_the_file_of_a_process_that_was_killed_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / TARGETS
    folder.mkdir()
    host = socket.gethostname()
    killed = [{"targets": ["127.0.0.1:1"], "labels": {"__meta_process": "999999999 1.0 1.0"}}]
    (folder / f"{host}-1.json").write_text(json.dumps(killed))
    (folder / f"{host}-2.json").write_text("half")
    (folder / "elsewhere-3.json").write_text(json.dumps(killed))  # whether that one lives can't be told from here
    with exported("127.0.0.1", 0, tmp_path, tmp_path):
        assert len(list(folder.glob(f"{host}-*.json"))) == 1
        assert (folder / "elsewhere-3.json").exists()


def test_a_port_in_use_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(ApsiError, match=rf"metrics_port={port} .*metrics_port=0"),
            exported("127.0.0.1", port, tmp_path, tmp_path),
        ):
            pass
    assert not list(tmp_path.iterdir())


def test_another_host_needs_a_token_and_then_asks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ApsiError, match=f"metrics_host=0.0.0.0 .*{METRICS_VARIABLE}"):
        exported("0.0.0.0", 0, tmp_path, tmp_path).__enter__()
    monkeypatch.setenv(METRICS_VARIABLE, TOKEN)
    with exported("0.0.0.0", 0, tmp_path, tmp_path):
        (address,) = found(tmp_path)
        assert address.startswith("127.0.0.1:")
        for headers in ({}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": TOKEN}):
            refused = get(address, **headers)
            assert refused.status_code == 401 and "apsi_" not in refused.text
            assert get(address, "/healthz", **headers).status_code == 401
        assert get(address, Authorization=f"Bearer {TOKEN}").status_code == 200


def test_a_port_that_is_none_is_refused_by_its_name() -> None:
    for port in (-1, 65536):
        with pytest.raises(ApsiError, match=f"metrics_port={port}"):
            from apsi.config.schema import Config

            Config(*[{}] * 15, metrics_port=port)  # type: ignore[arg-type]


def test_watching_a_run_does_not_make_it_another_one() -> None:
    alone, watched = load_config(["tracking=none"]), load_config(["tracking=none", "metrics_port=0"])
    assert config_key(alone) == config_key(watched)


def test_a_run_whose_port_is_in_use_ends_before_anything_is_begun(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "data")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        place.run("task=train", f"metrics_port={port}").failed(f"metrics_port={port}", "metrics_port=0")
    assert not list(place.outputs.rglob("run.json")) and not place.data.exists()
