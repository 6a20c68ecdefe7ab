"""The command line before Hydra reads it."""

import subprocess
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from apsi.arguments import config_dir, prepare
from apsi.errors import ApsiError
from apsi.installation import CONFIG_DIR

AWKWARD = "Grün, 2024/it's=[1]"


@pytest.mark.parametrize(
    "key",
    [
        "dataset.path",
        "crops.root",
        "crops.annotations",
        "juror.head",
        "second_juror.path",
        "second_juror.url",
        "juror.jurors.onnx.path",
        "second_juror.jurors.laion.tower",
    ],
)
def test_places_may_be_typed_as_they_are(key: str) -> None:
    (prepared,) = prepare([f"{key}={AWKWARD}"])
    assert OverridesParser.create().parse_override(prepared).value() == AWKWARD


@pytest.mark.parametrize(
    "mapping", ["groups={ppo:[runs/a,runs/b],dqn:[runs/c]}", "feature_extractor.unfreeze={layer4:2,layer3:4}"]
)
def test_braces_that_the_shell_took_apart_are_shown_whole_and_quoted(mapping: str) -> None:
    words = subprocess.run(["bash", "-c", f"printf '%s\\n' {mapping}"], capture_output=True, text=True, check=True)
    with pytest.raises(ApsiError, match="the shell has taken the braces apart") as caught:
        prepare(["task=compare", *words.stdout.splitlines()])
    assert f"in single quotes: '{mapping}'" in str(caught.value)


def test_a_value_that_is_given_twice_is_no_mapping() -> None:
    twice = ["tracking.mlflow.uri=http://a:1", "tracking.mlflow.uri=http://b:1", "seed=1", "seed=2"]
    assert prepare(twice) == twice


def test_what_is_no_text_is_left_to_hydra() -> None:
    arguments = [
        "juror.mapping.worst=1,2",
        "second_juror.batch_size=[1]",
        "juror=onnx,nima",
        "--multirun",
        "--config-d",
    ]
    assert prepare(arguments) == arguments


@pytest.mark.parametrize("flag", ["--experimental-rerun", "--exp=x.pickle"])
def test_a_pickled_configuration_is_not_read(flag: str) -> None:
    with pytest.raises(ApsiError, match="task=rerun"):
        prepare([flag, "x.pickle"])


@pytest.mark.parametrize(
    "form", [["--config-dir", "mine"], ["--config-dir=mine"], ["-cd", "mine"], ["--config-di=mine"]]
)
def test_a_folder_of_own_options_is_found_from_here_however_it_is_given(
    form: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    prepared = prepare(["seed=1", *form, "algo=dqn"])
    assert prepared == ["seed=1", f"--config-dir={tmp_path / 'mine'}", "algo=dqn"]
    assert config_dir(prepared) == tmp_path / "mine" and config_dir(["seed=1"]) is None
    monkeypatch.setenv("HOME", str(tmp_path))
    assert prepare(["--config-dir=~/mine"]) == [f"--config-dir={tmp_path / 'mine'}"]


def test_a_relative_config_path_starts_beside_run_py_or_with_apsi_in_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["run.py"])
    assert prepare(["--config-path=conf"]) == [f"--config-path={CONFIG_DIR}"]
    monkeypatch.setattr("sys.argv", ["/usr/bin/apsi"])
    assert prepare(["-cp", "conf"]) == [f"--config-path={tmp_path / 'conf'}"]


FILES = {
    "no YAML": (b"price: [1", r"mine\.yaml is not valid YAML: (.|\n)*line 1, column 8(.|\n)*Correct it"),
    "no text": (b"price: \xff", r"mine\.yaml is not UTF-8 text .*byte 7.*save it"),
    "no interpolation": (b"price: ${seed", r"mine\.yaml: .*'\$\{seed'; correct it"),
}


@pytest.mark.parametrize("trusted", [[], ["trust_checkpoint=true"]], ids=["theirs", "trusted"])
@pytest.mark.parametrize(("content", "message"), FILES.values(), ids=FILES.keys())
def test_an_own_option_that_cannot_be_read_is_named_with_what_to_do(
    content: bytes, message: str, trusted: list[str], tmp_path: Path
) -> None:
    (tmp_path / "reward").mkdir()
    (tmp_path / "reward" / "mine.yaml").write_bytes(content)
    with pytest.raises(ApsiError, match=message):
        prepare([f"--config-dir={tmp_path}", "reward=mine", *trusted])


@pytest.mark.parametrize(("folder", "message"), [("no", "does not exist"), ("a.yaml", "is no folder"), ("", "needs a")])
def test_what_is_no_folder_of_own_options_is_told_how_one_looks(
    folder: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yaml").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ApsiError, match=rf"{message}.*reward=mine is FOLDER/reward/mine\.yaml"):
        prepare([f"--config-dir={folder}"])
