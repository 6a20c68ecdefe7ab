"""Figures that an evaluation must reach: `evaluate.require="agent.success_rate>=0.7, agent.mean_gain>0"`."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from apsi.errors import ApsiError, did_you_mean
from apsi.evaluate.summary import PolicySummary

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
_CONDITION = re.compile(r"\s*([\w-]+)\.(\w+)\s*(>=|<=|==|>|<)\s*([+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*")
_FIGURE_ALONE = re.compile(r"\s*[\w-]+\.\w+\s*")
_INTERVAL = "_ci95"


class RequirementError(ApsiError):
    """An evaluation that completed but missed a condition of `evaluate.require`."""

    exit_code = 3


@dataclass(frozen=True)
class Condition:
    """A condition on one figure of one policy."""

    policy: str
    figure: str
    comparison: str
    limit: float

    def __str__(self) -> str:
        return f"{self.policy}.{self.figure}{self.comparison}{self.limit:g}"

    def failure(self, policies: Mapping[str, Mapping[str, Any]]) -> str | None:
        """What is wrong with the figures, as in `summary.json`; None where the condition holds."""
        value = flat_figures(policies[self.policy])[self.figure]
        if value is None:
            why = "a single photo has no interval" if _INTERVAL in self.figure else "no photo tells it"
            return f"{self} is unknown: {why}"
        return None if _OPERATORS[self.comparison](value, self.limit) else f"{self} failed, it is {value:.4g}"


def conditions(text: str | None, policies: Iterable[str]) -> list[Condition]:
    """Reads `evaluate.require`.

    Args:
        text: conditions with commas between them; None: there are none.
        policies: those that will be evaluated.

    Raises:
        ApsiError: it can't be read, or names a policy or figure that is not evaluated.
    """
    policies, found = list(policies), []
    for part in (text or "").strip(" []").split(",") if text else []:
        match = _CONDITION.fullmatch(part)
        if match is None or match[4].count(".") > 1 or not re.search(r"\d", match[4]):
            raise ApsiError(
                f"evaluate.require={text}: can't read '{part.strip()}'; a condition is "
                "POLICY.FIGURE>=NUMBER (or >, <=, <, ==), such as agent.success_rate>=0.7, several with commas between"
                + (". Put it in quotes: the shell takes > and < for itself" if _FIGURE_ALONE.fullmatch(part) else "")
            )
        policy, figure, comparison, limit = match.groups()
        if policy not in policies:
            raise ApsiError(
                f"evaluate.require={text}: '{policy}' is not evaluated.{did_you_mean(policy, policies)} "
                f"policy=[{','.join(policies)}]"
            )
        if figure not in FIGURES:
            raise ApsiError(
                f"evaluate.require={text}: there is no figure '{figure}'.{did_you_mean(figure, FIGURES)} "
                f"There are: {', '.join(FIGURES)}"
            )
        found.append(Condition(policy, figure, comparison, float(limit)))
    return found


def require_reached(wanted: Iterable[Condition], policies: Mapping[str, Mapping[str, Any]]) -> None:
    """Checks the figures of an evaluation against the conditions.

    Raises:
        RequirementError: names each condition that does not hold.
    """
    failed = [failure for condition in wanted if (failure := condition.failure(policies)) is not None]
    if failed:
        raise RequirementError(f"evaluate.require: {'; '.join(failed)}")


def flat_figures(summary: Mapping[str, Any]) -> dict[str, float | None]:
    """The figures of one policy that conditions can name; None for the ends of a missing interval."""
    named: dict[str, float | None] = {}
    for name in FIGURES:
        interval, _, end = name.rpartition("_")
        if end in ("low", "high"):
            named[name] = summary[interval][end == "high"] if summary[interval] else None
        else:
            named[name] = summary[name]
    return named


def _names() -> Iterable[str]:
    for field in fields(PolicySummary):
        if field.type in (float, int, float | None):
            yield field.name
        elif field.name.endswith(_INTERVAL):
            yield from (f"{field.name}_low", f"{field.name}_high")


FIGURES = tuple(_names())
"""`success_rate`, `success_ci95_low`, ..., as in `summary.json`"""
