"""What apsi says when something is wrong: the value, the place and the remedy, in one message."""

import difflib
import re
from collections.abc import Iterable


class ApsiError(Exception):
    """An error whose message is meant for the user: shown without a traceback."""

    exit_code = 1


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`" Did you mean 'ppo'?"` for the closest known name, or `""` when none is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""


def standing_at(error: ApsiError, usual: str, place: str) -> ApsiError:
    """An error of a component that does not stand where such components usually do, with the keys that it has there.

    Args:
        error: names settings as `juror.path`.
        usual: `juror`.
        place: where the component stands, such as `second_juror` or `juror.jurors.onnx`.
    """
    if place == usual:
        return error
    return ApsiError(re.sub(rf"(?<![\w./]){usual}\.(?=[a-z_])", f"{place}.", str(error)))


class Pruned(Exception):  # noqa: N818  it is no error
    """The trial does worse than others did by then; it ends early."""
