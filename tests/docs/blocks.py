"""The blocks of code on the pages; `<!-- not run: needs a Slurm cluster -->` before one says why no test runs it."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docs.hooks import NOT_RUN
from tests.command_line import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
_FENCE = re.compile(r"^ *(`{3,}|~{3,}) *(\S*)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, by the line where it begins."""

    page: Path
    line: int
    language: str
    text: str
    not_run: str | None
    """why no test runs it"""

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, those in lists and in notes included."""
    return list(_parsed(page, page.read_text(encoding="utf-8")))


def _parsed(page: Path, text: str) -> Iterator[Block]:
    reason: str | None = None
    lines = enumerate(text.splitlines(), 1)
    for number, line in lines:
        if opened := _FENCE.match(line):
            inside = []
            for _, inner in lines:
                if inner.strip() == opened[1]:
                    break
                inside.append(inner)
            yield Block(page, number, opened[2], textwrap.dedent("\n".join([*inside, ""])), reason)
            reason = None
        elif marked := NOT_RUN.match(f"{line}\n"):
            reason = marked[1]
        elif line.strip():
            reason = None
