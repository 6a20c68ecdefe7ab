"""Types that say their limits; a configuration is held against them before anything runs."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, PositiveFloat, PositiveInt

Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1)]
PositiveFraction: TypeAlias = Annotated[float, Field(gt=0, le=1)]
Dropout: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
"""share that is left out while learning"""
Seconds: TypeAlias = PositiveFloat
Seed: TypeAlias = Annotated[int, Field(ge=0, lt=2**32)]
BatchSize: TypeAlias = PositiveInt | Literal["auto"]
"""photos at a time; `auto`: what is fastest here"""
MemoryFormat: TypeAlias = Literal["auto", "contiguous", "channels_last"]
