"""Jurors: score photos from 0 (worst) to 10 (best)."""
