"""Transforms: pure functions photo -> photo, the agent's actions and what degradations are made of."""
