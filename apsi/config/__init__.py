"""Configurations: their schema, composing them, and building the objects that they name."""
