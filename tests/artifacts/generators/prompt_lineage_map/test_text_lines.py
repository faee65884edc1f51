"""Lines for drawings: never wider than asked, never more than asked."""

from hypothesis import given
from hypothesis import strategies as st

from artifacts.generators.prompt_lineage_map.text_lines import fitted_lines
from artifacts.parts.typeset import columns_of


@given(st.text(max_size=900), st.integers(2, 40), st.integers(1, 6))
def test_lines_are_never_wider_nor_more_than_asked(text: str, columns: int, most: int) -> None:
    lines = fitted_lines(text, columns, most)
    assert len(lines) <= most
    assert max((columns_of(line) for line in lines), default=0) <= columns


def test_words_stay_whole_where_they_fit() -> None:
    assert fitted_lines("a lighthouse at dusk", 12, 3) == ["a lighthouse", "at dusk"]


def test_what_does_not_fit_is_cut_with_a_mark() -> None:
    assert fitted_lines("a lighthouse at dusk, oil on canvas", 12, 2) == ["a lighthouse", "at dusk, oi…"]
    assert fitted_lines("a lighthouse at dusk, oil on canvas", 14, 2) == ["a lighthouse", "at dusk, oil…"]


def test_wide_letters_count_twice() -> None:
    assert fitted_lines("灯台の夕暮れ", 8, 2) == ["灯台の夕", "暮れ"]
