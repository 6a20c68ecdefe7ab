"""The words that people read, in their language; each language is a plain catalogue, `words/<language>.po`."""

import gettext
import io
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.numbers import format_decimal

from apsi.errors import ApsiError, did_you_mean

SOURCE = "en"
"""The language of the code, which needs no catalogue"""
_MAX_BYTES = 4_000_000
_NAME = re.compile(r"\{(\w+)\}")


class Words:
    """Sentences in one language; what a catalogue lacks stays English."""

    def __init__(self, language: str = SOURCE) -> None:
        """Reads a catalogue.

        Args:
            language: `en`, the name of a catalogue of apsi, or the path of one, `fr.po`, whose name or header says its
                language.

        Raises:
            ApsiError: there is none, or it can't be read.
        """
        self._texts: gettext.NullTranslations = gettext.NullTranslations()
        name = language
        if language != SOURCE:
            self._texts, name = _read(language)
        self.locale = _locale(name, language)

    @property
    def tag(self) -> str:
        """As in the attribute `lang` of HTML."""
        return str(self.locale).replace("_", "-")

    def __call__(self, sentence: str, **values: Any) -> str:
        """The sentence, with `{name}` replaced by the value of that name."""
        return self._filled(self._texts.gettext(sentence), sentence, values)

    def plural(self, one: str, many: str, n: int, **values: Any) -> str:
        """`one` or `many` or what the language has between, `{n}` replaced by the number."""
        return self._filled(self._texts.ngettext(one, many, n), one if n == 1 else many, {"n": n, **values})

    def number(self, value: float, digits: int = 2) -> str:
        """With the language's decimal mark."""
        return format_decimal(round(value, digits) + 0.0, f"0.{'0' * digits}" if digits else "0", self.locale)

    @staticmethod
    def _filled(text: str, source: str, values: dict[str, Any]) -> str:
        fitting = text if set(_NAME.findall(text)) <= values.keys() else source  # a catalogue may be anybody's
        return _NAME.sub(lambda found: str(values[found[1]]), fitting) if values else text


def languages() -> list[str]:
    """Those that apsi speaks."""
    found = (Path(entry.name) for entry in files("apsi.advise").joinpath("words").iterdir())
    return sorted({SOURCE, *(path.stem for path in found if path.suffix == ".po")})


def _read(language: str) -> tuple[gettext.NullTranslations, str]:
    path = Path(language).expanduser()
    if path.suffix == ".po":
        name = path.stem
        try:
            if path.stat().st_size > _MAX_BYTES:
                raise ApsiError(f"language={language} has more than {_MAX_BYTES:,} bytes, no catalogue has")
            data = path.read_bytes()
        except OSError as error:
            raise ApsiError(f"language={language} can't be read: {error.strerror}") from error
    elif language in languages():
        name, data = language, files("apsi.advise").joinpath("words", f"{language}.po").read_bytes()
    else:
        known = languages()
        raise ApsiError(
            f"language={language} is not known.{did_you_mean(language, known)} Known: {', '.join(known)}; or the "
            "catalogue of another, language=fr.po"
        )
    try:
        catalogue = read_po(io.BytesIO(data), locale=None, abort_invalid=True)
        compiled = io.BytesIO()
        write_mo(compiled, catalogue)
    except (PoFileError, ValueError, UnicodeDecodeError, LookupError, UnknownLocaleError) as error:
        raise ApsiError(f"language={language} is no catalogue of gettext: {error}") from error
    if catalogue.locale is not None:
        name = str(catalogue.locale)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled), name


def _locale(name: str, language: str) -> Locale:
    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError) as error:
        raise ApsiError(f"language={language}: '{name}' is no language; name the file after one, fr.po") from error
