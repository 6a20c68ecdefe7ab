"""From a folder of photos to train, val and test: steps that run once and are reused."""
