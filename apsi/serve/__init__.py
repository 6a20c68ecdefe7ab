"""A juror behind HTTP."""
