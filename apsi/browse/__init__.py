"""Seeing the data: an index of all prepared photos and runs, what is asked of it, and small pictures.

Nothing here knows of the web. Annotation files, results and pictures may come from others: they are data, and only what
is in the index is ever opened, below the folder that it was found in.
"""
