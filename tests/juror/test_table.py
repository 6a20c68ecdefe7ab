"""The table of jurors is made of what they say of themselves."""

from apsi.config.compose import CONFIG_DIR
from apsi.juror.table import markdown


def test_the_table_has_a_row_for_each_juror() -> None:
    rows = markdown().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == sorted(path.stem for path in (CONFIG_DIR / "juror").glob("*.yaml"))
    assert all(len(row.split(" | ")) == 6 for row in rows)
    assert "MIT, part of apsi" in next(row for row in rows if "naturalness" in row)
