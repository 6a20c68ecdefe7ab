"""Names of earlier versions: records are read with the new name, and error messages tell it."""

from collections.abc import Mapping
from typing import Any

OPTIONS = {
    "policy/checked": "policy=expected_improvement",
    "policy.checked": "policy.expected_improvement",
    "policy.checked.price": "policy.expected_improvement.min_improvement",
    "policy.checked.recall": "policy.expected_improvement.step_correlation",
    "policy.expected_improvement.price": "policy.expected_improvement.min_improvement",
    "policy.expected_improvement.recall": "policy.expected_improvement.step_correlation",
    "tracking.uri": "tracking.mlflow.uri",
    "tracking.experiment": "tracking.mlflow.experiment",
    "tracking.system_seconds": "tracking.mlflow.system_seconds",
    "tracking.finish_seconds": "tracking.mlflow.finish_seconds",
    "algo.wander": "algo.random_edit_prob",
}
"""Groups' options, as `group/option`, and settings"""

TARGETS = {
    "apsi.algo.optimizer.adamw.AdamW": "apsi.algo.optimizer.adam.AdamW",
    "apsi.algo.schedule.constant.Constant": "apsi.algo.schedule.fixed.Constant",
    "apsi.algo.schedule.linear.Linear": "apsi.algo.schedule.fixed.Linear",
    "apsi.algo.schedule.step.Step": "apsi.algo.schedule.fixed.Step",
    "apsi.algo.schedule.warmup_cosine.WarmupCosine": "apsi.algo.schedule.fixed.WarmupCosine",
    "apsi.feature_extractor.efficientnet_b0.EfficientNetB0": "apsi.feature_extractor.backbones.EfficientNetB0",
    "apsi.feature_extractor.mobilenet_v2.MobileNetV2": "apsi.feature_extractor.backbones.MobileNetV2",
    "apsi.feature_extractor.resnet18.ResNet18": "apsi.feature_extractor.backbones.ResNet18",
    "apsi.feature_extractor.resnet50.ResNet50": "apsi.feature_extractor.backbones.ResNet50",
    "apsi.juror.embedding.Laion": "apsi.juror.laion.Laion",
    "apsi.juror.embedding.SiglipV25": "apsi.juror.siglip_v2_5.SiglipV25",
    "apsi.policy.checked.Checked": "apsi.policy.expected_improvement.ExpectedImprovement",
    "apsi.preprocess.pipeline.Pipeline": "apsi.preprocess.steps.Steps",
    "apsi.reward.clipped_difference.ClippedDifference": "apsi.reward.score_difference.ClippedDifference",
    "apsi.reward.step_penalized.StepPenalized": "apsi.reward.score_difference.StepPenalized",
    "apsi.reward.stop_only_plain.StopOnlyPlain": "apsi.reward.stop_only.StopOnlyPlain",
    "apsi.reward.stop_only_quadratic.StopOnlyQuadratic": "apsi.reward.stop_only.StopOnlyQuadratic",
}
"""What a `_target_` names"""

ARGUMENTS = {
    "apsi.policy.expected_improvement.ExpectedImprovement": {
        "price": "min_improvement",
        "recall": "step_correlation",
    },
    "apsi.algo.undo.Undo": {"wander": "random_edit_prob"},
}
"""Arguments by new target"""

STATES = {"_owed": "_deferred", "lessons": "targets"}
"""What the state of a run in a checkpoint holds"""


TENSORS = {"quantile_net_target.quantile_net": "q_net_target.q_net", "quantile_net.quantile_net": "q_net.q_net"} | {
    name: name.replace("quantile", "q") for name in ("quantile_net_target", "quantile_net")
}
"""Beginnings of the names of a policy's tensors, the longer ones first"""


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


def settings_with_new_names(settings: Mapping[str, str]) -> dict[str, str]:
    """The same for a configuration as one level of dotted keys."""
    return {OPTIONS.get(key, key): TARGETS.get(value, value) for key, value in settings.items()}


def state_with_new_names(state: Any) -> Any:
    """The same for the state of a run."""
    if isinstance(state, list):
        return [state_with_new_names(part) for part in state]
    if not isinstance(state, dict):
        return state
    return {STATES.get(name, name): state_with_new_names(part) for name, part in state.items()}


def tensor_with_new_name(name: str) -> str:
    """The same for a tensor of a policy."""
    old = next((old for old in TENSORS if name.startswith(f"{old}.")), None)
    return name if old is None else TENSORS[old] + name.removeprefix(old)


def new_names_for(text: str) -> str:
    """` X is now Y.` for what an error message names by an earlier name, the longest such name; else empty."""
    for old in sorted(OPTIONS, key=len, reverse=True):
        if f"'{old}'" in text or f"{old}=" in text:
            return f" {old.replace('/', '=')} is now {OPTIONS[old]}."
    return ""
