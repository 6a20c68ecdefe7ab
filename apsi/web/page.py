"""Rendering pages that need no other file."""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape


def render(package: str, template: str, script: Markup | None = None, **values: Any) -> str:
    """A page as text.

    Args:
        package: whose folder `templates` holds the template.
        template: file there; may extend `base.html.j2` and import `parts.html.j2`.
        script: JavaScript of the page, see `script`; it runs no other.
        values: what the template shows; a missing one is an error.
    """
    return _environment(package).get_template(template).render(script=script, **values)


@cache
def _environment(package: str) -> jinja2.Environment:
    loaders = [jinja2.PackageLoader(package), jinja2.PackageLoader("apsi.web")]
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(loaders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "with_sign": with_sign, "breakable": breakable, "csp_hash": csp_hash}
    environment.globals["style"] = style()
    return environment


@cache
def style() -> Markup:
    """The style sheet of all pages."""
    return Markup(files("apsi.web").joinpath("style.css").read_text(encoding="utf-8"))


@cache
def script(name: str) -> Markup:
    """A script of `apsi/web/static` for a page that holds all it needs."""
    return Markup(files("apsi.web").joinpath("static", name).read_text(encoding="utf-8"))


def csp_hash(text: str) -> str:
    """How a Content-Security-Policy names a script that may run (CSP 3, section 2.3.1)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def light_colours() -> dict[str, str]:
    """The colours of the light setting by name, as `#rrggbb`; each is used under one name only."""
    return dict(re.findall(r"--([\w-]+): (#\w{6})", style().partition("@media")[0]))


def percent(share: float) -> str:
    """0.853 is 85 %; never rounded to 100 % or 0 % unless it is exactly that."""
    number = share * 100
    if 0 < share < 0.01 or 0.99 < share < 1:
        return f"{min(99.9, max(0.1, number)):.1f}\N{NO-BREAK SPACE}%"
    return f"{number:.0f}\N{NO-BREAK SPACE}%"


def with_sign(number: float, digits: int = 3) -> str:
    """With its sign; no minus before what rounds to 0."""
    return f"{round(number, digits) + 0.0:+.{digits}f}"


def breakable(name: str) -> Markup:
    """A name or a list of labels that may wrap after `_`, `/` and `-`."""
    return Markup(re.sub(r"([_/-])", r"\1<wbr>", str(escape(name))))


def data_uri(content: bytes | Path, kind: str = "image/png") -> str:
    """A file as a `data:` URI, so that the page needs no other file."""
    return (
        f"data:{kind};base64,"
        + base64.b64encode(content if isinstance(content, bytes) else content.read_bytes()).decode()
    )
