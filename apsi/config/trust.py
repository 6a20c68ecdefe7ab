"""Configurations from files: plain values only; files and addresses in those of others must be confirmed first.

What this user's apsi writes ends with a comment, a keyed hash of the text: the key never leaves the user's own state
folder, so that a file from elsewhere, or one that was altered, can't pass as the user's own.
"""

import hashlib
import hmac
import os
import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from apsi.config.presets import read_presets
from apsi.config.whitelist import WHITELIST, holds
from apsi.errors import ApsiError
from apsi.installation import CONFIG_DIR

_MARK = "\n# made here: "
_PLACES = (
    "path",
    "url",
    "uri",
    "head",
    "tower",
    "weights",
    "address",
    "host",
    "storage",
    "file",
    "dir",
    "folder",
    "root",
    "annotations",
    "database",
)
_A_PLACE = re.compile(r"^\w[\w+.-]*://|[/\\]|^[~.]|^[\w.-]+:\d+$")
_REMOTE = re.compile(r"^\w[\w+.-]*://|^[\w.-]+:\d+$")
_HARMLESS = ("checkpoint", "")
"""`feature_extractor.weights=checkpoint`: those of the checkpoint itself"""
_RESOLVER = re.compile(r"\$\{[^}]*\$\{|\$\{\s*[\w.]+\s*:")


def signed(text: str) -> str:
    """The text with its keyed hash; unchanged where no key can be stored."""
    key = _key()
    return text if key is None else f"{text.rstrip()}{_MARK}{_hash(key, text)}\n"


def is_own(text: str) -> bool:
    """Whether this user's apsi wrote the text, and nobody changed it since."""
    body, mark, given = text.rpartition(_MARK)
    key = _key() if mark else None
    return key is not None and hmac.compare_digest(given.strip().encode(), _hash(key, body).encode())


def read_config(text: str, source: object) -> DictConfig:
    """A configuration that was written down resolved.

    Args:
        text: YAML.
        source: what it is out of, for the error.

    Raises:
        ApsiError: it holds an interpolation, such as `${oc.env:PASSWORD}`, or is no configuration.
    """
    config = OmegaConf.create(text)
    if not isinstance(config, DictConfig):
        raise ApsiError(f"{source} holds no configuration")
    for key, value in _leaves(OmegaConf.to_container(config, resolve=False)):
        if "${" in f"{key}{value}":
            raise ApsiError(
                f"{source}: {key}={value} is an interpolation. Configurations are saved resolved, so this one was "
                "altered; it is not used"
            )
    return config


def require_trust(config: DictConfig, source: object, named: Collection[str], own: DictConfig) -> None:
    """Refuses places and own packages that a configuration from elsewhere brings and the command does not confirm.

    What `APSI_ALLOW` allows is for what the user names: others get nothing by it.

    Args:
        config: from elsewhere, with what the command line names.
        source: what it is out of, for the error.
        named: keys that the command line decides on, with all below them.
        own: the configuration of this command; what says the same there is confirmed.

    Raises:
        ApsiError: with each place and what would be done with it.
    """
    if own.trust_checkpoint:
        return
    content = OmegaConf.to_container(config, resolve=False)
    foreign = [
        (key, value)
        for key, value in (*_places(content), *_packages_of_others(content))
        if not any(key == name or key.startswith(f"{name}.") for name in named) and _value(own, key) != value
    ]
    _refuse(source, foreign)


def require_trusted_presets(folder: Path) -> None:
    """Holds every preset in a folder that `--config-dir` adds against the same rules, before Hydra reads any.

    Presets that a search of this user wrote are free of them; those of others may hold no resolver such as
    `${oc.env:...}`, no place and nothing for Hydra itself, which could run programs.

    Raises:
        ApsiError: with the file, the keys and the values.
    """
    for path, text, content in read_presets(folder):
        if is_own(text):
            continue
        for key, value in _leaves(content):
            if key.rpartition(".")[2] == "trust_checkpoint":
                raise ApsiError(f"{path} sets {key}, which only the command line may")
            if _RESOLVER.search(f"{key}{value}"):
                raise ApsiError(f"{path}: {key}={value} asks for what is outside the configuration. {_REMEDY}")
        packages = [*re.findall(r"^\s*#\s*@package\s+(\S+)", text, re.M), *_packages(content.get("defaults"))]
        if (
            "hydra" in content
            or any("hydra" in package for package in packages)
            or "hydra" in path.relative_to(folder).parts
        ):
            raise ApsiError(f"{path} changes Hydra itself, which could run programs. {_REMEDY}")
        _refuse(path, list(_places(content)))


def require_trusted_source(source: str) -> None:
    """Holds a place that `--config-path` or `hydra.searchpath` adds against the rules of `require_trusted_presets`.

    Args:
        source: a folder, `file://FOLDER` or `pkg://PACKAGE`.

    Raises:
        ApsiError: a preset there breaks them, or it is no folder and not apsi's or Hydra's own package.
    """
    scheme, _, place = source.rpartition("://")
    if scheme in ("", "file"):
        if Path(place).resolve() != CONFIG_DIR:
            require_trusted_presets(Path(place))
    elif scheme != "pkg" or not re.fullmatch(r"(apsi|hydra)([./]\w+)*", place):
        raise ApsiError(f"{source} is no folder of presets that can be looked through first. {_REMEDY}")


_REMEDY = "If you trust who made it, add trust_checkpoint=true"


def _refuse(source: object, foreign: list[tuple[str, str]]) -> None:
    if not foreign:
        return
    listed = "".join(f"\n  {key}={value}: {_what_it_does(key, value)}" for key, value in foreign)
    raise ApsiError(f"{source} was not made here and brings what this command does not name:{listed}\n{_REMEDY}")


def _value(config: DictConfig, key: str) -> Any:
    with suppress(OmegaConfBaseException):
        return OmegaConf.select(config, key)
    return None


def _what_it_does(key: str, value: str) -> str:
    last = key.rpartition(".")[2]
    if last == "_target_":
        return "apsi would run it"
    if _REMOTE.search(value):
        photos = " and send it your photos" if "juror" in key else ""
        return f"apsi would connect to it{photos}"
    if last == "tower":
        return "apsi would load that folder, or download the model of that name"
    return f"apsi would {'write below it' if last.endswith('_dir') else 'read it'}"


def _places(content: Any) -> Iterator[tuple[str, str]]:
    """Files, folders and addresses below a configuration by their full keys."""
    for key, value in _leaves(content):
        last = key.rpartition(".")[2]
        by_name = last in _PLACES or last.endswith(tuple(f"_{name}" for name in _PLACES))
        if last == "_target_" or not isinstance(value, str) or value in _HARMLESS:
            continue
        if _A_PLACE.search(value) or (by_name and not value.startswith("${")):
            yield key, value


def _packages_of_others(content: Any) -> Iterator[tuple[str, str]]:
    """Targets that are neither apsi's nor its libraries'."""
    for key, value in _leaves(content):
        if key.rpartition(".")[2] == "_target_" and not holds(WHITELIST, str(value)):
            yield key, str(value)


def _leaves(content: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    items: Any = ()
    if isinstance(content, dict):
        items = content.items()
    elif isinstance(content, list):
        items = enumerate(content)
    for key, value in items:
        place = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, dict | list):
            yield from _leaves(value, place)
        else:
            yield place, value


def _packages(defaults: Any) -> Iterator[str]:
    """What a defaults list puts elsewhere with `group@package`, or chooses for Hydra itself."""
    for entry in defaults if isinstance(defaults, list) else ():
        for text in (str(entry),) if not isinstance(entry, dict) else map(str, entry):
            if "@" in text or "hydra" in text:
                yield text


def _hash(key: bytes, body: str) -> str:
    return hmac.new(key, body.rstrip().encode(), hashlib.sha256).hexdigest()


def _key() -> bytes | None:
    """The user's own, made when it is first needed; None where no folder of the user's can be written."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    path = Path(state).expanduser() / "apsi" / "key"
    with suppress(OSError, RuntimeError):  # RuntimeError: a user without a home
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, fresh = tempfile.mkstemp(dir=path.parent)  # only the user may read it
            with os.fdopen(handle, "wb") as file:
                file.write(os.urandom(32))
            try:
                with suppress(FileExistsError):  # another process was first
                    os.link(fresh, path)
            finally:
                Path(fresh).unlink()
        key = path.read_bytes()
        return key if len(key) >= 32 else None
    return None
