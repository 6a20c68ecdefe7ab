"""Comparing runs."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from apsi.config import flat
from apsi.errors import ApsiError
from apsi.evaluate.compare import difference, read_run, require_same_photos, rows, write_comparison
from apsi.instantiate import instantiate
from apsi.run_folder import RunFolder
from apsi.tracking.recorded import RecordedRun


def compare(config: DictConfig, folder: RunFolder) -> list[dict[str, Any]]:
    """Holds `run_ids` against the first of them; leaves a page and a CSV file, and returns its rows.

    Raises:
        ApsiError: fewer than two runs, the same one twice, one without results, or other test photos.
    """
    names = list(config.run_ids)
    if len(set(names)) < 2 or len(set(names)) < len(names):
        raise ApsiError(
            f"run_ids=[{','.join(names)}]: task=compare needs two or more different runs, as MLflow run ids or "
            "folders: run_ids=[FIRST,SECOND]"
        )
    tracker = instantiate(config.tracking)
    runs = []
    for name in names:
        recorded = RecordedRun(name, tracker)
        results, summary = recorded.file("results.csv"), recorded.file("summary.json")
        runs.append(read_run(name, results, summary, flat(recorded.config()), recorded.curve("success_rate")))
    require_same_photos(runs)
    write_comparison(folder.path, runs)
    table = Table(title=f"{len(runs[0].episodes)} episodes; differences from the first run with 95 % intervals")
    for column in ("run", "success", "difference", "mean gain", "difference"):
        table.add_column(column, justify="left" if column == "run" else "right", overflow="fold")
    for run in runs:
        success, gain = ("" if run is runs[0] else difference(runs[0], run, index).text for index in (0, 1))
        figures = run.figures
        short = Path(run.name).name
        table.add_row(short, f"{figures['success_rate']:.3f}", success, f"{figures['mean_gain']:+.3f}", gain)
    out = Console()
    out.print(table)
    for file in ("comparison.html", "comparison.csv"):
        out.print(folder.path / file, soft_wrap=True, highlight=False)
    return rows(runs)
