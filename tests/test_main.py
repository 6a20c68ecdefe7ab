"""The command line before Hydra reads it."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from apsi.main import _quote

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
