"""What a client sends as JSON: never more than it may, nor longer than one waits, and held against its model."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from apsi.web.shell import Refusal

_SLOWEST = 20.0
"""seconds until a body has come"""
_Model = TypeVar("_Model", bound=BaseModel)


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """Waits in the block for what a client sends, but not for ever.

    Raises:
        Refusal: 408, it did not come.
    """
    try:
        async with asyncio.timeout(_SLOWEST):
            yield
    except TimeoutError as error:
        raise Refusal(
            408, "The request did not arrive within {most} seconds: try again.", most=f"{_SLOWEST:g}"
        ) from error


async def body_of(request: Request, model: type[_Model], most: int) -> _Model:
    """The body of a request.

    Args:
        request: of a script or program.
        model: what it must hold.
        most: bytes that are read.

    Raises:
        Refusal: 408, it does not come; 413, it is longer; 422, it is something else.
        ClientDisconnect: nobody is there any more who sends it.
    """
    body = b""
    async with in_time():
        async for piece in request.stream():
            body += piece
            if len(body) > most:
                raise Refusal(413, "The request has more than {most} bytes, and more is not taken.", most=most)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in error.errors())
        raise Refusal(422, "The request is not understood: {wrong}.", wrong=wrong) from error
