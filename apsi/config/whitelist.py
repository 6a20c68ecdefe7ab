"""What a configuration may name as a `_target_`: apsi's own, some of its libraries', and the packages of the user."""

import os
import re

from apsi.errors import ApsiError

WHITELIST = ("apsi.*", "torch.nn.*", "torch.optim.*", "optuna.samplers.*", "optuna.pruners.*")
"""For everybody, and all that a configuration from elsewhere may name"""

_ALLOW = "APSI_ALLOW"


def whitelist() -> tuple[str, ...]:
    """`WHITELIST` with the packages that the user allows besides: `APSI_ALLOW=mine,other.rewards`.

    Raises:
        ApsiError: what is allowed there is no name of a package.
    """
    given = os.environ.get(_ALLOW, "")
    packages = [name.strip() for name in given.split(",") if name.strip()]
    for name in packages:
        if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", name):
            raise ApsiError(
                f"{_ALLOW}={given}: {name} is no name of a package; write packages or modules as they are imported, "
                f"with commas between them: {_ALLOW}=mine,other.rewards"
            )
    return (*WHITELIST, *(f"{name}.*" for name in packages))


def holds(patterns: tuple[str, ...], name: str) -> bool:
    """Whether a whitelist allows a name in full."""
    return any(name.startswith(pattern.removesuffix("*")) for pattern in patterns)


def how_to_allow(target: str) -> str:
    """What to do about a target that the whitelist does not hold."""
    package, dot, _ = target.partition(".")
    if not dot:
        return "it is no class: write it as package.module.Class"
    return (
        f"a component comes from: {', '.join(whitelist())}. "
        f"If {package} is your own package, or you trust whoever wrote it, set {_ALLOW}={package} in the environment"
    )
