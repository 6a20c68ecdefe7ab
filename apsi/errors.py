"""What apsi says when something is wrong: the value, the place and the remedy, in one message."""

import difflib
from collections.abc import Iterable


class ApsiError(Exception):
    """An error whose message is meant for the user: shown without a traceback, exit code 1."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`" Did you mean 'ppo'?"` for the closest known name, or `""` when none is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""
