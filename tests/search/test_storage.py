"""What is dealt out, counted, closed and tried again."""

import multiprocessing
import time
from pathlib import Path

import pytest

from apsi.errors import ApsiError
from apsi.search import storage

optuna = pytest.importorskip("optuna")
SPACE = {"x": optuna.distributions.FloatDistribution(0, 1)}
State = optuna.trial.TrialState


def study_at(url: str) -> "optuna.Study":
    with storage.alone(url):
        kept = storage.open_storage(url, make=True)
        return optuna.create_study(study_name="s", storage=kept, load_if_exists=True)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return storage.storage_url(None, tmp_path)


def deal(url: str, total: int, at_most: int = 1) -> "list[optuna.Trial]":
    with storage.alone(url):
        return storage.claim(*opened(url), SPACE, total, at_most)


def opened(url: str) -> "tuple[optuna.Study, optuna.storages.RDBStorage]":
    """The study and where it is kept."""
    kept = storage.open_storage(url)
    return optuna.load_study(study_name="s", storage=kept), kept


def states(study: "optuna.Study") -> list[str]:
    return [trial.state.name for trial in study.get_trials(deepcopy=False)]


def work(url: str) -> None:
    """Does what a sweep does, without training."""
    while trials := deal(url, total=12):
        storage.tell(opened(url)[0], trials[0].number, State.COMPLETE, [0.5])


@pytest.mark.slow
def test_trials_are_dealt_out_up_to_the_total_over_all_runs(url: str) -> None:
    study = study_at(url)
    for trial in deal(url, total=2, at_most=5):
        storage.tell(study, trial.number, State.COMPLETE, [1.0])
    assert deal(url, total=2) == []
    assert len(deal(url, total=3, at_most=5)) == 1
    assert storage.started(study) == 3


@pytest.mark.slow
def test_processes_that_deal_at_once_give_no_number_twice_and_none_too_many(url: str) -> None:
    study = study_at(url)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=work, args=(url,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert states(study) == ["COMPLETE"] * 12
    assert [trial.number for trial in study.trials] == list(range(12))


def test_a_trial_whose_process_died_is_closed_and_tried_again_with_the_same_values(url: str) -> None:
    study = study_at(url)
    died = deal(url, total=2)[0]
    died.set_user_attr("process", [storage.socket.gethostname(), 2**22 + 1, 0.0])
    again = deal(url, total=2)[0]
    assert states(study) == ["FAIL", "RUNNING"]
    assert "died" in study.trials[0].user_attrs["error"]
    assert again.params == died.params
    assert study.trials[1].user_attrs["error"] is None
    assert storage.started(study) == 1  # the two are one


@pytest.mark.slow
def test_a_trial_that_kills_its_process_each_time_is_given_up(url: str) -> None:
    study = study_at(url)
    for _ in range(storage.RETRIES + 1):
        storage.close(*opened(url), deal(url, total=1)[0].number, "killed")
    assert deal(url, total=1) == []
    assert states(study) == ["FAIL"] * (storage.RETRIES + 1)
    assert storage.started(study) == 1


def test_a_trial_that_runs_here_is_left_alone(url: str) -> None:
    study = study_at(url)
    deal(url, total=1)
    assert deal(url, total=1) == []
    assert states(study) == ["RUNNING"]


def test_a_trial_on_another_machine_is_taken_for_dead_after_a_silence_only(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_at(url)
    far = deal(url, total=1)
    far[0].set_user_attr("process", ["elsewhere", 1, 0.0])
    with storage.heartbeats(*opened(url), far):
        assert deal(url, total=1) == []
    monkeypatch.setattr(storage, "SILENCE", 1)
    time.sleep(2.5)
    again = deal(url, total=1)
    assert [trial.params for trial in again] == [far[0].params]
    assert states(study) == ["FAIL", "RUNNING"]


def test_the_result_of_a_trial_that_was_closed_meanwhile_changes_nothing(url: str) -> None:
    study = study_at(url)
    number = deal(url, total=1)[0].number
    storage.close(*opened(url), number, "taken for dead")
    storage.tell(study, number, State.COMPLETE, [1.0])
    assert states(study) == ["FAIL", "WAITING"]


@pytest.mark.parametrize("url", ["postgresql://me:secret@host/db", "postgresql://me@host/db?password=secret"])
def test_a_password_in_the_url_is_refused_without_being_shown(url: str, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match="PGPASSWORD") as refused:
        storage.storage_url(url, tmp_path)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "nonsense"])
def test_a_storage_that_processes_can_not_share_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"hydra\.sweeper\.storage"):
        storage.storage_url(url, tmp_path)


def test_a_storage_that_does_not_answer_is_one_clear_error(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_text("this is no database, but long enough to be taken for one " * 9)
    url = storage.storage_url(f"sqlite:///{broken}", tmp_path)
    with pytest.raises(ApsiError, match="file is not a database"), storage.reachable(url):
        storage.open_storage(url, make=True)
