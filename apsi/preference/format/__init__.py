"""Files of pairs and answers that other programs write or read: the group `preference/format`.

A format is one module with a class that reads (`Format.read`), writes (`Format.write`), or does both. What was read is
added to a folder by `apsi.preference.format.base.add`, all of it or nothing.
"""
