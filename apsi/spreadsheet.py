"""Texts in tables that somebody may open in a spreadsheet, which takes some of them for formulas and computes them."""

_FIRST = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
"""What a formula begins with (OWASP, "CSV Injection"), and the apostrophe, so that `unguarded` can tell what it was"""


def guarded(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: what may be one, or begins so already, gets an apostrophe."""
    return f"'{text}" if text.startswith(_FIRST) else text


def unguarded(cell: str) -> str:
    """What `guarded` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FIRST) else cell
