"""Text lines for drawings: never wider and never more than the limits."""

from hypothesis import given
from hypothesis import strategies as st

from artifacts.generators.prompt_lineage_map.text_lines import fitted_lines
from dali.lib.texts import columns_of


@given(st.text(max_size=900), st.integers(2, 40), st.integers(1, 6))
def test_lines_keep_to_width_and_count(text: str, columns: int, most: int) -> None:
    lines = fitted_lines(text, columns, most)
    assert len(lines) <= most
    assert max((columns_of(line) for line in lines), default=0) <= columns


def test_words_stay_whole_when_they_fit() -> None:
    assert fitted_lines("a lighthouse at dusk", 12, 3) == ["a lighthouse", "at dusk"]


def test_text_that_does_not_fit_is_cut_with_an_ellipsis() -> None:
    assert fitted_lines("a lighthouse at dusk, oil on canvas", 12, 2) == ["a lighthouse", "at dusk, oi…"]
    assert fitted_lines("a lighthouse at dusk, oil on canvas", 14, 2) == ["a lighthouse", "at dusk, oil…"]


def test_wide_characters_count_twice() -> None:
    assert fitted_lines("灯台の夕暮れ", 8, 2) == ["灯台の夕", "暮れ"]
