"""Engines run the steps' work on single photos: in this process, or distributed by Ray."""
