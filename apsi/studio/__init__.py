"""The rooms of the web application that `task=studio` serves: one module for each, and what several of them need.

What all rooms share is in `apsi.web` (`server`, `guard`, `door`, `shell`): who may come in, the frame of the pages,
headers and files. It knows no room. A room is an `apsi.web.shell.Room`: a router with short handlers, templates that
extend `shell.html.j2`, scripts and styles in `static`. `rooms` lists them.
"""
