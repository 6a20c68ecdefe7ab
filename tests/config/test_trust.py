"""Attacks by way of configurations in files: secrets, places and programs that the command line never named."""

import re
import stat
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import DictConfig, OmegaConf

from apsi.agent.checkpoint import ACTIONS, CONFIG, STATE, read_checkpoint
from apsi.config.compose import load_config
from apsi.config.trust import is_own, require_trusted_presets, signed
from apsi.errors import ApsiError
from apsi.main import command_line
from apsi.task.rerun import rerun
from apsi.tracking.none import NoTracker
from apsi.tracking.recorded import RecordedRun
from apsi.tracking.run_folder import RunFolder

URL = "http://collector.example:8765"
HTTP = ["juror=http", f"juror.url={URL}"]


def checkpoint(path: Path, config: dict[str, Any] | str, own: bool = False) -> Path:
    """A checkpoint with this configuration, as far as it is read before anything is built."""
    text = config if isinstance(config, str) else yaml.safe_dump(config)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in ((CONFIG, signed(text) if own else text), (ACTIONS, "[]"), (STATE, "{}")):
            archive.writestr(name, content)
    return path


@cache
def _composed(*overrides: str) -> DictConfig:
    return load_config(list(overrides))


def saved(*overrides: str) -> dict[str, Any]:
    """A configuration as a checkpoint holds it."""
    content = OmegaConf.to_container(_composed(*overrides), resolve=True)
    assert isinstance(content, dict)
    return content  # type: ignore[return-value]  # its keys are texts


def refusal(*overrides: str) -> str:
    with pytest.raises(ApsiError) as refused:
        load_config(list(overrides))
    return str(refused.value)


@pytest.mark.parametrize("value", ["${oc.env:SECRET}", "a${oc.decode:1}", "${data_dir}"])
def test_an_interpolation_in_a_checkpoint_is_refused_by_key_and_value_and_never_resolved(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    config = saved() | {"second_juror": {"_target_": "apsi.juror.http.HttpJuror", "url": value}}
    path = checkpoint(tmp_path / "c.zip", config)
    for trust in ("false", "true"):
        said = refusal("task=evaluate", f"checkpoint={path}", f"trust_checkpoint={trust}")
        assert f"second_juror.url={value} is an interpolation" in said and "hunter2" not in said
    with pytest.raises(ApsiError, match="is an interpolation"):
        read_checkpoint(path)  # as the MLflow model and resume do


def test_an_interpolation_in_a_key_is_refused(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "c.zip", saved() | {"policy": {"${oc.env:SECRET}": {"a": 1}}})
    with pytest.raises(ApsiError, match=r"policy\.\$\{oc\.env:SECRET\}.*is an interpolation"):
        read_checkpoint(path)


def test_a_juror_on_another_host_is_named_with_what_would_be_sent_there(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "c.zip", saved(*HTTP))
    said = refusal("task=evaluate", f"checkpoint={path}")
    assert f"juror.url={URL}: apsi would connect to it and send it your photos" in said
    assert str(path) in said and said.endswith("add trust_checkpoint=true")
    assert load_config(["task=evaluate", f"checkpoint={path}", "trust_checkpoint=true"]).juror.url == URL


@pytest.mark.parametrize(
    ("brought", "key"),
    [
        (["juror=onnx", "juror.path=model.onnx"], "juror.path=model.onnx"),
        (["juror=laion", "juror.head=/etc/passwd"], "juror.head=/etc/passwd"),
        (["juror=siglip_v2_5", "juror.head=h.pth"], "juror.tower=google/siglip-so400m-patch14-384"),
        (["juror=mix", "juror.jurors.onnx.path=m.onnx"], "juror.jurors.onnx.path=m.onnx"),
        (["juror@second_juror=http", "second_juror.url=collector:80"], "second_juror.url=collector:80"),
        (["dataset=folder", "dataset.path=../other"], "dataset.path=../other"),
        (["crops=csv", "crops.root=photos", "crops.annotations=c.csv"], "crops.annotations=c.csv"),
        (["crops=csv", "crops.root=photos", "crops.annotations=c.csv"], "crops.root=photos"),
    ],
)
def test_every_place_that_a_checkpoint_brings_is_named(brought: list[str], key: str, tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "c.zip", saved(*brought))
    assert f"{key}: apsi would" in refusal("task=evaluate", f"checkpoint={path}")
    assert f"{key}: apsi would" in refusal("task=train", f"resume={path}")


def test_a_checkpoint_cannot_confirm_itself_nor_choose_where_runs_are_recorded(tmp_path: Path) -> None:
    config = saved(*HTTP) | {"trust_checkpoint": True, "data_dir": "/etc", "output_dir": "/etc"}
    config["tracking"] = {"_target_": "apsi.tracking.mlflow.Mlflow", "uri": URL}
    path = checkpoint(tmp_path / "c.zip", config)
    said = refusal("task=evaluate", f"checkpoint={path}")
    assert "juror.url" in said and "/etc" not in said
    loaded = load_config(["task=evaluate", f"checkpoint={path}", "trust_checkpoint=true"])
    assert "/etc" not in (loaded.data_dir, loaded.output_dir) and loaded.tracking.mlflow.uri != URL


def test_what_the_command_names_needs_no_confirmation(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "c.zip", saved("dataset=folder", f"dataset.path={tmp_path}/theirs"))
    mine = ["dataset=folder", f"dataset.path={tmp_path}/mine"]
    assert load_config(["task=evaluate", f"checkpoint={path}", *mine]).dataset.path == f"{tmp_path}/mine"
    same = ["dataset=folder", f"dataset.path={tmp_path}/theirs"]
    assert load_config(["task=evaluate", f"checkpoint={path}", *same])


def test_a_checkpoint_without_places_needs_no_confirmation(tmp_path: Path) -> None:
    assert load_config(["task=evaluate", f"checkpoint={checkpoint(tmp_path / 'c.zip', saved())}"])


def test_a_checkpoint_made_here_needs_no_confirmation_unless_it_was_altered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = yaml.safe_dump(saved("dataset=folder", "dataset.path=/photos"))
    path = checkpoint(tmp_path / "own.zip", text, own=True)
    assert read_checkpoint(path).is_own
    assert load_config(["task=evaluate", f"checkpoint={path}"]).dataset.path == "/photos"
    altered = checkpoint(tmp_path / "altered.zip", signed(text).replace("/photos", "/secret"))
    assert "dataset.path=/secret" in refusal("task=evaluate", f"checkpoint={altered}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another user"))
    assert "dataset.path=/photos" in refusal("task=evaluate", f"checkpoint={path}")


def test_the_key_is_for_the_user_alone_and_its_absence_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert is_own(signed("a: 1\n")) and not is_own("a: 1\n") and not is_own("a: 1\n\n# made here: 00\n")
    assert stat.S_IMODE((tmp_path / "apsi" / "key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "apsi").iterdir()] == ["key"]
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert signed("a: 1\n") == "a: 1\n" and not is_own("a: 1\n\n# made here: 00\n")


def recorded(folder: Path, config: dict[str, Any]) -> list[str]:
    """The folder of a run from elsewhere, and what repeats it."""
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "run.json").write_text("{}")
    return ["task=rerun", f"run_id={folder}", "tracking=none", "device=cpu"]


def test_a_run_from_elsewhere_is_not_repeated_where_it_brings_places(tmp_path: Path) -> None:
    config = saved(*HTTP, "worker_pool=ray", "worker_pool.address=collector:6379", "data_dir=/etc/x")
    command = recorded(tmp_path / "run", config)
    mine = load_config(command)
    with pytest.raises(ApsiError) as refused:
        rerun(mine, RunFolder.create(tmp_path / "again", mine, command))
    for part in (f"juror.url={URL}", "worker_pool.address=collector:6379", "data_dir=/etc/x: apsi would write below"):
        assert part in str(refused.value)


def test_an_interpolation_in_a_recorded_run_is_refused(tmp_path: Path) -> None:
    recorded(tmp_path / "run", saved() | {"output_dir": "${oc.env:HOME}"})
    with pytest.raises(ApsiError, match=r"output_dir=\$\{oc.env:HOME\} is an interpolation"):
        RecordedRun(str(tmp_path / "run"), NoTracker()).config()


PRESETS = [
    ("dataset: {path: '${oc.env:SECRET}'}", r"dataset\.path=\$\{oc\.env:SECRET\} asks for what is outside"),
    (f"juror: {{url: '{URL}'}}", rf"juror\.url={URL}: apsi would connect to it and send it your photos"),
    ("hydra: {callbacks: {x: {_target_: os.system}}}", "changes Hydra itself"),
    ("defaults: [other@hydra.callbacks: x]", "changes Hydra itself"),
    ("defaults: [{override /hydra/job_logging: x}]", "changes Hydra itself"),
    (" # @package hydra.callbacks", "changes Hydra itself"),
    ("dataset: {q: oc.env, path: '${${dataset.q}:SECRET}'}", "asks for what is outside"),
    ("trust_checkpoint: true", "sets trust_checkpoint, which only the command line may"),
]


@pytest.mark.parametrize(
    "attack",
    [
        ["hydra.searchpath=[file://FOLDER]"],
        ["hydra.searchpath=['FOLDER']"],
        ["hydra[searchpath]=[file://FOLDER]"],
        ["hydra.searchpath=[pkg://foreign.conf]"],
        ["hydra.searchpath=[pkg://apsi/../foreign]"],
        ["--config-path", "FOLDER"],
        ["--config-path=FOLDER"],
        ["-cp", "pkg://foreign"],
        ["--config-pa", "FOLDER"],
    ],
    ids=" ".join,
)
def test_no_other_way_leads_to_presets_from_elsewhere(
    attack: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "evil.yaml").write_text("hydra: {callbacks: {x: {_target_: os.system}}}\n")
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["run.py", *(part.replace("FOLDER", str(tmp_path)) for part in attack)])
    with pytest.raises(SystemExit), command_line():
        pytest.fail("Hydra would read it")
    assert re.search(r"changes Hydra itself|foreign.* is no folder of presets", capsys.readouterr().err)


def test_own_and_harmless_folders_may_be_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").write_text("seed: 3\n")
    monkeypatch.setattr("signal.signal", lambda *_: None)
    for argument in (f"hydra.searchpath=[file://{tmp_path},pkg://hydra.conf,pkg://apsi]", "--config-path=conf"):
        monkeypatch.setattr("sys.argv", ["run.py", argument])
        with command_line():
            pass


@pytest.mark.parametrize(("preset", "message"), PRESETS)
def test_a_preset_from_elsewhere_is_refused_before_hydra_reads_it(
    preset: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "experiment").mkdir()
    path = tmp_path / "experiment" / "best.yaml"
    path.write_text(f"# @package _global_\nseed: 1\n{preset}\n")

    def start(*more: str) -> None:
        monkeypatch.setattr("sys.argv", ["run.py", "--config-dir", str(tmp_path), "experiment=best", *more])
        with command_line():
            pass

    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit):
        start()
    assert re.search(message, capsys.readouterr().err)
    start("trust_checkpoint=true")
    path.write_text(signed(path.read_text()))
    start()


def test_presets_behind_a_link_to_a_folder_are_looked_at(tmp_path: Path) -> None:
    """Hydra follows such links; one that leads back up must not be followed for ever."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "best.yaml").write_text("hydra: {callbacks: {}}")
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "experiment").symlink_to("../real")
    (tmp_path / "real" / "up").symlink_to("../presets")
    with pytest.raises(ApsiError, match="changes Hydra itself"):
        require_trusted_presets(tmp_path / "presets")
