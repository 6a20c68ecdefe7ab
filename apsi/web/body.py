"""What a page sends as JSON: never more than it may, and held against its model."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from apsi.web.shell import Refusal

_Model = TypeVar("_Model", bound=BaseModel)


async def body_of(request: Request, model: type[_Model], most: int) -> _Model:
    """The body of a request.

    Args:
        request: of a script.
        model: what it must hold.
        most: bytes that are read.

    Raises:
        Refusal: 413, it is longer; 422, it is something else.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise Refusal(413, "The request is too long.")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        wrong = ", ".join(str((*found["loc"], "JSON")[0]) for found in error.errors())
        raise Refusal(422, "The request is not understood: {wrong}.", wrong=wrong) from error
