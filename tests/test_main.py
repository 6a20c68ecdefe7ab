"""The command line before Hydra reads it."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from apsi.main import _quote, command_line

AWKWARD = "Grün, 2024/it's=[1]"


@pytest.mark.parametrize(
    "key",
    [
        "dataset.path",
        "juror.head",
        "second_juror.path",
        "second_juror.url",
        "juror.jurors.onnx.path",
        "second_juror.jurors.laion.tower",
    ],
)
def test_places_may_be_typed_as_they_are(key: str) -> None:
    assert OverridesParser.create().parse_override(_quote(f"{key}={AWKWARD}")).value() == AWKWARD


def test_what_is_no_text_is_left_to_hydra() -> None:
    for argument in ("juror.mapping.worst=1,2", "second_juror.batch_size=[1]", "juror=onnx,nima"):
        assert _quote(argument) == argument


@pytest.mark.parametrize("flag", ["--experimental-rerun", "--exp=x.pickle"])
def test_a_pickled_configuration_is_not_read(
    flag: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["run.py", flag, "x.pickle"])
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit), command_line():
        raise AssertionError("Hydra was asked")
    assert "task=rerun" in capsys.readouterr().err
