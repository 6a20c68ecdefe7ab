"""Where apsi's options lie and what starts it: in a checkout, or installed."""

import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "conf"  # the wheel's; a checkout has its own beside the package

IS_CHECKOUT = not _INSTALLED.is_dir()
CONFIG_DIR = _PACKAGE.parent / "conf" if IS_CHECKOUT else _INSTALLED
"""A folder for each group, a YAML file for each option."""


def command() -> str:
    """What a user types to start apsi here: `apsi`, or `python run.py` in a checkout unless `apsi` was called."""
    return "apsi" if not IS_CHECKOUT or Path(sys.argv[0]).stem == "apsi" else "python run.py"
