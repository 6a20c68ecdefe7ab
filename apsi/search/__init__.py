"""Hyperparameter search: Optuna proposes, Hydra launches, each trial is a separate run."""
