"""Edits that go on living in other programs: look-up tables, presets, profiles."""
