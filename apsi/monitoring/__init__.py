"""What Prometheus reads of a process while it works."""
