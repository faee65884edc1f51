"""The voting deck: choices that also work on paper, nothing that biases, votes sent by default."""

import re
from typing import Any

from artifacts.generator import generators
from artifacts.generators.voting_deck.generator import VotingDeckOptions
from tests.artifacts.materials import material_of, uuid_of


def page_of(count: int = 3, **options: Any) -> str:
    """The page."""
    made = generators.get("votingDeck").generate(
        material_of(count), VotingDeckOptions(include="all", **options)
    )
    return made[0].content.decode()


def test_each_image_has_one_group_of_choices() -> None:
    page = page_of(2)
    assert re.findall(r'name="(vote-\d)" value="(\w+)"', page) == [
        ("vote-1", "yes"), ("vote-1", "maybe"), ("vote-1", "no"),
        ("vote-2", "yes"), ("vote-2", "maybe"), ("vote-2", "no"),
    ]  # fmt: skip
    assert re.findall(r'data-image="(.*?)"', page) == [str(uuid_of(0)), str(uuid_of(1))]


def test_maybe_can_be_left_out() -> None:
    assert re.findall(r'name="vote-1" value="(\w+)"', page_of(1, maybe=False)) == ["yes", "no"]


def test_provider_and_verdict_are_shown_only_on_request() -> None:
    assert 'class="mark' not in page_of()
    assert "<span>openai</span>" not in page_of()
    page = page_of(blind=False)
    assert page.count('<span class="mark') == 3
    assert "<span>openai</span>" in page


def test_votes_are_sent_unless_they_should_stay_on_the_page() -> None:
    asking = page_of()
    assert "fetch(" in asking
    assert 'data-writes="on"' in asking
    page = page_of(votes=False)
    assert "fetch(" not in page
    assert 'data-writes="off"' in page
    assert "only on this page" in page
