"""A trained agent: building, loading, checkpointing and asking it. Nothing here knows training."""
