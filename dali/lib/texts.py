"""Texts compared: stored as they were sent, but looked for and told apart by what they say.

The same letter may be one code point or several (é, and e with U+0301): canonical equivalence, Unicode UAX 15. What a
keyboard, a file or a model writes differs by system, so no comparison of users' texts goes by code points.
"""

import unicodedata

# The only ASCII characters that others are composed to: the Kelvin sign, the Greek question mark, the Greek varia.
_COMPOSED_TO = frozenset("K;`")


def composed(text: str) -> str:
    """The text in NFC: equal for texts that are written alike."""
    return unicodedata.normalize("NFC", text)


def decomposed(text: str) -> str:
    """The text in NFD."""
    return unicodedata.normalize("NFD", text)


def comparable(text: str) -> str:
    """The text without its case, in NFC: equal for texts that are the same words (Unicode 16, D145)."""
    if text.isascii():
        return text.lower()
    return composed(decomposed(text).casefold())


def has_other_spellings(text: str) -> bool:
    """Whether other code points could make a text that is written alike."""
    return not text.isascii() or not _COMPOSED_TO.isdisjoint(text)


def columns_of(text: str) -> int:
    """How wide a text is: a Chinese character takes two columns, a Latin one takes one."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
