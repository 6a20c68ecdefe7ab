"""Advising on photographs: who edits them, why, and how it is told; from one file or a thousand."""
