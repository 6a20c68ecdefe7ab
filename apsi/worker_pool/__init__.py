"""Where jurors run."""
