"""Several runs from one command, `apsi --multirun seed=1,2,3`, and one summary of them all.

A run that fails does not end the others. Light, as every command imports it.
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from apsi.tracking.run_folder import FAILED, RunFolder, is_plain

_began: list[bool] = []
_ended: list[tuple[Path, bool]] = []


class MultirunEnd(Callback):
    """Remembers the folder of a multirun once all its jobs have ended, wherever they ran."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Hydra's."""
        _began.append(is_plain(config.hydra))

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Hydra's; what it raised would only be a warning, so the summary is left to `summarise_multiruns`."""
        if is_plain(config.hydra):
            _ended.append((Path(config.hydra.sweep.dir), bool(config.quiet)))


def began_multirun() -> bool:
    """Whether this command is a plain multirun, no search, that has begun."""
    return any(_began)


def run_one_of_many(run: Callable[[], Any], explain: Callable[[Exception], str | None]) -> Any:
    """Runs a job; after an error, which is recorded and logged, the next job begins. An interruption ends all.

    A run that completes but misses `evaluate.require` is kept, with a note for the summary.

    Args:
        run: does it.
        explain: what to tell the user of an error; None where a traceback is of more use.
    """
    from apsi.evaluate.require import RequirementError

    hydra = HydraConfig.get()
    folder = RunFolder(Path(hydra.runtime.output_dir))
    try:
        return run()
    except RequirementError as missed:  # which its record holds
        print(f"\n{folder.path}: {missed}", file=sys.stderr)
        return None
    except Exception as error:
        logging.getLogger().info("The run ended with", exc_info=True)  # in its log
        said = explain(error)
        if said is None:
            traceback.print_exc()
        message = said or f"{type(error).__name__}: {error}"
        if not folder.record():  # it failed before it began
            folder.path.mkdir(parents=True, exist_ok=True)
            overrides = OmegaConf.create(list(hydra.overrides.task))
            (folder.path / "overrides.yaml").write_text(OmegaConf.to_yaml(overrides), encoding="utf-8")
        folder.finish(FAILED, error=message)
        print(f"\nError in {folder.path}: {message}", file=sys.stderr)
        return None


def summarise_multiruns() -> None:
    """Summarises the multirun that this command was, if it was one.

    Raises:
        ApsiError: some of its runs failed.
        RequirementError: none failed; some missed `evaluate.require`.
    """
    if _ended:
        logging.getLogger().handlers.clear()  # Hydra's by now, which shows on screen what is printed there already
    while _ended:
        from apsi.console import console
        from apsi.evaluate.multirun import summarise_multirun

        folder, console.quiet = _ended.pop()
        try:
            summarise_multirun(folder)
        finally:
            if console.quiet:
                summary = folder / "multirun.json"
                result = json.loads(summary.read_text(encoding="utf-8")) if summary.is_file() else None
                print(json.dumps({"folder": str(folder), "result": result}))
