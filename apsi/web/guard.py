"""What no room is asked: requests that are refused at the door, and the headers of every answer."""

from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apsi.web.body import in_time
from apsi.web.door import Door
from apsi.web.shell import Shell

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of every answer"""
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
STATIC, _TOKEN = "/static/", "/token"
_MAX_FORM = 4096  # bytes of the form that a token is entered in


class Guard:
    """Holds requests against the door, and puts the headers on every answer."""

    def __init__(self, app: ASGIApp, door: Door, shell: Shell) -> None:
        self._app, self._door, self._shell = app, door, shell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        path, cookies, began = self._shell.path(request), self._session(request), False

        async def guarded(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-cache" if path.startswith(STATIC) else "no-store")
                for cookie in cookies:
                    headers.append("Set-Cookie", cookie)
            await send(message)

        try:
            answer: ASGIApp = await self._refusal(request, path) or self._app
            await answer({**scope, "path": path}, receive, guarded)  # rooms know nothing of where a proxy puts them
        except ClientDisconnect:
            return  # nobody is there to be told
        except Exception as error:
            if began:
                raise
            await self._shell.refuse_error(request, error)(scope, receive, guarded)

    def _session(self, request: Request) -> list[str]:
        """Finds the session, and the cookie of a new one.

        A page that a link elsewhere leads to comes without cookies: it is no new session.
        """
        known = self._door.session(request)
        request.scope["apsi.session"], value = (known, "") if known else self._door.new_session()
        elsewhere = request.headers.get("sec-fetch-site", "none") in ("cross-site", "same-site")
        if known or elsewhere or self._shell.path(request).startswith(STATIC):
            return []
        return [self._door.cookie(self._door.session_cookie, value, request.url.scheme == "https")]

    async def _refusal(self, request: Request, path: str) -> Response | None:
        """The answer to what no room is asked; None: one is."""
        say, headers = self._shell.words, request.headers
        if not self._door.knows_host(request):
            sentence = say("This name is not served here: add it to task.allowed_hosts where a proxy uses it.")
            return self._shell.refuse(request, 421, sentence, what=f"host {headers.get('host')}")
        if not self._door.knows_origin(request):
            sentence = say("This request does not come from a page of this server: open its page and try again there.")
            return self._shell.refuse(request, 403, sentence, what=f"origin {headers.get('origin')}")
        if request.scope["path"] == self._door.root_path:
            return RedirectResponse(f"{self._door.root_path.rpartition('/')[2]}/", 303)
        if self._door.token is None or path.startswith(STATIC):
            return None
        return await self._without_token(request, path)

    async def _without_token(self, request: Request, path: str) -> Response | None:
        if path == _TOKEN and request.method == "POST":
            return await self._entered(request)
        if request.method == "GET" and "token" in request.query_params:
            rest = urlencode([(name, value) for name, value in request.query_params.multi_items() if name != "token"])
            here = path.rpartition("/")[2] or "./"
            return self._admitted(request, request.query_params["token"], f"{here}?{rest}" if rest else here)
        if self._door.lets_in(request):
            return None
        sentence = self._shell.words("This server asks for a token.")
        return self._shell.refuse(request, 401, sentence, {"WWW-Authenticate": "Bearer"}, what="no token")

    async def _entered(self, request: Request) -> Response:
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) > _MAX_FORM:
            return self._shell.refuse(request, 413, self._shell.words("This is no token."))
        async with in_time(), request.form(max_files=0, max_fields=2) as form:
            return self._admitted(request, str(form.get("token", "")).strip(), "./")

    def _admitted(self, request: Request, token: str, onwards: str) -> Response:
        """Gives the cookie to who has the token, and leads to where it is no longer shown."""
        if not self._door.accepts(token):
            sentence = self._shell.words("This is not the token of this server.")
            return self._shell.refuse(request, 401, sentence, {"WWW-Authenticate": "Bearer"}, what="a wrong token")
        answer = RedirectResponse(onwards, 303)
        value = self._door.pass_for(token)
        answer.headers.append(
            "Set-Cookie", self._door.cookie(self._door.pass_cookie, value, request.url.scheme == "https")
        )
        return answer
