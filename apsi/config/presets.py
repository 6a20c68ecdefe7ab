"""The YAML files of a folder that `--config-dir`, `--config-path` or `hydra.searchpath` adds."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from apsi.errors import ApsiError


def read_presets(folder: Path) -> list[tuple[Path, str, dict[str, Any]]]:
    """Every option in a folder: its file, the text and what that holds.

    Raises:
        ApsiError: a file can't be read or is no YAML.
    """
    presets = []
    for path in sorted(_yaml_files(folder)):
        try:
            text = path.read_text(encoding="utf-8")
            content = yaml.safe_load(text)
            OmegaConf.create(content if isinstance(content, dict) else {})
        except OSError as error:
            raise ApsiError(f"{path} can't be read: {error.strerror}. Repair it or move it out of {folder}") from None
        except UnicodeDecodeError as error:
            raise ApsiError(f"{path} is not UTF-8 text ({error.reason} in byte {error.start}): save it so") from None
        except yaml.YAMLError as error:
            raise ApsiError(f"{path} is not valid YAML: {error}\nCorrect it, or move it out of {folder}") from None
        except OmegaConfBaseException as error:
            said = str(error).partition("\n")[0]
            raise ApsiError(f"{path}: {said}; correct it, or move the file out of {folder}") from None
        if isinstance(content, dict):
            presets.append((path, text, content))
    return presets


def _yaml_files(folder: Path) -> Iterator[Path]:
    """Also those behind links to folders, which Hydra follows."""
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        seen.add(os.path.realpath(place))
        folders[:] = [name for name in folders if os.path.realpath(Path(place) / name) not in seen]
        yield from (Path(place) / name for name in names if name.endswith(".yaml"))
