"""Degradations: random recipes that make a photo worse."""
