"""Comparison of texts. They are stored as they were sent, but compared and searched in a normal form.

The same letter may be one code point or several (é, and e with U+0301): canonical equivalence, Unicode UAX 15.
Keyboards, files and models differ in this, so users' texts are not compared by code points.
"""

import unicodedata

# The only ASCII characters with another spelling: the Kelvin sign, the Greek question mark, the Greek varia.
_COMPOSED_TO = frozenset("K;`")


def composed(text: str) -> str:
    """The text in NFC: equal for texts that look the same."""
    return unicodedata.normalize("NFC", text)


def decomposed(text: str) -> str:
    """The text in NFD."""
    return unicodedata.normalize("NFD", text)


def comparable(text: str) -> str:
    """The text in NFC, without case: equal for the same words (Unicode 16, D145)."""
    if text.isascii():
        return text.lower()
    return composed(decomposed(text).casefold())


def has_other_spellings(text: str) -> bool:
    """Whether the same text could be written with other code points."""
    return not text.isascii() or not _COMPOSED_TO.isdisjoint(text)


def columns_of(text: str) -> int:
    """How wide a text is: a Chinese character takes two columns, a Latin one takes one."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
