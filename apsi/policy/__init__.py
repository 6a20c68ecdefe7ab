"""Who edits in an evaluation: the trained agent and the baselines beside it."""
