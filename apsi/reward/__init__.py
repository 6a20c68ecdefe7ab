"""Rewards of a step, for all episodes at once."""
