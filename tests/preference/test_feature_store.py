"""Features on disk: the same bits again, damage is found, makers are kept apart."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from apsi.errors import ApsiError
from apsi.preference.feature_store import FEATURES_FILE, FeatureStore


def test_rows_come_back_bit_for_bit_and_only_to_their_maker(tmp_path: Path) -> None:
    rows = {f"{i:012x}": np.random.default_rng(i).normal(size=7) for i in range(1200)}
    store = FeatureStore(tmp_path / "new" / FEATURES_FILE)
    store.save("one", rows)
    store.close()
    store = FeatureStore(tmp_path / "new" / FEATURES_FILE)
    found = store.load("one", [*rows, "unknown"])
    assert found.keys() == rows.keys() and all(np.array_equal(found[key], rows[key]) for key in rows)
    assert store.load("other", rows) == {}
    store.close()


def test_damage_is_not_used(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / FEATURES_FILE)
    store.save("one", {"a": np.arange(3.0), "b": np.arange(3.0)})
    store.close()
    with sqlite3.connect(tmp_path / FEATURES_FILE) as database:
        database.execute("UPDATE features SET value = substr(value, 1, 100) WHERE version = 'a'")
    store = FeatureStore(tmp_path / FEATURES_FILE)
    assert list(store.load("one", ["a", "b"])) == ["b"]
    store.close()


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FEATURES_FILE).write_bytes(b"no database" * 100)
    with pytest.raises(ApsiError, match="delete it, it is made again"):
        FeatureStore(tmp_path / FEATURES_FILE)
