"""The only place where a configuration becomes objects: allowed targets only, with checked arguments."""

import inspect
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_type_hints

import hydra.utils
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf
from pydantic import ConfigDict, PydanticSchemaGenerationError, TypeAdapter, ValidationError

from apsi.config.renamed import ARGUMENTS, TARGETS, new_names_for
from apsi.config.whitelist import holds, how_to_allow, whitelist
from apsi.errors import ApsiError, did_you_mean


def instantiate(node: DictConfig, /, **arguments: Any) -> Any:
    """Builds what a configuration node names, with further arguments from the caller.

    Raises:
        ApsiError: there is no target, it isn't allowed or can't be found, or its arguments don't fit.
    """
    if "_target_" not in node:
        place = full_key(node) or "configuration"
        renamed = new_names_for(f"'{place}'")
        raise ApsiError(
            f"{place} names nothing to build: its option needs a line _target_: package.module.Class.{renamed}"
        )
    check(node)
    target, plain = _locate(node), _plain(node)
    common = _common_settings(target, plain)
    taken = {name for values in common.values() for name in values}
    alone = OmegaConf.create({key: value for key, value in plain.items() if key not in taken})
    # alone, as Hydra would copy the whole configuration of the node
    try:
        built = hydra.utils.instantiate(alone, _execution_whitelist_=list(whitelist()), _convert_="all", **arguments)
    except InstantiationException as error:
        if isinstance(error.__cause__, ApsiError):
            raise error.__cause__ from None
        raise
    for attribute, values in common.items():
        setattr(built, attribute, target.common[attribute](**values))
    return built


def class_of(node: DictConfig) -> Any:
    """What a node names.

    Raises:
        ApsiError: it isn't allowed or can't be found.
    """
    return _locate(node)


def class_and_arguments(node: DictConfig) -> tuple[type, dict[str, Any]]:
    """The class a node names and its arguments, for a library that wants to construct it itself."""
    check(node)
    arguments = {key: value for key, value in _plain(node).items() if not _is_special(key)}
    return _locate(node), arguments


def check(config: DictConfig) -> None:
    """Checks every component below `config` against the signature of its target, without building it.

    Raises:
        ApsiError: the first argument that is unknown or of the wrong type, or target that can't be used.
    """
    for node in components_below(config):
        arguments = {key: value for key, value in _plain(node).items() if not _is_special(key)}
        target = _locate(node)
        parameters = dict(inspect.signature(target).parameters)
        place = full_key(node) or "configuration"
        annotated = target if not inspect.isclass(target) or _is_dataclass(target) else target.__init__
        hints = _hints(annotated)
        common = _common_settings(target, arguments)
        for attribute, values in common.items():
            kind = target.common[attribute]
            hints, parameters = _hints(kind) | hints, parameters | inspect.signature(kind).parameters
            for name, value in values.items():
                _check_type(f"{place}.{name}", value, _hints(kind)[name])
            kind(**values)  # which refuses what does not go together
        for name, value in arguments.items():
            if name not in parameters:
                renamed = ARGUMENTS.get(str(node["_target_"]), {}).get(name)
                hint = f" It is now {renamed}." if renamed else did_you_mean(name, parameters)
                raise ApsiError(
                    f"{place}.{name}: {node['_target_']} has no argument '{name}'.{hint} "
                    f"It takes: {', '.join(parameters)}."
                )
            if name in hints and not _holds_component(value):
                _check_type(f"{place}.{name}", value, hints[name])


def _common_settings(target: Any, arguments: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Of these arguments, the settings that every option of a group has besides its own, by the attribute for them.

    The base class of the group names them in `common`; an argument of the class itself comes first.
    """
    own = inspect.signature(target).parameters
    return {
        attribute: {
            name: arguments[name] for name in kind.__dataclass_fields__ if name in arguments and name not in own
        }
        for attribute, kind in getattr(target, "common", {}).items()
    }


def _hints(annotated: Any) -> dict[str, Any]:
    try:
        return get_type_hints(annotated, include_extras=True)
    except NameError:  # a library that imports the names in its hints for type checkers only
        return {}


def _adapter(hint: Any) -> TypeAdapter[Any]:
    try:
        hash(hint)
    except TypeError:  # it is annotated with what has none
        return _adapter_of.__wrapped__(hint)
    return _adapter_of(hint)


@cache
def _adapter_of(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))


def _check_type(place: str, value: Any, hint: Any) -> None:
    """Checks a value against a type hint as JSON, strictly: `"5"`, `5.0` and `true` are no integers."""
    try:
        _adapter(hint).validate_json(json.dumps(value, default=str), strict=True)
    except PydanticSchemaGenerationError:
        return
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join([place, *map(str, problem["loc"])])
        message = f"{problem['msg'][0].lower()}{problem['msg'][1:]}"
        if problem["type"] == "needs_python_object":
            message = f"must be a component, with a _target_; an option is chosen with {where.replace('.', '/')}=NAME"
        elif problem["type"] == "string_type":
            message += f"; quote what is text: {where}='\"{problem['input']}\"'"
        raise ApsiError(f"{where}={problem['input']!r}: {message}") from None


def components_below(config: Any) -> Iterator[DictConfig]:
    """Every node with a `_target_`, the outer before those that are its arguments."""
    if OmegaConf.is_dict(config):
        if "_target_" in config:
            yield config
        keys = list(config)
    else:
        keys = list(range(len(config))) if OmegaConf.is_list(config) else []
    for key in keys:
        if not OmegaConf.is_interpolation(config, key) and not OmegaConf.is_missing(config, key):
            yield from components_below(config[key])


def full_key(node: DictConfig) -> str:
    """The place of a node in its configuration, such as `juror.jurors.sharp`; empty for a whole one."""
    return str(node._get_full_key(""))  # noqa: SLF001 - OmegaConf has no public way (its issue 1085)


def _locate(node: DictConfig) -> Any:
    """The class that a node names, or the function that a node with `_partial_` names."""
    target = str(node["_target_"])
    place = f"{full_key(node) or 'configuration'}._target_={target}"
    if not holds(whitelist(), target):
        raise ApsiError(f"{place} is not allowed; {how_to_allow(target)}")
    if target in TARGETS:
        raise ApsiError(f"{place} is now {TARGETS[target]}")
    try:
        found = hydra.utils.get_object(target)
    except ImportError as error:
        raise ApsiError(
            f"{place} can't be imported: {error}. What is not installed is found through PYTHONPATH=ITS_FOLDER"
        ) from error
    home = f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', '')}"
    if not holds(whitelist(), home):
        raise ApsiError(f"{place} is not allowed: it leads to {home}")
    if not inspect.isclass(found) and not node.get("_partial_"):
        raise ApsiError(f"{place} is not allowed: it must name a class")
    return found


def _plain(node: DictConfig) -> dict[str, Any]:
    container = OmegaConf.to_container(node, resolve=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def _is_special(key: str) -> bool:
    return key.startswith("_") and key.endswith("_")


def _is_dataclass(target: Any) -> bool:
    return hasattr(target, "__dataclass_fields__")


def _holds_component(value: Any) -> bool:
    if isinstance(value, dict):
        return "_target_" in value or any(_holds_component(v) for v in value.values())
    return isinstance(value, list) and any(_holds_component(v) for v in value)
