"""Which images match words about their content."""

import time

import pytest

from artifacts.agent.understanding.intent import Offer
from artifacts.agent.understanding.matching import matches

SAID = (
    "A boat at dusk, near the harbour wall",
    "Two boats and a lighthouse in the snow",
    "A red barn; horses, foxes and berries",
    "Caf\u00e9 interior with two glasses and a child's hat",
    "the boathouse by the lake",
    "a wall of red brick, a harbor crane",
    "\u706f\u53f0\u3068\u8239 at night",
)
OFFERS = tuple(Offer(n, "", f"id-{n}", words) for n, words in enumerate(SAID, start=1))


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("boat", [1, 2]),
        ("the boats", [1, 2]),
        ("BOAT", [1, 2]),
        ("boat lighthouse", [2]),
        ("the lighthouse with the boats", [2]),
        ("boathouse", [5]),
        ("house", []),
        ("horse", [3]),
        ("a fox", [3]),
        ("berry", [3]),
        ("cafe", [4]),
        ("glass", [4]),
        ("children", [4]),
        ("harbour", [1, 6]),
        ("harbor wall", [1, 6]),
        ("red wall", [6]),
        ("a boat without a wall", []),
        ("the one with the image of", []),
        ("", []),
        ("\u8239", [7]),
        ("submarine", []),
        ("!!!", []),
    ],
)
def test_every_word_must_match_a_whole_word(words: str, numbers: list[int]) -> None:
    assert [offer.n for offer in matches(words, OFFERS)] == numbers


def test_adjacent_words_come_first() -> None:
    offers = (
        Offer(1, "a wall and a red barn", "a"),
        Offer(2, "a red wall", "b"),
        Offer(3, "the red wall", "c"),
    )
    assert [offer.n for offer in matches("red wall", offers)] == [2, 3, 1]


def test_a_label_counts_when_there_are_no_other_words() -> None:
    offers = (
        Offer(4, "a barn \u00b7 mock \u00b7 Winter Boats", "a", "a barn"),
        Offer(5, "Go on with the boats", "no"),
    )
    assert [offer.n for offer in matches("boat", offers)] == [5]


def test_thousands_of_images_are_searched_quickly() -> None:
    offers = [Offer(n, "", str(n), f"{SAID[n % len(SAID)]} " * 5) for n in range(5_000)]
    started = time.process_time()
    assert len(matches("red barn", offers)) == 714
    assert time.process_time() - started < 5  # about 0.5 s
