"""Texts compared by what they say."""

import sys
import unicodedata

import pytest

from dali.lib.texts import comparable, composed, has_other_spellings


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("é", "e\u0301"),
        ("É", "e\u0301"),
        ("한", "\u1112\u1161\u11ab"),
        ("\u212b", "A\u030a"),
        ("\u212a", "k"),
        ("Straße", "STRASSE"),
        ("\u01f0", "J\u030c"),
        ("q\u0323\u0307", "Q\u0307\u0323"),
        ("ΌΣΟΣ", "όσος"),
    ],
)
def test_the_same_words_are_comparable_however_they_are_encoded(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(
    ("one", "other"), [("é", "e"), ("ﬀ", "f"), ("ﬁ", "fl"), ("i", "\u0131"), ("한", "하"), ("ö", "oe")]
)
def test_other_words_stay_apart(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


def test_what_is_comparable_is_composed_and_stays_so() -> None:
    for code in range(sys.maxunicode + 1):
        if not 0xD800 <= code < 0xE000:
            once = comparable(chr(code))
            assert comparable(once) == once == composed(once)
            assert comparable(chr(code).casefold()) == once, "so old texts need nothing but themselves"


def test_a_text_of_one_spelling_is_known() -> None:
    composed_to = {unicodedata.normalize("NFC", chr(code)) for code in range(128, sys.maxunicode + 1)}
    for code in range(128):
        assert has_other_spellings(chr(code)) == (chr(code) in composed_to)
    assert has_other_spellings("café")
    assert not has_other_spellings("cafe, 1920")
