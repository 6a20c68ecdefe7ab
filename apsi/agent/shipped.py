"""The agent that comes with apsi, which repairs exposure, contrast, colour and tone; see `repair/MODEL_CARD.md`."""

from importlib.resources import files
from pathlib import Path

SHIPPED = Path(str(files("apsi.agent").joinpath("repair", "repair.zip")))
"""Its checkpoint"""
