"""The limits that types say are the ones that values are held against."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from apsi.types import BatchSize, Fraction, PositiveFraction, Seconds, Seed


@pytest.mark.parametrize(
    ("kind", "allowed", "refused"),
    [
        (Fraction, [0.0, 0.5, 1.0], [-0.001, 1.001]),
        (PositiveFraction, [0.001, 1.0], [0.0, 1.001]),
        (Seconds, [0.001, 1e6], [0.0, -1.0]),
        (Seed, [0, 2**32 - 1], [-1, 2**32]),
        (BatchSize, [1, 512, "auto"], [0, "fast"]),
    ],
)
def test_limits(kind: Any, allowed: list[object], refused: list[object]) -> None:
    adapter = TypeAdapter(kind)
    assert [adapter.validate_python(value) for value in allowed] == allowed
    for value in refused:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)
