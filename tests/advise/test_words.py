"""The words that people read."""

import contextlib
import importlib
import inspect
import io
import pkgutil
import tempfile
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

import apsi
import apsi.juror
from apsi.advise.advice import IN_8_BITS
from apsi.advise.framing import NO_CROP_OF_SHAPE
from apsi.advise.measured import SENTENCES as MEASURED
from apsi.advise.words import Words, languages
from apsi.errors import ApsiError
from apsi.juror.base import Juror
from apsi.photo.full_size import FIRST_ONLY, NO_EXIF
from apsi.photo.lossless import REMARKS
from apsi.photo.save import ONLY_JPEG
from apsi.transform.adjust import ADJUSTMENTS, Adjust
from apsi.transform.catalogue import catalogue
from apsi.transform.crop import SENTENCES as CROP_SENTENCES

ROOT = Path(apsi.__file__).parent
KEYWORDS = {"_": None, "words": None, "say": None, "plural": (1, 2), "Refusal": (2,), "Room": (2,)}
METHODS = [("**.py", "python"), ("**/templates/**.j2", "jinja2")]


def sentences() -> set[str | tuple[str, str]]:
    """All that people may read: in code and templates, of every edit, of every juror."""
    found: set[str | tuple[str, str]] = set()
    for room in ("advise", "task", "web", "studio"):
        if (ROOT / room).is_dir():
            for _, _, message, _, _ in extract_from_dir(ROOT / room, METHODS, keywords=KEYWORDS):
                found.add(message)
    found |= {transform.advice for transform in catalogue().values()}
    strengths = [number / 1000 for number in range(-1000, 1001)]
    found |= {Adjust(name, strength).advice for name in ADJUSTMENTS for strength in strengths}
    for module in pkgutil.iter_modules(apsi.juror.__path__):
        importlib.import_module(f"apsi.juror.{module.name}")
    found |= {juror.about.knows for juror in _jurors(Juror) if juror.about is not None and juror.about.knows}
    return found | {FIRST_ONLY, IN_8_BITS, NO_CROP_OF_SHAPE, NO_EXIF, ONLY_JPEG, *REMARKS, *CROP_SENTENCES, *MEASURED}


def _jurors(juror: type[Juror]) -> list[type[Juror]]:
    below = [one for kind in juror.__subclasses__() for one in _jurors(kind)]
    is_own = Path(inspect.getfile(juror)).is_relative_to(ROOT)  # and no example that other tests made
    return [*([juror] if is_own else []), *below]


@pytest.mark.parametrize("language", [name for name in languages() if name != "en"])
def test_every_sentence_is_translated_and_keeps_its_values(language: str) -> None:
    text = (ROOT / "advise" / "words" / f"{language}.po").read_bytes()
    known: dict[str | tuple[str, ...], Message] = {
        message.id if isinstance(message.id, str) else tuple(message.id): message
        for message in read_po(io.BytesIO(text), abort_invalid=True)
        if message.id
    }
    lacking = [one for one in sentences() if one not in known or not all([known[one].string]) or known[one].fuzzy]
    assert not lacking, f"{len(lacking)} sentences have no translation: {sorted(map(str, lacking))[:20]}"
    for message in known.values():
        for source, translated in zip(_texts(message.id), _texts(message.string), strict=True):
            assert translated, source
            assert _names(source) == _names(translated), source
    assert not known.keys() - sentences(), "sentences that nobody says any more"


def _texts(text: str | tuple[str, ...] | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def _names(text: str) -> set[str]:
    return {part.partition("}")[0] for part in text.split("{")[1:]}


def test_numbers_have_the_marks_of_the_language() -> None:
    assert Words("de").number(1234.5) == "1234,50" and Words().number(-0.001) == "0.00"
    assert Words("de").tag == "de"


def test_a_catalogue_of_ones_own_is_read_and_what_it_lacks_stays_english(tmp_path: Path) -> None:
    path = tmp_path / "nl.po"
    path.write_text('msgid "Photo"\nmsgstr "Foto"\n', encoding="utf-8")
    words = Words(str(path))
    assert words("Photo") == "Foto" and words("Page") == "Page" and words.tag == "nl"


def test_a_translation_that_asks_for_other_values_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "nl.po"
    path.write_text('msgid "It has {n}."\nmsgstr "{n.__class__} {secret}"\n', encoding="utf-8")
    assert Words(str(path))("It has {n}.", n=3) == "It has 3."


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff\xfe\x00", "no catalogue"), (b'msgid "a\n', "no catalogue"), (None, "can't be read")],
)
def test_a_catalogue_that_cannot_be_read_is_named(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "nl.po"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ApsiError, match=message):
        Words(str(path))


def test_an_unknown_language_is_answered_with_those_that_are_known() -> None:
    with pytest.raises(ApsiError, match=r"language=dee is not known\. Did you mean 'de'\?"):
        Words("dee")


@given(st.binary(max_size=300))
def test_no_catalogue_raises_anything_but_an_error_for_the_user(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nl.po"
        path.write_bytes(content)
        with contextlib.suppress(ApsiError):
            Words(str(path))
