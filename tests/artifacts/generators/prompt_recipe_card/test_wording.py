"""What was added to a prompt and what was removed from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.generators.prompt_recipe_card.wording import WordRun, differences


def test_added_words_are_distinguished_from_kept_ones() -> None:
    assert differences("a lighthouse at dusk", "a lighthouse at dusk, soft light") == (
        WordRun("same", "a lighthouse at dusk"),
        WordRun("added", ", soft light"),
    )


def test_a_replaced_word_in_the_middle_is_found() -> None:
    assert differences("a red boat at sea", "a blue boat at sea") == (
        WordRun("same", "a"),
        WordRun("removed", " red"),
        WordRun("added", " blue"),
        WordRun("same", " boat at sea"),
    )


def test_the_same_words_have_no_differences() -> None:
    assert differences("a boat", "a boat") == (WordRun("same", "a boat"),)
    assert differences("", "") == ()


@given(st.text(), st.text())
def test_no_character_is_lost(before: str, after: str) -> None:
    pieces = differences(before, after)
    assert "".join(piece.text for piece in pieces if piece.change != "added") == before
    assert "".join(piece.text for piece in pieces if piece.change != "removed") == after


@pytest.mark.parametrize("words", [1400, 12_000])
def test_long_texts_without_a_common_word_can_be_compared(words: int) -> None:
    pieces = differences("left " * words, "right " * words)
    assert {piece.change for piece in pieces} == {"added", "removed"} or pieces[-1].text == " "
