"""Where episodes begin: prepared photos, or photos cut and degraded on the fly."""
