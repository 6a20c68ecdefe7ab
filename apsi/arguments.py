"""The command line before Hydra reads it: what may be typed as it is, and what is refused first."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString

from apsi.config.presets import read_presets
from apsi.config.quoting import quote
from apsi.config.schema import require_run_name
from apsi.config.trust import require_trusted_presets, require_trusted_source
from apsi.errors import ApsiError
from apsi.installation import CONFIG_DIR, command

_TRUST = re.compile(r"\+{0,2}trust_checkpoint=['\"]?(true|yes|on|1)['\"]?", re.IGNORECASE)
_OUT_OF_BRACES = re.compile(r"[\w.-]+:(?!//)")  # a name of a mapping, and no address
_CONFIG_DIR, _CONFIG_PATH = "--config-dir", "--config-path"


def prepare(arguments: list[str]) -> list[str]:
    """The arguments as Hydra's grammar wants them: texts quoted, folders of options by their whole paths.

    Raises:
        ApsiError: the shell took a mapping in them apart, they ask Hydra for a pickle, name a folder that is not there,
            bring options of others that do more than to choose values, or a run name that is no safe folder.
    """
    _require_whole_braces(arguments)
    given = [_whole(argument) for argument in _joined([quote(argument) for argument in arguments])]
    _refuse_pickles(given)
    for argument in given:
        key, has_value, value = argument.partition("=")
        if key.lstrip("+") == "run_name":  # before Hydra makes a folder of it
            require_run_name(value)
        elif key == _CONFIG_DIR and has_value:
            _require_folder(value)
    _require_trusted(given)
    return given


def config_dir(arguments: list[str]) -> Path | None:
    """The folder of the user's own options that prepared arguments name."""
    named = [argument.partition("=")[2] for argument in arguments if argument.startswith(f"{_CONFIG_DIR}=")]
    return Path(named[-1]) if named else None


def _require_whole_braces(arguments: list[str]) -> None:
    """Shells make two words or more of `groups={a:[X],b:[Y]}` without quotes: `groups=a:[X]` and `groups=b:[Y]`."""
    for one, other in pairwise(arguments):
        key, has_value, value = one.partition("=")
        if has_value and other.startswith(f"{key}=") and _OUT_OF_BRACES.match(value):
            values = [argument.partition("=")[2] for argument in arguments if argument.startswith(f"{key}=")]
            raise ApsiError(
                f"{one} {other}: the shell has taken the braces apart; put the whole argument in single quotes: "
                f"'{key}={{{','.join(values)}}}'"
            )


def _joined(arguments: list[str]) -> Iterator[str]:
    """`--config-dir FOLDER`, `-cd FOLDER` and what else argparse takes for them as `--config-dir=FOLDER`."""
    rest = iter(arguments)
    for argument in rest:
        typed, has_value, value = argument.partition("=")
        for name, short in ((_CONFIG_DIR, "-cd"), (_CONFIG_PATH, "-cp")):
            if typed == short or (len(typed) > len("--config-") and name.startswith(typed)):
                after = value if has_value else next(rest, None)
                yield typed if after is None else f"{name}={after}"  # without a value argparse says what is missing
                break
        else:
            yield argument


def _whole(argument: str) -> str:
    """`--config-path` starts beside `run.py` where that is what was called, as Hydra does it; else here."""
    key, _, value = argument.partition("=")
    if not value or key not in (_CONFIG_DIR, _CONFIG_PATH) or "://" in value:
        return argument
    beside = CONFIG_DIR.parent if key == _CONFIG_PATH and command() != "apsi" else Path.cwd()
    return f"{key}={beside / Path(value).expanduser()}"


def _refuse_pickles(arguments: list[str]) -> None:
    """Hydra's own way to repeat a run reads a pickle, which could run anything."""
    for name in (argument.partition("=")[0] for argument in arguments):
        if name.startswith("--e") and "--experimental-rerun".startswith(name):  # it may be abbreviated
            raise ApsiError(f"{name} is not supported; repeat a run with task=rerun run_id=ITS_FOLDER")


def _require_folder(folder: str) -> None:
    if not Path(folder).is_dir() or not folder:
        wrong = "is no folder" if folder and Path(folder).exists() else "does not exist" if folder else "needs a folder"
        raise ApsiError(
            f"{_CONFIG_DIR}={folder} {wrong}. Name one that holds a folder for each group: your own option reward=mine "
            "is FOLDER/reward/mine.yaml"
        )


def _require_trusted(arguments: list[str]) -> None:
    """Looks at what the command adds to Hydra's search path before Hydra does, which may run what it finds there."""
    trusted = any(map(_TRUST.fullmatch, arguments))
    for argument in arguments:
        key, has_value, value = argument.partition("=")
        if key == _CONFIG_DIR and has_value:
            read = read_presets if trusted else require_trusted_presets
            read(Path(value))
        elif not trusted and key == _CONFIG_PATH and has_value:
            require_trusted_source(value)
        elif not trusted and "searchpath" in key:
            for source in _texts_in(argument):
                require_trusted_source(source)


def _texts_in(override: str) -> Iterator[str]:
    """The texts of an override's value, a list or one of them, as Hydra reads it."""
    value = OverridesParser.create().parse_override(override).value()
    for item in value if isinstance(value, list) else [value]:
        yield item.text if isinstance(item, QuotedString) else str(item)
