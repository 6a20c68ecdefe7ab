"""The names of all metrics: stable, so that runs of different versions can be compared."""

import re

METRICS = {
    "rollout/success_rate": "successful share of the latest 100 training episodes; step: environment steps, as below",
    "rollout/ep_rew_mean": "mean reward of these episodes",
    "rollout/ep_len_mean": "mean number of steps of these episodes",
    "rollout/exploration_rate": "share of random actions (DQN and related algorithms)",
    "time/juror_cache_hit_rate": "share of the scores that came from the cache, over the training",
    "time/NAME": "Stable-Baselines3's clock: `fps`, `iterations`, `episodes`, `time_elapsed`, `total_timesteps`",
    "train/replay_size": "transitions in the memory (DQN and related algorithms, SAC, TD3), or states (`full_q`, "
    "`afterstate`)",
    "train/q_mean": "mean Q-value of all actions, of the batch learned from last (DQN and related ones, `full_q`)",
    "train/q_std": "their standard deviation",
    "train/q_max": "the highest of them: a value that no return can reach is overestimated",
    "train/grad_norm": "mean norm of the gradients of a step, before they were clipped",
    "train/learning_rate_GROUP": "learning rate of a parameter group: `head`, and `backbone` where there is one",
    "train/loss_scale": "by what gradients in float16 are multiplied (`feature_extractor.amp=float16`)",
    "train/NAME": "the algorithm's own figures, named by it: `loss`, `learning_rate`, `entropy_loss`, `n_updates`, ...",
    "memory/process_megabytes": "resident memory of this process at a validation",
    "memory/gpu_peak_megabytes": "the most that torch has had of the GPU until then, where it uses one",
    "eval/success_rate": "success on the validation split while training",
    "eval/mean_gain": "final minus start score there",
    "eval/mean_steps": "edits per episode there",
    "eval/mean_juror_calls": "photos scored per episode there",
    "eval/mean_reward": "sum of the rewards of an episode there",
    "eval/actions/LABEL": "share of an action (a transform's label, or `stop`) among all that the agent took there; in "
    "MLflow with `_` for each bracket, comma and plus sign",
    "eval/recovered": "share of the distance to the true photos that was taken away there, with `env=repair`",
    "SPLIT/POLICY_success_rate": "evaluation: success of a policy (`agent`, `greedy`, ...) on a split (`test`, ...)",
    "SPLIT/POLICY_mean_gain": "final minus start score",
    "SPLIT/POLICY_recovered": "share of the distance (mean CIEDE2000) to the true photos that the policy took away",
    "SPLIT/POLICY_nearer": "share of the degraded photos that came nearer to the true ones",
    "SPLIT/POLICY_harm": "distance (mean CIEDE2000) that the policy added to photos that were not degraded",
    "SPLIT/POLICY_MEASURE_before": "mean CIEDE2000, PSNR, SSIM or gradient-magnitude similarity to the true photos "
    "before the policy's edits",
    "SPLIT/POLICY_MEASURE_after": "the same after them",
    "data/skipped_files": "files that could not be used",
    "data/near_duplicates": "photos that are copies of others: same bytes, saved again, resized, slightly cropped",
    "data/left_out_photos": "photos that `dataset.limit` or a filter left out",
    "data/SPLIT_episodes": "episodes of a split",
    "data/SPLIT_dropped": "degraded photos left out, as they score no worse than their originals",
    "scores/SPLIT_original_STATISTIC": "scores of the undegraded photos of a split: `count`, `mean`, `spread` (standard"
    " deviation), `min`, `max`, and the quantiles `q05`, `q25`, `q50`, `q75`, `q95`",
    "scores/SPLIT_degraded_STATISTIC": "the same of the degraded ones",
    "system/cpu_utilization_percentage": "of the machine; step: seconds since the start, as for all of `system`",
    "system/system_memory_usage_megabytes": "of the machine",
    "system/system_memory_usage_percentage": "of the machine",
    "system/process_memory_usage_megabytes": "resident memory of this process",
    "system/workers_memory_usage_megabytes": "resident memory of the processes that this one started",
    "system/gpu_N_memory_usage_megabytes": "of GPU N, where CUDA is used",
    "system/gpu_N_memory_usage_percentage": "the same as a share",
    "system/gpu_N_utilization_percentage": "share of the time in which GPU N worked, with the extra `monitoring`",
    "seconds/NAME": "what parts of the run took: `prepare`, `train`, `evaluate`, and each step of preprocessing, "
    "such as `prepare_resize`; one that was found done takes none",
}
"""Name -> meaning; what is in capitals stands for several"""

_STANDS_FOR = {
    "SPLIT": "(train|val|test|all)",
    "POLICY": r"[\w-]+",
    "MEASURE": "(ciede2000|psnr|ssim|gms)",
    "NAME": r"[\w.-]+",
    "LABEL": r"[^/]+",
    "GROUP": r"\w+",
    "STATISTIC": r"(count|mean|spread|min|max|q\d\d)",
    "N": r"\d+",
}


def row_of(metric: str) -> str | None:
    """The row of `METRICS` that a metric belongs to; None for an unknown one."""
    return next((row for row in METRICS if re.fullmatch(_pattern(row), metric)), None)


def _pattern(row: str) -> str:
    return re.sub(r"(?<![A-Za-z])[A-Z]+(?![A-Za-z])", lambda found: _STANDS_FOR[found[0]], row)
