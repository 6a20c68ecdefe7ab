"""Networks that turn an observation into features."""
