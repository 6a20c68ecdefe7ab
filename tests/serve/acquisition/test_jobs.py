"""The table of jobs: true states, whatever happens in between."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apsi.errors import ApsiError
from apsi.serve.acquisition.jobs import CANCELLED, COMPLETED, FAILED, NEW, RUNNING, Jobs


def add(jobs: Jobs, name: str) -> str:
    return jobs.add(kind="acquisition", type="zip", url="http://x.org/a", sha256=None, name=name).uuid


def test_the_oldest_is_next_but_never_two_of_one_folder(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "jobs")
    first, second, third = add(jobs, "a"), add(jobs, "a"), add(jobs, "b")
    claimed = [jobs.claim(), jobs.claim(), jobs.claim()]
    assert [job and job.uuid for job in claimed] == [first, third, None]
    jobs.finish(first, COMPLETED, result={"files": 3})
    job = jobs.claim()
    assert job is not None and job.uuid == second
    done = jobs.find(first)
    assert done is not None and done.result == {"files": 3} and done.started and done.ended
    jobs.close()


def test_a_state_that_is_final_stays(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "jobs")
    uuid = add(jobs, "a")
    assert jobs.cancel(uuid) is not None and jobs.cancel(uuid) is None
    jobs.finish(uuid, COMPLETED)
    jobs.give_back(uuid)
    job = jobs.find(uuid)
    assert job is not None and job.state == CANCELLED
    assert jobs.claim() is None and jobs.count()[CANCELLED] == 1
    jobs.close()


def test_a_change_that_cant_be_kept_does_not_stop_the_next_ones(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "jobs")) as database:  # what is wrong is found when it is to be kept
        database.executescript(
            "CREATE TABLE folders (name TEXT PRIMARY KEY);"
            "CREATE TABLE made (job TEXT REFERENCES folders (name) DEFERRABLE INITIALLY DEFERRED);"
        )
    jobs = Jobs(tmp_path / "jobs")
    jobs._database.executescript(
        "PRAGMA foreign_keys=ON;"
        "CREATE TRIGGER wrong AFTER INSERT ON jobs WHEN new.name = 'bad' BEGIN INSERT INTO made VALUES ('none'); END;"
    )
    with pytest.raises(sqlite3.IntegrityError):
        add(jobs, "bad")
    assert add(jobs, "good") and jobs.count()[NEW] == 1
    jobs.close()


@pytest.mark.parametrize("content", [b"no database" * 100, "another table"])
def test_a_file_that_is_no_table_of_jobs_is_told(content: bytes | str, tmp_path: Path) -> None:
    path = tmp_path / "jobs"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE jobs (number INTEGER, uuid TEXT)")
    with pytest.raises(ApsiError, match=r"task\.database=.*can't be used for the jobs"):
        Jobs(path)


_DEEDS = st.sampled_from(["add", "claim", "finish", "fail", "cancel", "die"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=st.lists(_DEEDS, max_size=25))
def test_states_are_true_after_any_deaths(tmp_path_factory: object, deeds: list[str]) -> None:
    path = tmp_path_factory.mktemp("jobs") / "jobs"  # type: ignore[attr-defined]
    jobs, states, cancelling = Jobs(path), {}, set()
    for i, deed in enumerate(deeds):
        running = [uuid for uuid, state in states.items() if state == RUNNING]
        unfinished = [uuid for uuid, state in states.items() if state in (NEW, RUNNING)]
        if deed == "add":
            states[add(jobs, f"name-{i}")] = NEW
        elif deed == "claim":
            job = jobs.claim()
            expected = next((uuid for uuid, state in states.items() if state == NEW), None)
            assert (job and job.uuid) == expected
            if expected:
                states[expected] = RUNNING
        elif deed in ("finish", "fail") and running:
            state = COMPLETED if deed == "finish" else FAILED
            jobs.finish(running[0], state)
            states[running[0]] = state
        elif deed == "cancel" and unfinished:
            uuid = unfinished[-1]
            jobs.cancel(uuid)
            if states[uuid] == NEW:
                states[uuid] = CANCELLED
            else:
                cancelling.add(uuid)
        elif deed == "die":
            jobs.close()
            jobs = Jobs(path)
            jobs.recover()
            for uuid in running:
                states[uuid] = CANCELLED if uuid in cancelling else NEW
        for uuid, state in states.items():
            found = jobs.find(uuid)
            assert found is not None and found.state == state
    jobs.close()
