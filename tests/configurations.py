"""Hydra's files read once: it reads and parses every file again for each composition, a third of its time."""

import pickle
from pathlib import Path

import pytest
from hydra._internal.config_repository import ConfigRepository
from hydra.core.config_store import ConfigStore
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult, ConfigSource


def read_once(patch: pytest.MonkeyPatch) -> None:
    """From now on, until the patch is undone; a file that changed is read again."""
    load, known = ConfigRepository.load_config, {}

    def state_of(source: ConfigSource, config_path: str) -> object:
        name = source._normalize_file_name(config_path)
        if source.scheme() == "structured":
            return ConfigStore.instance()._load(name)
        file = Path(source.path.removeprefix("file://"), name)
        return file.stat().st_mtime_ns if source.scheme() == "file" else None  # others come with Hydra

    def remembered(self: ConfigRepository, config_path: str) -> ConfigResult | None:
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        if source is None:
            return None
        key, state = (config_path, source.provider, source.path), state_of(source, config_path)
        before, content = known.get(key, (None, b""))
        if not content or (before is not state and before != state):
            content = pickle.dumps(load(self, config_path))
            known[key] = state, content
        copied: ConfigResult = pickle.loads(content)
        return copied

    patch.setattr(ConfigRepository, "load_config", remembered)
