"""What Hydra read, parsed and merged remembered: it does all of it again for each composition, most of its time."""

import pickle
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository, IConfigRepository
from hydra._internal.defaults_list import DefaultsList, Overrides, create_defaults_list
from hydra.core.config_store import ConfigStore
from hydra.core.default_element import ResultDefault
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import DictConfig, Node, OmegaConf
from omegaconf.base import Box
from omegaconf.grammar_parser import parse


def read_once(patch: pytest.MonkeyPatch) -> None:
    """From now on, until the patch is undone; a file that changed is read and merged again."""
    _remember_files(patch)
    _remember_merged(patch)
    for module in ("base", "_utils"):  # a tree that was parsed is only looked at
        patch.setattr(f"omegaconf.{module}.parse", lru_cache(maxsize=10_000)(parse))
    patch.setattr(Box, "_re_parent", _be_parent)


def _state_of(source: ConfigSource, config_path: str) -> object:
    """What is another when the content is."""
    name = source._normalize_file_name(config_path)
    if source.scheme() == "structured":
        return id(ConfigStore.instance()._load(name))  # stays there
    file = Path(source.path.removeprefix("file://"), name)
    return file.stat().st_mtime_ns if source.scheme() == "file" else None  # others come with Hydra


def _remember_files(patch: pytest.MonkeyPatch) -> None:
    load, known = ConfigRepository.load_config, {}

    def remembered(self: ConfigRepository, config_path: str) -> ConfigResult | None:
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        if source is None:
            return None
        key, state = (config_path, source.provider, source.path), _state_of(source, config_path)
        before, content = known.get(key, (None, b""))
        if not content or before != state:
            content = pickle.dumps(load(self, config_path))
            known[key] = state, content
        copied: ConfigResult = pickle.loads(content)
        return copied

    patch.setattr(ConfigRepository, "load_config", remembered)


@dataclass
class _Merged:
    """Which files the options chosen lead to and what comes out of them."""

    defaults: DefaultsList
    files: list[tuple[ConfigSource, str, object]]
    content: bytes = b""

    def is_as_it_was(self) -> bool:
        return all(_state_of(source, path) == state for source, path, state in self.files)


class _Files(list[ResultDefault]):
    merged: _Merged


def _remember_merged(patch: pytest.MonkeyPatch) -> None:
    merge, known = ConfigLoaderImpl._compose_config_from_defaults_list, dict[object, _Merged]()

    def files_of(repo: IConfigRepository, defaults: list[ResultDefault]) -> list[tuple[ConfigSource, str, object]]:
        sources = {str(default.config_path): source_of(repo, str(default.config_path)) for default in defaults}
        return [(source, path, _state_of(source, path)) for path, source in sources.items()]

    def source_of(repo: IConfigRepository, path: str) -> ConfigSource:
        return next(source for source in repo.get_sources() if source.is_config(path))

    def list_remembered(
        repo: IConfigRepository, config_name: str | None, overrides_list: list[Override], **how: Any
    ) -> DefaultsList:
        overrides = Overrides(repo, overrides_list)
        chosen = (overrides.override_choices, overrides.append_group_defaults, overrides.deletions)
        places = [(source.provider, source.path) for source in repo.get_sources()]
        key = repr((config_name, chosen, places, sorted(how.items())))
        if sum(path.startswith("file:") for _, path in places) > 1 or "${" in key:  # one file may come before another
            return create_defaults_list(repo, config_name, overrides_list, **how)
        if key not in known or not known[key].is_as_it_was():
            made = create_defaults_list(repo, config_name, overrides_list, **how)
            known[key] = _Merged(made, files_of(repo, made.defaults))
        merged = known[key]
        overrides.known_choices = dict(merged.defaults.overrides.known_choices)
        files = _Files(merged.defaults.defaults)
        files.merged = merged
        return replace(
            merged.defaults, defaults=files, config_overrides=overrides.config_overrides, overrides=overrides
        )

    def merge_remembered(self: ConfigLoaderImpl, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
        if not isinstance(defaults, _Files):
            return merge(self, defaults, repo)
        merged = defaults.merged
        if not merged.content:
            config = merge(self, defaults, repo)
            OmegaConf.clear_cache(config)  # of the time that it was
            merged.content = pickle.dumps(config)
        copied: DictConfig = pickle.loads(merged.content)
        return copied

    patch.setattr(config_loader_impl, "create_defaults_list", list_remembered)
    patch.setattr(ConfigLoaderImpl, "_compose_config_from_defaults_list", merge_remembered)


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
