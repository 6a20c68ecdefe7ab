"""The web application that rooms live in; it knows none of them."""

import mimetypes
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from apsi.errors import ApsiError
from apsi.web.door import Door
from apsi.web.guard import Guard
from apsi.web.page import style
from apsi.web.shell import Room, Shell, Speaks

mimetypes.add_type("text/javascript", ".js")  # on some systems it is known as plain text, which no browser runs


def session_of(request: Request) -> str:
    """The session of the browser that asks: what one sends no other sees."""
    return str(request.scope["apsi.session"])


def shell_of(request: Request) -> Shell:
    """What makes the pages."""
    shell: Shell = request.app.state.shell
    return shell


def make_app(door: Door, rooms: Sequence[Room], words: Speaks) -> FastAPI:
    """The application; the first room is where one comes in.

    Args:
        door: who may come in.
        rooms: its parts.
        words: the language of its pages.
    """
    shell = Shell(rooms, words, door.root_path)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for room in rooms:
                await stack.enter_async_context(room.lifespan())
            yield

    app = FastAPI(lifespan=lifespan, redirect_slashes=False, openapi_url=None)
    app.state.shell = shell
    app.add_middleware(Guard, door=door, shell=shell)
    for kind in (HTTPException, RequestValidationError, ApsiError, MemoryError, OSError):
        app.add_exception_handler(kind, shell.refuse_error)

    @app.get("/")
    async def enter() -> Response:
        return RedirectResponse(f"{rooms[0].name}/", 303)

    @app.get("/static/style.css")
    async def style_sheet() -> Response:
        return Response(str(style()), media_type="text/css")

    app.mount("/static/web", StaticFiles(packages=[("apsi.web", "static")]))
    for room in rooms:
        app.add_api_route(f"/{room.name}", _to_folder(room.name))
        app.include_router(room.router, prefix=f"/{room.name}")
        app.mount(f"/static/{room.name}", StaticFiles(packages=[(room.package, "static")]))
    return app


def _to_folder(name: str) -> Callable[[], Response]:
    """Leads to where a room's relative addresses hold, by one that a proxy need not change."""
    return lambda: RedirectResponse(f"{name}/", 303)
