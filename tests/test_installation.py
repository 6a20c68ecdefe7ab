"""What a user types to start apsi."""

import pytest

from apsi.installation import CONFIG_DIR, command
from tests.command_line import REPOSITORY


@pytest.mark.parametrize(
    ("called", "checkout", "expected"),
    [
        ("run.py", True, "python run.py"),
        ("/home/someone/.local/bin/apsi", True, "apsi"),
        ("notebook.py", True, "python run.py"),
        ("notebook.py", False, "apsi"),
        ("", False, "apsi"),
    ],
)
def test_errors_and_help_name_the_command_that_there_is(
    called: str, checkout: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [called])
    monkeypatch.setattr("apsi.installation.IS_CHECKOUT", checkout)
    assert command() == expected


def test_the_options_are_found() -> None:
    assert (CONFIG_DIR / "config.yaml").is_file()


def test_shells_complete_the_arguments_of_run_py() -> None:
    """Hydra's script for them looks for these words in the file before it asks for completions."""
    assert "@hydra.main" in (REPOSITORY / "run.py").read_text()
