"""What had another name in earlier versions: their records are read with the new one, a user is told it."""

from typing import Any

OPTIONS = {
    "policy/checked": "policy=expected_improvement",
    "policy.checked": "policy.expected_improvement",
    "policy.checked.price": "policy.expected_improvement.min_improvement",
    "policy.checked.recall": "policy.expected_improvement.step_correlation",
    "algo.wander": "algo.random_edit_prob",
}
"""Groups' options, as `group/option`, and settings"""

TARGETS = {
    "apsi.juror.embedding.Laion": "apsi.juror.laion.Laion",
    "apsi.juror.embedding.SiglipV25": "apsi.juror.siglip_v2_5.SiglipV25",
    "apsi.policy.checked.Checked": "apsi.policy.expected_improvement.ExpectedImprovement",
    "apsi.preprocess.pipeline.Pipeline": "apsi.preprocess.steps.Steps",
}
"""What a `_target_` names"""

ARGUMENTS = {
    "apsi.policy.expected_improvement.ExpectedImprovement": {
        "price": "min_improvement",
        "recall": "step_correlation",
    },
    "apsi.algo.undo.Undo": {"wander": "random_edit_prob"},
}
"""Of what has the new name, where it has one"""


def with_new_names(written: Any) -> Any:
    """A configuration as plain nested dicts and lists, with the names of this version; the input is not changed."""
    if isinstance(written, list):
        return [with_new_names(value) for value in written]
    if not isinstance(written, dict):
        return written
    target = written.get("_target_")
    target = TARGETS.get(target, target) if isinstance(target, str) else None
    names = ARGUMENTS.get(target or "", {})
    found = {names.get(key, key): with_new_names(value) for key, value in written.items()}
    return found | {"_target_": target} if target is not None else found


def new_names_for(text: str) -> str:
    """` X is now Y.` for what an error message names by an earlier name, the longest such name; else empty."""
    for old in sorted(OPTIONS, key=len, reverse=True):
        if f"'{old}'" in text or f"{old}=" in text:
            return f" {old.replace('/', '=')} is now {OPTIONS[old]}."
    return ""
