"""Repeating a recorded run."""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from apsi.config.instantiate import check, instantiate
from apsi.config.schema import completed
from apsi.config.trackers import open_tracker
from apsi.config.trust import require_trust
from apsi.errors import ApsiError
from apsi.task import evaluates
from apsi.tracking.recorded import RecordedRun
from apsi.tracking.run_folder import RunFolder

log = logging.getLogger(__name__)

_OF_THIS_RUN = (
    "output_dir",
    "data_dir",
    "score_cache_dir",
    "tracking",
    "device",
    "worker_pool",
    "trust_checkpoint",
    "run_name",
    "quiet",
    "metrics_port",
    "metrics_host",
)
"""Settings of place and machine; all others come from the record"""
_TASKS = ("pipeline", "preprocess", "train", "evaluate", "cross_validate")


@evaluates
def rerun(config: DictConfig, folder: RunFolder) -> Any:
    """Repeats the run `run_id` and reports whether its episodes are the same; returns what the repeated task returns.

    On the same machine with the same code and versions the results are the same. A run that was interrupted and
    continued is repeated without a break.

    Raises:
        ApsiError: no such run, a further setting on the command line, or a record of another version of apsi.
    """
    if config.run_id is None:
        raise ApsiError("task=rerun needs a run: add run_id=... (an MLflow run id or the folder of a run)")
    named = set()
    for override in map(str, OmegaConf.load(folder.path / "overrides.yaml")):
        group = re.split(r"[=./@]", override.lstrip("+~"), maxsplit=1)[0]
        named.add(group)
        if group not in (*_OF_THIS_RUN, "task", "run_id", "hydra"):
            raise ApsiError(f"{override}: a rerun takes this from the record of {config.run_id}; leave it out")
    recorded = RecordedRun(config.run_id, open_tracker(config))
    repeated = _configuration(recorded, config, named)
    name = str(repeated.task["_target_"]).rpartition(".")[2]
    if name not in _TASKS:
        raise ApsiError(f"run {config.run_id} was task={name}; only these can be repeated: {', '.join(_TASKS)}")
    for difference in differences(_record(recorded), folder.record()):
        log.warning("Unlike the recorded run: %s. The results may differ", difference)
    folder.write_config(repeated)
    folder.note(rerun_of=config.run_id, choices=_record(recorded).get("choices", {}))
    result = instantiate(repeated.task)(repeated, folder)
    _compare_results(recorded, folder)
    return result


def differences(recorded: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[str]:
    """Reasons why two runs of the same configuration may differ, as sentences."""
    for name in ("apsi", "python", "platform", "host"):
        if recorded.get(name) != current.get(name):
            yield f"{name} was {recorded.get(name)} and is {current.get(name)}"
    old, new = recorded.get("git") or {}, current.get("git") or {}
    if old.get("commit") != new.get("commit"):
        yield f"the code was at commit {old.get('commit')} and is at {new.get('commit')}"
    if old.get("dirty") or new.get("dirty"):
        yield "there are or were changes that are not committed; those of the record are in its git.diff"
    for name, version in (recorded.get("libraries") or {}).items():
        now = (current.get("libraries") or {}).get(name)
        if now != version:
            yield f"{name} was {version} and is {now}"


def _configuration(recorded: RecordedRun, config: DictConfig, named: set[str]) -> DictConfig:
    """The recorded configuration, with the settings of this command and its tracking."""
    repeated = completed(recorded.config())
    here = [
        key
        for key in _OF_THIS_RUN
        if key in named or key in ("output_dir", "tracking", "run_name", "quiet", "metrics_port", "metrics_host")
    ]
    for key in here:
        OmegaConf.update(repeated, key, config[key], merge=False, force_add=True)
    check(repeated)
    if not recorded.is_own():
        require_trust(repeated, f"run {recorded.name}", here, config)
    if repeated.resume in (None, "auto", "never"):
        repeated.resume = "auto"
    return repeated


def _record(recorded: RecordedRun) -> dict[str, Any]:
    content = json.loads(recorded.file("run.json").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def _compare_results(recorded: RecordedRun, folder: RunFolder) -> None:
    results = folder.path / "results.csv"
    if not results.exists():
        return
    try:
        before: Path = recorded.file("results.csv")
    except ApsiError:
        log.info("The recorded run has no results to compare with")
        return
    if before.read_bytes() == results.read_bytes():
        log.info("The results are those of the recorded run, byte for byte")
    else:
        log.warning("The results differ from those of the recorded run: %s, %s", before, results)
