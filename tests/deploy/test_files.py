"""What deploy/ names exists: services, settings, variables, ports, files, metrics. No image is built here."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import PROCESS_COLLECTOR

from apsi.acquire.local import Local
from apsi.config.compose import load_config
from apsi.config.instantiate import check
from apsi.monitoring.machine import Machine
from apsi.monitoring.metrics import Metrics, described
from apsi.serve.acquisition.jobs import Jobs
from apsi.serve.acquisition.metrics import AcquisitionMetrics
from apsi.serve.acquisition.runner import Runner
from apsi.serve.admission import Admission
from apsi.serve.metrics import ServingMetrics
from tests.command_line import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = dict(
    re.sub(r"\s+#.*", "", line).split("=", 1)
    for line in (DEPLOY / ".env.example").read_text(encoding="utf-8").splitlines()
    if "=" in line and not line.startswith("#")
)
OWN = [
    name for name, service in SERVICES.items() if service["image"].startswith("apsi:") and "entrypoint" not in service
]


def run(*command: object) -> None:
    """Runs a checker; skips the test where it is not installed."""
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def filled_in(text: str) -> str:
    """With the values that .env.example gives."""
    return re.sub(r"\$\{(\w+)(?::[-?][^}]*)?\}", lambda found: EXAMPLE[found[1]], text)


@pytest.mark.parametrize("name", ["compose.yaml", "compose.cuda.yaml"])
def test_compose_files_follow_their_schema(name: str) -> None:
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / name)


def test_the_dockerfile_has_nothing_that_a_linter_minds() -> None:
    run("hadolint", DEPLOY / "Dockerfile")


def test_there_are_the_services_that_the_page_names() -> None:
    assert {"postgres", "mlflow", "juror", "acquisition", "studio", "train", "prometheus", "grafana"} == set(SERVICES)
    assert set(yaml.safe_load((DEPLOY / "compose.cuda.yaml").read_text())["services"]) <= set(SERVICES)
    assert OWN == ["juror", "acquisition", "studio", "train"]


@pytest.mark.parametrize("name", OWN)
def test_each_command_is_one_that_apsi_takes(name: str) -> None:
    overrides = [filled_in(argument) for argument in SERVICES[name]["command"]]
    check(load_config(overrides))


def test_variables_are_in_the_example_and_those_of_apsi_are_read_by_it() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{(\w+)", text)) | set(re.findall(r"environment: (\w+)\}", text))
    assert used == set(EXAMPLE)
    code = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "apsi").rglob("*.py"))
    given = {key for name in OWN for key in SERVICES[name]["environment"]}
    assert len(given) >= 3
    assert not [name for name in given if f'"{name}"' not in code]
    assert not any(EXAMPLE[name] for name in EXAMPLE if "TOKEN" in name or "PASSWORD" in name)


def ports_within(service: dict[str, Any]) -> set[str]:
    """Ports at which the processes of a service listen, as their settings say."""
    told = " ".join(map(str, service.get("command", ())))
    return set(re.findall(r"(?:task\.port|metrics_port|--port)=(\d+)", told))


def test_ports_are_published_to_this_machine_only_and_are_those_that_are_listened_at() -> None:
    published = {}
    for name, service in SERVICES.items():
        for port in service.get("ports", ()):
            host, outside, inside = port.split(":")
            assert host == "127.0.0.1", port
            published[name] = int(outside)
            if name in (*OWN, "mlflow"):
                assert inside in ports_within(service), name
    assert published["grafana"] == 5030 and published["acquisition"] == 8500
    assert len(set(published.values())) == len(published)


def test_what_other_containers_reach_asks_for_a_token() -> None:
    for name in OWN:
        command, environment = SERVICES[name]["command"], SERVICES[name]["environment"]
        if any("task.host=0.0.0.0" in word for word in command):
            assert [v for v in environment if v.endswith("_TOKEN") and v != "APSI_METRICS_TOKEN"], name
        if any("metrics_host=0.0.0.0" in word for word in command):
            assert "APSI_METRICS_TOKEN" in environment, name


def test_prometheus_reads_services_at_their_ports_with_tokens_that_it_is_given() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    reached = set()
    for job in config["scrape_configs"]:
        for target in (target for group in job["static_configs"] for target in group["targets"]):
            name, port = target.split(":")
            if name != "127.0.0.1":
                assert port in ports_within(SERVICES[name]), target
                reached.add(name)
                secret = job["authorization"]["credentials_file"].removeprefix("/run/secrets/")
                assert secret in SERVICES["prometheus"]["secrets"]
                assert COMPOSE["secrets"][secret]["environment"] in SERVICES[name]["environment"]
    assert reached == set(OWN)
    run("promtool", "check", "config", "--syntax-only", DEPLOY / "prometheus" / "prometheus.yml")


def test_files_volumes_and_secrets_are_there() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            source = filled_in(volume).partition(":")[0]
            if source.startswith("./") and source != EXAMPLE["PHOTOS"]:
                assert (DEPLOY / source).exists(), f"{name}: {volume}"
            elif not source.startswith("./"):
                assert source in COMPOSE["volumes"], f"{name}: {volume}"
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"]), name
        assert ("healthcheck" in service) or name == "train", name  # which has the image's own


def test_the_image_copies_what_exists_and_is_not_left_out() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    kept = {
        line.removeprefix("!") for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line[0] == "!"
    }
    copied = [
        word for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE) for word in line.split()[:-1]
    ]
    assert len(copied) >= 8
    for name in copied:
        assert (REPOSITORY / name).exists() and name in kept, name
    assert set(re.findall(r" AS (\w+)$", dockerfile, re.MULTILINE)) >= {"cpu", "cuda"}
    assert "USER 10001" in dockerfile and "HEALTHCHECK" in dockerfile
    health = {
        str(service["healthcheck"]["test"][2])
        for service in SERVICES.values()
        if "python" in service.get("healthcheck", {}).get("test", ())
    }
    assert health == {"/opt/health.py"}


def test_the_image_installs_what_apsi_needs_in_fixed_versions() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (DEPLOY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    extras = re.findall(r"\w+", lines[0].partition(" with ")[2])
    assert len(extras) >= 8
    wanted = [*project["dependencies"], *(r for extra in extras for r in project["optional-dependencies"][extra])]
    assert sorted({re.match(r"[\w.-]+(\[\w+\])?", r)[0] for r in wanted}, key=str.lower) == lines[1:]  # type: ignore[index]
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (REPOSITORY / "constraints.txt").read_text().splitlines()
    }
    assert not {line.partition("[")[0].lower().replace("_", "-") for line in lines[1:]} - pinned


def boards() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in (DEPLOY / "grafana" / "dashboards").glob("*.json")}


def test_dashboards_ask_for_metrics_that_there_are(tmp_path: Path) -> None:
    metrics = Metrics()
    ServingMetrics(Admission(1, 1), metrics)
    jobs = Jobs(tmp_path / "jobs")
    runner = Runner(jobs, tmp_path, {}, Local(roots=[], max_gigabytes=1, max_files=1, max_ratio=1, max_depth=1), 1)
    AcquisitionMetrics(jobs, runner, 1, metrics)
    metrics.registry.register(Machine({}))
    metrics.registry.register(PROCESS_COLLECTOR)
    try:
        known = set(described(metrics.registry))
    finally:
        metrics.registry.unregister(PROCESS_COLLECTOR)
    known |= {f"{name}_{part}" for name in known for part in ("bucket", "sum", "count")} | {"apsi_build_info"}
    asked = 0
    for name, board in boards().items():
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids) and board["uid"] == f"apsi-{name}"
        for panel in board["panels"]:
            for target in panel["targets"]:
                for metric in re.findall(r"\b(?:apsi|process)_\w+", re.sub(r'"[^"]*"', "", target["expr"])):
                    asked += 1
                    assert metric in known, f"{name}: {metric}"
    assert asked >= 50


def test_dashboards_are_found_by_grafana_with_the_source_that_they_name() -> None:
    source = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text())["datasources"][0]
    provider = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/apsi.yaml").read_text())["providers"][0]
    assert any(volume.endswith(f"{provider['options']['path']}:ro") for volume in SERVICES["grafana"]["volumes"])
    host, port = source["url"].removeprefix("http://").split(":")
    assert host in SERVICES and f"127.0.0.1:{port}:{port}" in SERVICES[host]["ports"]
    assert set(boards()) == {"training", "search", "juror", "acquisition", "machine"}
    for board in boards().values():
        assert {panel["datasource"]["uid"] for panel in board["panels"]} == {source["uid"]}
