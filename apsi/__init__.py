"""apsi: agents that edit photographs until an aesthetic juror scores them higher."""

__version__ = "0.1.0"
