"""Pages need no other file, follow the reader's light or dark setting, and say what there is no figure of."""

import re
from html.parser import HTMLParser

import pytest

from apsi.web.page import breakable, data_uri, percent, render, style, with_sign


class Tags(HTMLParser):
    """All start tags with their attributes, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_base_allows_nothing_from_elsewhere_and_fits_a_phone() -> None:
    tags = Tags(render("apsi.web", "base.html.j2")).found
    meta = {
        values.get("http-equiv") or values.get("name"): values["content"] or ""
        for tag, values in tags[3:]
        if tag == "meta"
    }
    assert "default-src 'none'" in meta["Content-Security-Policy"]
    assert "script" not in meta["Content-Security-Policy"]
    assert meta["viewport"].startswith("width=device-width")
    assert meta["color-scheme"] == "light dark"
    assert ("html", {"lang": "en"}) in tags
    assert not {tag for tag, _ in tags} & {"script", "link", "iframe"}


def test_every_colour_has_a_light_and_a_dark_value_and_no_other_is_used() -> None:
    light, dark = (
        dict(re.findall(r"(--[\w-]+): (#\w{6})", part)) for part in str(style()).split("prefers-color-scheme: dark")
    )
    assert light.keys() == dark.keys()
    assert set(re.findall(r"var\((--[\w-]+)\)", str(style()))) - {"--at"} <= light.keys()  # which is a place
    assert len(re.findall(r"#[0-9a-fA-F]{3,8}\b", str(style()))) == 2 * len(light)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_is_readable_and_series_stand_out(theme: int) -> None:
    colours = dict(re.findall(r"(--[\w-]+): (#\w{6})", str(style()).split("prefers-color-scheme: dark")[theme]))
    for name, colour in colours.items():
        if name in ("--ink", "--soft", "--good", "--bad", "--accent") or name.startswith("--series"):
            assert _contrast(colour, colours["--paper"]) >= 4.5, name
            assert _contrast(colour, colours["--raised"]) >= 4.5, name


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, 'contrast ratio'."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_shares_are_never_rounded_to_all_or_nothing() -> None:
    assert [percent(share).replace("\N{NO-BREAK SPACE}", " ") for share in (0.0, 0.0004, 0.853, 0.9999, 1.0)] == [
        "0 %",
        "0.1 %",
        "85 %",
        "99.9 %",
        "100 %",
    ]


def test_numbers_for_people() -> None:
    assert [with_sign(number, 2) for number in (1.234, -0.5, -0.0001)] == ["+1.23", "-0.50", "+0.00"]
    assert breakable("a_b/<c>") == "a_<wbr>b/<wbr>&lt;c&gt;"
    assert data_uri(b"a", "text/plain") == "data:text/plain;base64,YQ=="
