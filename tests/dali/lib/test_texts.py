"""Texts compared by their meaning, not their encoding."""

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
def test_the_same_words_compare_equal_in_any_encoding(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(
    ("one", "other"), [("é", "e"), ("ﬀ", "f"), ("ﬁ", "fl"), ("i", "\u0131"), ("한", "하"), ("ö", "oe")]
)
def test_different_words_stay_different(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


def test_a_comparable_text_is_composed_and_stable() -> None:
    for code in range(sys.maxunicode + 1):
        if not 0xD800 <= code < 0xE000:
            once = comparable(chr(code))
            assert comparable(once) == once == composed(once)
            assert comparable(chr(code).casefold()) == once, "so stored texts need no second conversion"


def test_a_text_with_one_spelling_is_recognised() -> None:
    composed_to = {unicodedata.normalize("NFC", chr(code)) for code in range(128, sys.maxunicode + 1)}
    for code in range(128):
        assert has_other_spellings(chr(code)) == (chr(code) in composed_to)
    assert has_other_spellings("café")
    assert not has_other_spellings("cafe, 1920")
