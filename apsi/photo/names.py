"""Names out of any text, as every file system takes them."""

import re
import unicodedata

LONGEST = 120
"""Characters of a name"""
MOST_BYTES = 230
"""Bytes of a name in UTF-8, of 255 that file systems allow: `.darktable.dtstyle` and the like are added"""
_UNSAFE = re.compile(r'[\\/:*?"<>|]')


def plain_name(text: str, control: str) -> str:
    """The text with `_` for what names folders or is not allowed, and `control` for each control character."""
    return "".join(control if unicodedata.category(c)[0] == "C" else c for c in _UNSAFE.sub("_", text))


def cut_name(name: str, characters: int = LONGEST, most_bytes: int = MOST_BYTES) -> str:
    """The beginning of a name that has at most so many characters, and bytes in UTF-8."""
    return name[:characters].encode()[:most_bytes].decode(errors="ignore")
