"""Old runs, prepared data and what else apsi left on the disk: found, chosen by rules, removed whole."""
