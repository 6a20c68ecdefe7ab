"""Rewards: what a step was worth, for all episodes at once."""
