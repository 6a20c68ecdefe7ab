"""Configurations: their schema, composing them, and building what they name."""
