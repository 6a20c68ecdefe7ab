"""The editing environment: one batched core, a Stable-Baselines3 face and a gymnasium face on it."""

import gymnasium

gymnasium.register(id="apsi/PhotoEdit-v0", entry_point="apsi.config.environment:from_overrides")
