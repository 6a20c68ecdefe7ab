"""No run is reported to the makers of MLflow."""

import pytest
from mlflow.telemetry import utils

import apsi.tracking  # noqa: F401 - whoever uses MLflow imports it


def test_mlflow_is_told_not_to_report_its_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils, "_IS_IN_CI_ENV_OR_TESTING", False)  # where it would not report anyway
    assert utils.is_telemetry_disabled()
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    assert not utils.is_telemetry_disabled(), "it is this that the setting keeps it from"
