"""Who may come in: names, origins, the token, and nobody to another's photos."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from apsi.web.door import Door
from apsi.web.guard import POLICY
from tests.studio.conftest import Served, edited, jpeg, send

TOKEN = "0123456789abcdef"
PAGE = {"Accept": "text/html"}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[::1", "10.0.0.1"]
)
def test_a_foreign_name_is_not_served(served: Served, host: str) -> None:
    answer = httpx.get(f"{served.url}/advice/", headers={"Host": host})
    assert answer.status_code == 421
    assert "not served here" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1", "[::1]:8000"])
def test_names_of_this_machine_are_served(served: Served, host: str) -> None:
    assert httpx.get(f"{served.url}/advice/", headers={"Host": host}).status_code == 200


def test_the_address_that_a_request_came_to_is_its_own_name() -> None:
    door = Door("0.0.0.0", 8000, TOKEN)
    for host, served in (("192.168.1.5:8000", True), ("192.168.1.6:8000", False), ("photos.example", False)):
        scope = {"type": "http", "headers": [(b"host", host.encode())], "server": ("192.168.1.5", 8000)}
        assert door.knows_host(Request(scope)) is served
    assert TOKEN not in repr(door)


def test_what_other_pages_send_is_refused(served: Served, client: httpx.Client) -> None:
    number = edited(client)
    del client.headers["Origin"]
    for origin in ("http://evil.example", "null", "", "http://127.0.0.1:1", "file://127.0.0.1", None):
        headers = {} if origin is None else {"Origin": origin}
        for method, path in (
            ("POST", "/advice/photos"),
            ("DELETE", f"/advice/photos/{number}"),
            ("POST", f"/advice/photos/{number}/files/photo"),
        ):
            answer = client.request(method, path, headers=headers)
            assert answer.status_code == 403, (method, path)
            assert "does not come from a page of this server" in answer.json()["detail"]
    client.headers["Origin"] = served.url
    assert len(client.get("/advice/photos").json()) == 1


def test_every_answer_has_the_headers(served: Served, client: httpx.Client) -> None:
    number = edited(client)
    for path in ("", "advice/", "static/style.css", "nowhere", "advice/photos", f"advice/photos/{number}/preview"):
        answer = client.get(f"/{path}")
        assert answer.headers["Content-Security-Policy"] == POLICY, path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == ("no-cache" if path.startswith("static") else "no-store")
    assert httpx.get(f"{served.url}/", headers={"Host": "x"}).headers["Content-Security-Policy"] == POLICY


def test_pages_name_nothing_elsewhere_and_hold_no_script_or_style(client: httpx.Client) -> None:
    for page in (client.get("/advice/").text, client.get(f"/advice/photos/{edited(client)}").text):
        assert "://" not in page and " style=" not in page and "<style" not in page and " on" + "click" not in page
        assert page.count("<script") == page.count("<script src=") + page.count('<script type="application/json"')


@pytest.mark.parametrize(
    "path", ["../conftest.py", "..%2f..%2fpage.py", "%2e%2e/page.py", "web/%00", "web/../../page.py"]
)
def test_only_static_files_are_static(served: Served, path: str) -> None:
    assert httpx.get(f"{served.url}/static/{path}").status_code in (400, 404)


@pytest.fixture(scope="module")
def guarded(serve: Callable[..., Any]) -> Any:
    with serve(token=TOKEN) as one:
        yield one


def test_without_the_token_nothing_is_answered(guarded: Served) -> None:
    with guarded.client() as client:
        for method, path in (("GET", "/"), ("GET", "/advice/"), ("GET", "/advice/events"), ("POST", "/advice/photos")):
            for headers in (
                {},
                {"Authorization": "Bearer wrong"},
                {"Cookie": f"{guarded.door.pass_cookie}=\xff{TOKEN}"},
            ):
                answer = client.request(method, path, headers={k: v.encode("latin-1") for k, v in headers.items()})
                assert answer.status_code == 401, (method, path, headers)
                assert answer.headers["WWW-Authenticate"] == "Bearer"
                assert answer.json() == {"detail": "This server asks for a token."}
    assert httpx.get(f"{guarded.url}/advice/", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_it_is_entered_on_a_page(guarded: Served) -> None:
    with guarded.client() as client:
        page = client.get("/advice/", headers=PAGE)
        assert page.status_code == 401 and 'action="../token"' in page.text and TOKEN not in page.text
        assert client.get("/static/web/shell.css").status_code == 200
        wrong = client.post("/token", data={"token": "wrong"}, headers=PAGE)
        assert wrong.status_code == 401 and "not the token" in wrong.text
        assert client.post("/token", content=b"token=" + b"x" * 5000).status_code == 413
        assert (
            client.post("/token", data={"token": TOKEN}, headers={"Origin": "http://evil.example"}).status_code == 403
        )
        right = client.post("/token", data={"token": f" {TOKEN} "}, headers=PAGE)
        assert (right.status_code, right.headers["Location"]) == (303, "./")
        assert client.get("/advice/").status_code == 200
        assert send(client).status_code == 201


def test_who_sends_no_token_after_all_is_not_waited_for(guarded: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apsi.web.body._SLOWEST", 0.05)

    def slowly() -> Iterator[bytes]:
        yield b"token="
        time.sleep(0.5)
        yield b"x"

    with guarded.client() as client:
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "7"}
        assert client.post("/token", content=slowly(), headers=sent).status_code == 408


def test_it_stands_in_the_address_once(guarded: Served) -> None:
    with guarded.client() as client:
        assert httpx.get(f"{guarded.url}/advice/", params={"token": "wrong"}).status_code == 401
        answer = client.get("/advice/", params={"token": TOKEN, "a": "b c"})
        assert (answer.status_code, answer.headers["Location"]) == (303, "./?a=b+c")
        cookies = answer.headers.get_list("Set-Cookie")
        assert len(cookies) == 1 + 1 and all("HttpOnly; SameSite=Strict; Path=/" in cookie for cookie in cookies)
        assert TOKEN not in str(answer.headers)
        assert client.get("/advice/").status_code == 200


def test_a_browser_sees_its_own_photos_only(served: Served, client: httpx.Client) -> None:
    number = edited(client)
    made = client.post(f"/advice/photos/{number}/files/recipe", json={}).json()["href"]
    with served.client() as other:
        assert other.get("/advice/photos").json() == []
        for path in ("", "/preview", "/before", "/thumbnail", "/said"):
            assert other.get(f"/advice/photos/{number}{path}").status_code == 404, path
        assert other.get(f"/advice/{made}").status_code == 404
        assert other.post(f"/advice/photos/{number}/files/photo", json={}).status_code == 404
        assert other.delete(f"/advice/photos/{number}").status_code == 404
    assert client.get(f"/advice/{made}").status_code == 200


def test_a_session_that_was_not_given_here_is_no_session(served: Served, client: httpx.Client) -> None:
    edited(client)
    name, value = served.door.session_cookie, client.cookies[served.door.session_cookie]
    for forged in (value[:-1] + ("0" if value[-1] != "0" else "1"), value.partition(".")[0], f".{value}", "x.y"):
        answer = httpx.get(f"{served.url}/advice/photos", headers={"Cookie": f"{name}={forged}"})
        assert answer.json() == [] and name in answer.headers["Set-Cookie"]


def test_who_follows_a_link_from_elsewhere_keeps_the_session(served: Served) -> None:
    answer = httpx.get(f"{served.url}/advice/", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200 and "Set-Cookie" not in answer.headers


def test_it_works_behind_a_proxy(serve: Callable[..., Any]) -> None:
    with serve(root_path="/tools/apsi", allowed_hosts=("photos.example",)) as served:
        for path in ("/tools/apsi", ""):  # with the prefix, as some proxies pass it on, and without
            with served.client(Host="photos.example", Origin="https://photos.example") as client:
                page = client.get(f"{path}/advice/")
                assert page.status_code == 200 and "Path=/tools/apsi" in page.headers["Set-Cookie"]
                assert 'href="../static/style.css"' in page.text
                assert client.get(f"{path}/advice").headers["Location"] == "advice/"
                assert client.get("/tools/apsi").headers["Location"] == "apsi/"
                assert client.get(f"{path}/static/advice/advice.js").status_code == 200
        with served.client(Origin="https://photos.example") as client:  # a proxy that names itself
            client.cookies.update(client.get("/tools/apsi/advice/photos").cookies)
            assert client.post("/tools/apsi/advice/photos", content=jpeg()).status_code == 201
