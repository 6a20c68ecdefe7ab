"""What `task=` can name: functions of a configuration and a folder that return numbers, usable without Hydra."""
