"""Search for good hyperparameters: Optuna asks, Hydra launches, each trial is a run of its own."""
