"""Measured settings of this machine, stored for other runs and processes."""

import hashlib
import json
import logging
import os
import platform
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import platformdirs
from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from apsi.device.calibration import Setting

log = logging.getLogger(__name__)

VARIABLE = "APSI_CACHE_DIR"
"""Environment variable that names the folder; else it lies where the system keeps its users' caches"""
_VERSION = 1
_SETTING = TypeAdapter(Setting)


def remembered(about: Mapping[str, object], find: Callable[[], Setting]) -> tuple[Setting, bool]:
    """The stored setting of a model on this machine, or a new one, which is then stored.

    One process measures at a time; the result of the first is used by all. A damaged file is measured anew.

    Args:
        about: all that the setting depends on, but for the machine.
        find: measures it.

    Returns:
        The setting, and whether it was stored before.
    """
    key = {"version": _VERSION, "machine": machine(), **about}
    text = json.dumps(key, sort_keys=True, default=str)
    folder = cache_folder()
    if folder is None:
        log.warning("No folder to remember settings in can be written to; name one with %s", VARIABLE)
        return find(), False
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.json"
    with FileLock(path.with_suffix(".lock")):
        known = _read(path, text)
        if known is not None:
            return known, True
        setting = find()
        fresh = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            fresh.write_text(json.dumps({"key": json.loads(text), "setting": _SETTING.dump_python(setting)}, indent=1))
            fresh.replace(path)
        except OSError as error:
            log.warning("What was measured for this machine is not remembered: %s", error)
        return setting, False


def cache_folder() -> Path | None:
    """The folder of measured settings, or None where nothing can be written."""
    named = os.environ.get(VARIABLE)
    own = Path(named).expanduser() if named else platformdirs.user_cache_path("apsi")
    for folder in (own, Path(tempfile.gettempdir()) / f"apsi-{_user()}"):
        try:
            (folder / "calibration").mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        is_ours = not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
        if is_ours and os.access(folder / "calibration", os.W_OK):
            return folder / "calibration"
    return None


def machine() -> dict[str, object]:
    """The processor: the same for all machines of one kind, and for a container that is started anew."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        fields = ("model name", "model", "stepping", "cpu family")
        name = " ".join(sorted({line for line in lines if line.partition("\t")[0].strip() in fields}))
    except OSError:
        pass
    return {"processor": name, "system": platform.system()}


def _read(path: Path, key: str) -> Setting | None:
    try:
        saved = json.loads(path.read_text())
        setting = _SETTING.validate_python(saved["setting"])
        if saved["key"] != json.loads(key) or list(setting.shapes) != sorted(set(setting.shapes)):
            raise ValueError("it is about something else")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        log.warning("%s is damaged, measuring again (%s)", path, str(error).splitlines()[0])
        return None
    return setting if setting.shapes else None


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "user"
