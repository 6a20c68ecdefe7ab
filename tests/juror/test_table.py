"""What the README says of the jurors is what they say of themselves."""

from apsi.juror.table import markdown
from tests.command_line import REPOSITORY


def test_the_readme_has_the_table_of_all_jurors() -> None:
    assert markdown() in (REPOSITORY / "README.md").read_text(encoding="utf-8"), "python -m apsi.juror.table prints it"
