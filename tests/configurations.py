"""What Hydra read, parsed and merged remembered: it does all of it again for each composition, most of its time."""

import pickle
from functools import lru_cache
from pathlib import Path

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository, IConfigRepository
from hydra.core.config_store import ConfigStore
from hydra.core.default_element import ResultDefault
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import DictConfig, Node
from omegaconf.base import Box
from omegaconf.grammar_parser import parse


def read_once(patch: pytest.MonkeyPatch) -> None:
    """From now on, until the patch is undone; a file that changed is read and merged again."""
    _remember_files(patch)
    _remember_merged(patch)
    for module in ("base", "_utils"):  # a tree that was parsed is only looked at
        patch.setattr(f"omegaconf.{module}.parse", lru_cache(maxsize=10_000)(parse))
    patch.setattr(Box, "_re_parent", _be_parent)


def _remember_files(patch: pytest.MonkeyPatch) -> None:
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
        copied.header["content"] = content
        return copied

    patch.setattr(ConfigRepository, "load_config", remembered)


def _remember_merged(patch: pytest.MonkeyPatch) -> None:
    merge, known = ConfigLoaderImpl._compose_config_from_defaults_list, {}

    def remembered(self: ConfigLoaderImpl, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
        def content(default: ResultDefault) -> object:
            loaded = repo.load_config(str(default.config_path))
            return None if loaded is None else loaded.header["content"]

        key = tuple((repr(default), content(default)) for default in defaults)
        if key not in known:
            known[key] = pickle.dumps(merge(self, defaults, repo))
        copied: DictConfig = pickle.loads(known[key])
        return copied

    patch.setattr(ConfigLoaderImpl, "_compose_config_from_defaults_list", remembered)


def _be_parent(self: Box) -> None:
    """As OmegaConf does it after each merge for the whole tree, without importing and asking for its own classes."""
    content = self.__dict__["_content"]
    if isinstance(content, dict):
        children = content.values()
    else:
        children = content if isinstance(content, list) else [content] if isinstance(content, Node) else []
    for child in children:
        if child is not None:
            child.__dict__["_parent"] = self
            if child.__dict__["_flags_cache"] is not None:
                child._invalidate_flags_cache()
            if isinstance(child, Box):
                _be_parent(child)
