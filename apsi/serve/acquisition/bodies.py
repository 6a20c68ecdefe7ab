"""What clients ask for."""

from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

_SHA256 = r"^[0-9a-fA-F]{64}$"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str | None, Field(validation_alias=AliasChoices("name", "dataset_id", "target"))] = None
    """of the folder, below the service's own; None: made of the URL"""
    sha256: Annotated[str | None, Field(validation_alias=AliasChoices("sha256", "hash"), pattern=_SHA256)] = None

    @field_validator("sha256", mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        """`sha256:9d0b...` is the same as `9d0b...`."""
        return value.removeprefix("sha256:").lower() if isinstance(value, str) else value


class AcquisitionBody(_Body):
    """`POST /v1/acquisition`."""

    type: str
    url: Annotated[str, Field(min_length=1, max_length=4096, validation_alias=AliasChoices("url", "resource", "path"))]


class CopyBody(_Body):
    """`POST /v1/copy`."""

    type: Literal["acquired", "local_resource"] = "acquired"
    source: Annotated[str, Field(min_length=1, max_length=4096, validation_alias=AliasChoices("source", "url", "path"))]
    """the name of what was acquired, or a path below a root of local resources"""
    name: Annotated[str, Field(validation_alias=AliasChoices("name", "dataset_id", "target"))]
