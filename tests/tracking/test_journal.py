"""The journal of a run by itself."""

import threading
from collections import Counter
from pathlib import Path

from apsi.tracking.journal import Header, Journal


def test_a_journal_can_be_written_by_several_threads_and_is_dealt_out_in_batches_that_mlflow_takes(
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path)
    journal.begin(Header("uri", "id"))

    def write(thread: int) -> None:
        for step in range(300):
            journal.append({"metrics": {f"a{thread}": 1.0, "b": 2.0, "c": 3.0}, "step": step, "ms": 0})

    threads = [threading.Thread(target=write, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.append({"status": "FINISHED", "ms": 0})
    batches = list(journal.batches())
    assert max(sum(len(e.get("metrics", ())) for e in batch.entries) for batch in batches) <= 1000
    names = Counter(name for batch in batches for entry in batch.entries for name in entry.get("metrics", ()))
    assert names == {"b": 1200, "c": 1200} | {f"a{i}": 300 for i in range(4)}
    assert batches[-1].entries == [{"status": "FINISHED", "ms": 0}]
    journal.mark(batches[0].end)
    assert list(journal.batches()) == batches[1:]
