"""Typesets PDFs with typst, from a template of templates/artifacts/typst, data and pictures.

Users' text is passed as JSON, which typst never interprets as markup; a template can read only the files of one
temporary folder. The fonts come from installed packages, so that every machine sets the same: Libertinus Serif (built
into typst), Noto Sans for most scripts, Noto Sans CJK and Noto Emoji. Missing characters become boxes, and searching
and copying may lose them.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypedDict

import manimgx_fonts
import noto_cjk_sans_jp_regular
import typst
from django.conf import settings

from dali.lib.texts import columns_of

_TEMPLATES = Path(settings.BASE_DIR) / "templates" / "artifacts" / "typst"
_PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_BREAK = re.compile(r"\r\n?|[\n\u0085\u2028\u2029]")
# Embeddings and overrides change the text direction invisibly; each paragraph has its own direction instead.
_TURNS = re.compile("[\u202a-\u202e]")
# typst does not break long words.
_WORD_MOST = 24
_LANGUAGES = (("ja", "HIRAGANA", "KATAKANA"), ("ko", "HANGUL"), ("zh", "CJK UNIFIED"))


class Paragraph(TypedDict):
    """A single-line text, its direction, and the language that selects its glyph forms."""

    text: str
    rtl: bool
    lang: str


def pdf(template: str, data: Mapping[str, object], files: Mapping[str, bytes]) -> bytes:
    """The PDF of `<template>.typ`, which reads `data.json` and `files` by name. Same input, same bytes."""
    with TemporaryDirectory(prefix="dali-typeset-") as folder:
        root = Path(folder)
        for source in _TEMPLATES.glob("*.typ"):
            (root / source.name).write_bytes(source.read_bytes())
        (root / "data.json").write_bytes(json.dumps(data, ensure_ascii=False).encode(errors="replace"))
        for name, content in files.items():
            if not _PLAIN_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a plain file name")
            (root / name).write_bytes(content)
        made = typst.compile(
            root / f"{template}.typ", root=root, font_paths=fonts(), ignore_system_fonts=True, format="pdf"
        )
    if not isinstance(made, bytes):
        raise TypeError(f"typst made {type(made).__name__} of {template}.typ")
    return made


def paragraphs(text: str, most: int | None = None) -> list[Paragraph]:
    """The non-empty paragraphs of a text; shortened to `most` columns if given."""
    lines = [_plain(line) for line in _BREAK.split(text)]
    found = []
    for each in filter(None, lines):
        if most is not None and most <= 0:
            break
        shortened = each if most is None else _shortened(each, most)
        most = None if most is None else most - columns_of(each)
        found.append(_paragraph(shortened))
    return found


def one_line(text: str, most: int | None = None) -> Paragraph:
    """A text as one paragraph, shortened to `most` columns if given."""
    plain = _plain(_BREAK.sub(" ", text))
    return _paragraph(plain if most is None else _shortened(plain, most))


@cache
def fonts() -> typst.Fonts:
    """The fonts of the installed packages."""
    folders = [Path(str(manimgx_fonts.__file__)).parent, Path(noto_cjk_sans_jp_regular.FONT_PATH).parent]
    return typst.Fonts(include_system_fonts=False, font_paths=folders)


def _plain(text: str) -> str:
    """The text without control characters and lone surrogates."""
    return on_one_line(_TURNS.sub("", text), lambda one: unicodedata.category(one) not in ("Cc", "Cs"))


def on_one_line(text: str, is_kept: Callable[[str], bool]) -> str:
    """The characters of a text that are kept; white space becomes single spaces."""
    kept = (" " if one.isspace() else one for one in text if one.isspace() or is_kept(one))
    return " ".join("".join(kept).split())


def _paragraph(text: str) -> Paragraph:
    strong = next((one for one in map(unicodedata.bidirectional, text) if one in ("L", "R", "AL")), "L")
    return {"text": _breakable(text), "rtl": strong != "L", "lang": _language(text)}


def _language(text: str) -> str:
    """The forms of Chinese characters depend on the language, guessed from the other characters."""
    if text.isascii():
        return "en"
    names = {unicodedata.name(character, "") for character in set(text)}
    for language, *scripts in _LANGUAGES:
        if any(name.startswith(script) for name in names for script in scripts):
            return language
    return "en"


def _breakable(text: str) -> str:
    """Adds a break opportunity every few characters of a long word, never inside a joined glyph."""
    made, run = [], 0
    for index, character in enumerate(text):
        if run >= _WORD_MOST and not _is_joined(text[index - 1], character):
            made.append("\u200b")
            run = 0
        run = 0 if character.isspace() else run + 1
        made.append(character)
    return "".join(made)


def _is_joined(before: str, character: str) -> bool:
    """Whether two characters may be drawn as one; always true for joined scripts such as Arabic."""
    if (
        before == "\u200d"
        or unicodedata.bidirectional(character) == "AL"
        or "\U0001f1e6" <= character <= "\U0001f3ff"
    ):
        return True
    return unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")


def _shortened(text: str, most: int) -> str:
    if columns_of(text) <= most:
        return text
    taken = 0
    for end, character in enumerate(text):  # noqa: B007 - read behind the loop
        taken += columns_of(character)
        if taken >= most:
            break
    while end > 0 and _is_joined(text[end - 1], text[end]):
        end -= 1
    cut = text[:end]
    whole_words = cut.rsplit(" ", 1)[0]
    return (whole_words if len(whole_words) > end // 2 else cut).rstrip(" ,.;:-") + "…"
