"""The acquisition service: what clients ask for is got, told truly, and nothing else can be reached through it."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from apsi.acquire.base import Watch
from apsi.acquire.keep import Source, acquire_once, find
from apsi.acquire.service import Service
from apsi.errors import ApsiError
from tests.acquire.hostile import make_tar, make_zip
from tests.acquire.servers import File, Files, noise, serving
from tests.command_line import files_below
from tests.serve.acquisition.services import Client, serving_jobs

PHOTO = noise(200_000, 8)


@pytest.fixture(scope="module")
def files() -> Iterator[Files]:
    with serving() as files:
        yield files


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, files: Files) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("service")
    (folder / "local" / "holiday").mkdir(parents=True)
    (folder / "local" / "holiday" / "x.jpg").write_bytes(PHOTO)
    with (
        pytest.MonkeyPatch.context() as patch,
        serving_jobs(folder, kaggle=f"{files.url}/kaggle") as client,
    ):
        patch.setenv("KAGGLE_USERNAME", "me")
        patch.setenv("KAGGLE_KEY", "k3y")
        yield client


def add_zip(files: Files, folder: Path, path: str, **behaviour: object) -> tuple[str, File]:
    return files.add(path, make_zip(folder / "made.zip", ("x.jpg", PHOTO)).read_bytes(), **behaviour)


def stuck(files: Files, folder: Path, path: str) -> tuple[str, File]:
    """A file whose server breaks off in the middle and is busy until `busy_after_cut` is false."""
    return add_zip(files, folder, path, cuts=[100_000], busy_after_cut=True)


def test_the_calls_of_a_client_from_asking_to_its_photos(client: Client, files: Files, tmp_path: Path) -> None:
    url, file = add_zip(files, tmp_path, "/one.zip")
    asked = client.post("/v1/acquisition", {"type": "zip", "url": url, "hash": file.sha256, "dataset_id": "one"})
    assert asked.status_code == 202 and asked.json()["state"] in ("NEW", "RUNNING")
    assert asked.headers["location"] == f"/v1/acquisition/jobs/{asked.json()['uuid']}"
    job = client.ended(asked)
    assert job["state"] == "COMPLETED" and job["error"] is None
    assert job["result"] == {"path": "one/files", "sha256": file.sha256, "files": 1, "bytes": len(PHOTO)}
    assert files_below(client.root / job["result"]["path"]) == {"x.jpg": PHOTO}

    copied = client.ended(client.post("/v1/copy", {"source": "one", "name": "two"}))
    assert copied["state"] == "COMPLETED" and copied["kind"] == "copy"
    assert files_below(client.root / "two" / "files") == {"x.jpg": PHOTO}
    assert not (client.root / "two/files/x.jpg").samefile(client.root / "one/files/x.jpg")

    tar, _ = files.add("/three.tgz", make_tar(tmp_path / "t", ("x.jpg", PHOTO), compression="gz").read_bytes())
    zipped = make_zip(tmp_path / "k.zip", ("cat.jpg", PHOTO)).read_bytes()
    files.add("/kaggle/datasets/download/me/cats", zipped)
    answers = [
        client.post("/v1/acquisition", {"type": "tar", "url": tar, "name": "three"}),
        client.post("/v1/acquisition", {"type": "kaggle", "resource": "me/cats", "name": "cats"}),
        client.post("/v1/acquisition", {"type": "local_resource", "path": "holiday", "name": "holiday"}),
        client.post("/v1/copy", {"type": "local_resource", "source": "holiday", "name": "holiday-2"}),
    ]
    assert [client.ended(answer)["state"] for answer in answers] == ["COMPLETED"] * 4
    assert {"cats", "holiday", "holiday-2", "three"} <= {path.name for path in client.root.iterdir()}


def test_a_digest_that_does_not_match_fails_with_both_and_leaves_nothing(
    client: Client, files: Files, tmp_path: Path
) -> None:
    url, file = add_zip(files, tmp_path, "/wrong.zip")
    asked = client.post("/v1/acquisition", {"type": "zip", "url": url, "sha256": "sha256:" + "a" * 64, "name": "wrong"})
    job = client.ended(asked)
    assert job["state"] == "FAILED" and job["result"] is None
    assert file.sha256 in job["error"] and "a" * 64 in job["error"]
    assert not [path for path in client.root.iterdir() if "wrong" in path.name and path.suffix != ".lock"]


@pytest.mark.parametrize(
    "case",
    [
        (lambda path: make_zip(path, ("../../../outside.jpg", b"x")), "zip", "leads out"),
        (lambda path: make_zip(path, ("x.jpg", b"x")), "tar", "it is a zip file, and no tar file"),
        (lambda path: make_tar(path, ("x", b"\0" * 5_000_000), compression="gz"), "tar", "max_ratio"),
    ],
    ids=["traversal", "kind", "bomb"],
)
def test_hostile_archives_fail_and_leave_nothing(
    client: Client, files: Files, tmp_path: Path, case: tuple[object, str, str]
) -> None:
    make, type, reason = case
    before = {path.name for path in client.root.iterdir()}
    url, _ = files.add("/hostile", make(tmp_path / "made").read_bytes())  # type: ignore[operator]
    job = client.ended(client.post("/v1/acquisition", {"type": type, "url": url, "name": "hostile"}))
    assert job["state"] == "FAILED" and reason in job["error"]
    left = {path.name for path in client.root.iterdir() if path.suffix != ".lock"}
    assert left <= before


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("/v1/acquisition", {"type": "rar", "url": "http://x.org/a"}, 422, "only: tar, zip, kaggle"),
        ("/v1/acquisition", {"type": "zip"}, 422, "url: Field required"),
        ("/v1/acquisition", {"type": "zip", "url": "http://x.org/a", "sha256": "abc"}, 422, "sha256"),
        ("/v1/acquisition", {"type": "zip", "url": "http://x.org/a", "folder": "/etc"}, 422, "folder"),
        ("/v1/acquisition", {"type": "zip", "url": "http://x.org/a", "name": "../up"}, 422, "must begin with a letter"),
        (
            "/v1/acquisition",
            {"type": "zip", "url": "http://x.org/a", "name": "/etc/x"},
            422,
            "must begin with a letter",
        ),
        ("/v1/acquisition", {"type": "zip", "url": "http://x.org/a", "name": ".hidden"}, 422, "must begin"),
        ("/v1/acquisition", {"type": "zip", "url": "http://me:pw@x.org/a"}, 422, "leave name and password out"),
        ("/v1/acquisition", {"type": "local_resource", "url": "../root"}, 422, "nothing below a folder"),
        ("/v1/acquisition", {"type": "local_resource", "url": "/etc"}, 422, "nothing below a folder"),
        ("/v1/acquisition", {"type": "local_resource", "url": "//[x"}, 422, "nothing below a folder"),
        ("/v1/acquisition", {"type": "local_resource", "url": "file://[x/"}, 422, "is no URL"),
        ("/v1/acquisition", {"type": "local_resource", "url": "holiday/\0"}, 422, "NUL character"),
        ("/v1/acquisition", {"type": "local_resource", "url": "x" * 300}, 422, "nothing below a folder"),
        ("/v1/acquisition", {"type": "local_resource", "url": "holiday", "name": "digests.json"}, 422, "another one"),
        ("/v1/acquisition", {"type": "kaggle", "url": "../../x"}, 422, "OWNER/NAME"),
        ("/v1/acquisition", {"type": "kaggle", "url": f"a/b/versions/{'9' * 4000}"}, 422, "OWNER/NAME"),
        ("/v1/copy", {"source": "nothing-here", "name": "x"}, 404, "nothing of this name"),
        ("/v1/copy", {"source": "../local/holiday", "name": "x"}, 422, "must begin with a letter"),
        ("/v1/copy", {"source": "one"}, 422, "name: Field required"),
        ("/v1/acquisition", ["zip"], 422, "body"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_wrong_requests_are_told_at_once_and_make_no_job(
    client: Client, path: str, body: object, status: int, reason: str
) -> None:
    before = sum(client.service.jobs.count().values())
    answer = client.post(path, body)
    assert answer.status_code == status and reason in answer.json()["detail"]
    assert sum(client.service.jobs.count().values()) == before


def test_a_type_that_the_operator_removed_is_refused_and_jobs_of_it_fail_with_the_reason(tmp_path: Path) -> None:
    with serving_jobs(tmp_path, without="local_resource") as client:
        for path, place in (("/v1/copy", "source"), ("/v1/acquisition", "url")):
            answer = client.post(path, {"type": "local_resource", place: "holiday", "name": "x"})
            assert answer.status_code == 422 and "only: tar, zip, kaggle" in answer.json()["detail"]
        left = client.service.jobs.add(kind="copy", type="local_resource", url="holiday", sha256=None, name="x")
        until = time.monotonic() + 20
        while (job := client.service.jobs.find(left.uuid)) and job.state != "FAILED" and time.monotonic() < until:
            time.sleep(0.02)
        assert job is not None and "only: tar, zip, kaggle" in (job.error or "")


def test_two_who_want_the_same_get_one_job_and_others_are_told(client: Client, files: Files, tmp_path: Path) -> None:
    url, file = stuck(files, tmp_path, "/same.zip")
    body = {"type": "zip", "url": url, "name": "same"}
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: client.post("/v1/acquisition", body), range(8)))
    assert len({answer.json()["uuid"] for answer in answers}) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [202]
    other = client.post("/v1/acquisition", body | {"url": f"{files.url}/other.zip"})
    assert other.status_code == 409 and "take another name, or wait" in other.json()["detail"]
    file.busy_after_cut = False
    assert client.ended(answers[0])["state"] == "COMPLETED"
    later = client.ended(client.post("/v1/acquisition", body))  # it is there: nobody is asked
    assert later["state"] == "COMPLETED" and later["uuid"] != answers[0].json()["uuid"]
    assert len([request for request in file.requests if "range" not in request]) == 1


def test_running_and_waiting_jobs_are_cancelled_and_leave_nothing(client: Client, files: Files, tmp_path: Path) -> None:
    answers = []
    for i in range(3):  # two run, one waits
        url, _ = stuck(files, tmp_path, f"/cancel-{i}.zip")
        answers.append(client.post("/v1/acquisition", {"type": "zip", "url": url, "name": f"cancel-{i}"}))
    for answer in answers[:2]:
        client.until(answer, lambda job: job["done"] == 100_000)
    assert client.job(answers[2])["state"] == "NEW"
    for answer, status in zip(reversed(answers), (200, 202, 202), strict=True):
        cancelled = client.http.delete(f"/v1/acquisition/jobs/{answer.json()['uuid']}")
        assert cancelled.status_code == status
    for answer in answers:
        job = client.ended(answer)
        assert job["state"] == "CANCELLED" and job["ended"]
        again = client.http.delete(f"/v1/acquisition/jobs/{job['uuid']}")
        assert again.status_code == 409 and "CANCELLED" in again.json()["detail"]
    assert not [path for path in client.root.iterdir() if "cancel" in path.name and path.suffix != ".lock"]
    assert client.http.delete("/v1/acquisition/jobs/unknown").status_code == 404


def test_no_more_run_and_wait_than_are_allowed(files: Files, tmp_path: Path) -> None:
    with serving_jobs(tmp_path, max_running=1, max_queue=1) as client:
        urls = [stuck(files, tmp_path, f"/limit-{i}.zip") for i in range(3)]
        bodies = [{"type": "zip", "url": url, "name": f"limit-{i}"} for i, (url, _) in enumerate(urls)]
        first = client.post("/v1/acquisition", bodies[0])
        client.until(first, lambda job: job["state"] == "RUNNING")
        second = client.post("/v1/acquisition", bodies[1])
        third = client.post("/v1/acquisition", bodies[2])
        assert third.status_code == 503 and third.headers["retry-after"]
        assert client.job(second)["state"] == "NEW" and not urls[1][1].requests
        for _, file in urls:
            file.busy_after_cut = False
        assert [client.ended(answer)["state"] for answer in (first, second)] == ["COMPLETED"] * 2
        listed = client.http.get("/v1/acquisition/jobs", params={"state": "COMPLETED"}).json()["jobs"]
        assert [job["name"] for job in listed] == ["limit-1", "limit-0"]
        assert client.http.get("/v1/acquisition/jobs", params={"state": "DONE"}).status_code == 422


def test_a_service_that_is_stopped_goes_on_with_its_jobs_at_the_next_start(files: Files, tmp_path: Path) -> None:
    url, file = stuck(files, tmp_path, "/stopped.zip")
    with serving_jobs(tmp_path) as client:
        asked = client.post("/v1/acquisition", {"type": "zip", "url": url, "name": "stopped"})
        client.until(asked, lambda job: job["done"] == 100_000)
    file.busy_after_cut = False
    with serving_jobs(tmp_path) as client:
        job = client.ended(asked)
        assert job["state"] == "COMPLETED" and job["starts"] == 2
    assert file.requests[-1]["range"] == "bytes=100000-"


def test_health_and_metrics_tell_the_state(client: Client) -> None:
    health = client.http.get("/health").json()
    assert health["status"] == "ok" and health["types"] == ["tar", "zip", "kaggle", "local_resource"]
    text = client.http.get("/metrics").text
    assert f'apsi_acquisition_jobs{{state="COMPLETED"}} {float(health["jobs"]["COMPLETED"])}' in text
    for name in ("requests_total", "queue_limit", "job_seconds", "bytes_in_progress"):
        assert f"apsi_acquisition_{name}" in text
    assert client.http.request("EVIL", "/health").status_code == 405
    assert "EVIL" not in client.http.get("/metrics").text, "every name would stay in memory"


def test_private_addresses_are_not_asked_for_a_client(files: Files, tmp_path: Path) -> None:
    url, file = add_zip(files, tmp_path, "/private.zip")
    with serving_jobs(tmp_path, allow_private=False) as client:
        for address in (url, url.replace("127.0.0.1", "localhost")):
            job = client.ended(client.post("/v1/acquisition", {"type": "zip", "url": address}))
            assert job["state"] == "FAILED" and "no address of the internet" in job["error"]
        of_machine = client.post("/v1/acquisition", {"type": "zip", "url": (tmp_path / "made.zip").as_uri()})
        assert of_machine.status_code == 422
    assert file.requests == []


TOKEN = "t0ken-of-sixteen-characters"


def test_nobody_comes_in_without_the_token(tmp_path: Path) -> None:
    with serving_jobs(tmp_path, token=TOKEN) as client:
        paths = ("/health", "/metrics", "/v1/acquisition/jobs", "/v1/acquisition/jobs/x", "/docs", "/openapi.json")
        assert {client.http.get(path).status_code for path in paths} == {401}
        assert client.post("/v1/acquisition", {}).status_code == 401
        wrong = {"Authorization": f"Bearer {TOKEN}x"}
        assert client.http.get("/health", headers=wrong).status_code == 401
        right = {"Authorization": f"Bearer {TOKEN}", "Host": "acquisition:8500"}  # by whatever name it is known there
        assert client.http.get("/health", headers=right).status_code == 200


def test_pages_of_other_sites_reach_nothing(client: Client) -> None:
    body = {"type": "zip", "url": "http://x.org/a.zip"}
    assert client.post("/v1/acquisition", body, headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.post("/v1/acquisition", body, headers={"Host": "evil.example"}).status_code == 421
    plain = client.http.post("/v1/acquisition", content=b"{}", headers={"Content-Type": "text/plain"})
    assert plain.status_code == 415
    long = client.http.post("/v1/acquisition", content=b" " * 70_000, headers={"Content-Type": "application/json"})
    assert long.status_code == 413


def service(client: Client, **settings: object) -> Service:
    usual = {"address": client.url, "root": str(client.root), "type": None}
    return Service(**(usual | {"timeout": 5.0, "patience": 5.0, "pause": 0.02} | settings))  # type: ignore[arg-type]


def test_acquire_service_lets_it_get_the_photos(client: Client, files: Files, tmp_path: Path) -> None:
    url, file = add_zip(files, tmp_path, "/by-service.zip")
    acquired = acquire_once(service(client), [Source(url, file.sha256)], tmp_path / "in" / "set", Watch())
    assert files_below(acquired.files_folder) == {"x.jpg": PHOTO}
    assert find(tmp_path / "in" / "set") == acquired
    found = acquire_once(service(client), [Source("local_resource:holiday")], tmp_path / "in" / "local", Watch())
    assert files_below(found.files_folder) == {"x.jpg": PHOTO}


def test_what_the_service_cant_get_is_told_with_its_reason(client: Client, files: Files, tmp_path: Path) -> None:
    url, file = add_zip(files, tmp_path, "/failing.zip")
    with pytest.raises(ApsiError, match=rf"is FAILED: .*{file.sha256}"):
        acquire_once(service(client), [Source(url, "b" * 64)], tmp_path / "in" / "a", Watch())
    changed, right = add_zip(files, tmp_path, "/changed.zip")
    zipped, _ = add_zip(files, tmp_path, "/zipped.tar")
    (tmp_path / "in" / "digests.json").write_text(json.dumps({changed: "c" * 64, zipped: right.sha256}))
    with pytest.raises(ApsiError, match=rf"not {'c' * 64} as expected.* remove its line in .*digests\.json"):
        acquire_once(service(client), [Source(changed)], tmp_path / "in" / "changed", Watch())
    with pytest.raises(ApsiError, match="it is a zip file, and no tar file") as failed:
        acquire_once(service(client), [Source(zipped)], tmp_path / "in" / "zipped", Watch())
    assert "digests.json" not in str(failed.value)
    with pytest.raises(ApsiError, match=r"acquire\.root must be the service's folder"):
        acquire_once(service(client, root=str(tmp_path)), [Source(url)], tmp_path / "in" / "b", Watch())
    with pytest.raises(ApsiError, match=r"add acquire\.type=tar or zip"):
        service(client).canonical("https://example.org/download?id=3")
    with pytest.raises(ApsiError, match="export IMAGE_ACQUISITION_SERVICE_URL"):
        service(client, address=None)
    began = time.monotonic()
    away = service(client, address="http://127.0.0.1:9", patience=0.1)
    with pytest.raises(ApsiError, match=r"did not answer as a service for 0\.1 s"):
        acquire_once(away, [Source(url)], tmp_path / "in" / "c", Watch())
    assert time.monotonic() - began < 30
