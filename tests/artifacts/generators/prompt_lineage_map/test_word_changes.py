"""What changed between prompts, in words."""

from artifacts.generators.prompt_lineage_map.word_changes import Changes, word_changes


def test_added_and_removed_words_are_grouped_in_runs() -> None:
    before = "a lighthouse at dusk, oil on canvas"
    after = "a lighthouse at dawn, oil on canvas, calm sea"
    assert word_changes(before, after) == Changes(added=("dawn", "calm sea"), removed=("dusk",))


def test_case_punctuation_and_order_do_not_count_as_changes() -> None:
    assert word_changes("Red boat, blue sea.", "blue sea red boat") == Changes((), ())


def test_a_repeated_word_counts_as_often_as_it_occurs() -> None:
    assert word_changes("very red", "very very red") == Changes(added=("very",), removed=())


def test_words_without_letters_count_as_words() -> None:
    assert word_changes("a — b", "a ... b") == Changes(added=("...",), removed=("—",))


def test_texts_with_nothing_in_common_are_all_removed_and_all_added() -> None:
    assert word_changes("灯台の夕暮れ", "港の夜") == Changes(added=("港の夜",), removed=("灯台の夕暮れ",))
    assert word_changes("", "new") == Changes(added=("new",), removed=())
