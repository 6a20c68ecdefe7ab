"""Evaluation: episodes, figures, pictures, report."""
