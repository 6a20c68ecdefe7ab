"""What several jurors say of runs, as a page, a file and tables."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from apsi.evaluate.comparison import Compared, differing_params
from apsi.evaluate.comparison_page import ascii_letters, short_names
from apsi.evaluate.jury import Judgement, Opinion
from apsi.interval import Interval, interval_text
from apsi.photo.write import atomic, write_text
from apsi.web.page import percent, render


def write_judgements(folder: Path, runs: Sequence[Compared], judgements: Sequence[Judgement]) -> None:
    """Writes `comparison.csv` and `comparison.html`, a page that needs no other file.

    Args:
        folder: of the comparison.
        runs: runs or groups of them.
        judgements: of the same runs, one a juror.
    """
    table = judged_rows(judgements)
    with atomic(folder / "comparison.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    grouped = any(run.members for run in runs)
    differing = differing_params(runs)
    page = render(
        "apsi.evaluate",
        "jury.html.j2",
        runs=runs,
        letters=ascii_letters(len(runs)),
        names=[run.name for run in runs] if grouped else short_names(differing, len(runs)),
        judgements=judgements,
        interval_text=interval_text,
        params=differing,
        what="groups of runs" if grouped else "runs",
    )
    write_text(folder / "comparison.html", page)


def judged_rows(judgements: Sequence[Judgement]) -> list[dict[str, Any]]:
    """One row a juror and run: its gain, and as numbers the difference from the first run and the share of wins."""
    return [_row(judgement, opinion) for judgement in judgements for opinion in judgement.opinions]


def judged_tables(judgements: Sequence[Judgement]) -> Iterator[Table]:
    """One table a juror."""
    for judgement in judgements:
        said = f"{judgement.episodes} episodes of {judgement.photos} photo{'s' if judgement.photos != 1 else ''}"
        table = Table(
            title=f"judged by: {judgement.juror}",
            caption=f"{said} that all runs have; differences from the first with 95 % intervals; o its own juror",
        )
        for column in ("run", "mean gain", "95 % interval", "difference", "better end than the first"):
            table.add_column(column, justify="left" if column == "run" else "right", overflow="fold")
        for opinion in judgement.opinions:
            run = opinion.run
            name = f"{run.name} ({len(run.members)} runs)" if run.members else Path(run.name).name
            won = "" if opinion.win_rate is None else percent(opinion.win_rate)
            table.add_row(
                f"{name} o" if opinion.is_own else name,
                f"{opinion.mean_gain:+.3f}",
                "-" if opinion.gain_interval is None else interval_text(opinion.gain_interval, "+.3f"),
                opinion.gain_difference.text if opinion.gain_difference else "",
                f"{won} ({interval_text(opinion.win_interval)})" if opinion.win_interval else won,
            )
        yield table


def _row(judgement: Judgement, opinion: Opinion) -> dict[str, Any]:
    found = opinion.gain_difference
    return {
        "juror": judgement.juror,
        "fingerprint": judgement.fingerprint,
        "run": opinion.run.name,
        "policy": opinion.run.policy,
        "own_juror": opinion.is_own,
        "runs": len(opinion.run.runs),
        "episodes": judgement.episodes,
        "photos": judgement.photos,
        "mean_gain": opinion.mean_gain,
        **_ends("mean_gain", opinion.gain_interval),
        "gain_difference": found.mean if found else "",
        **_ends("gain_difference", found.interval if found else None),
        "win_rate": "" if opinion.win_rate is None else opinion.win_rate,
        **_ends("win_rate", opinion.win_interval),
    }


def _ends(name: str, interval: Interval | None) -> dict[str, float | str]:
    low, high = interval or ("", "")
    return {f"{name}_low": low, f"{name}_high": high}
