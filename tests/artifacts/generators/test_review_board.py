"""The review board: each image with number and text, lines for pens, and forms when comments are accepted."""

import re
from typing import Any

from artifacts.generator import generators
from artifacts.generators.review_board.generator import PRINTED_LINES, ReviewBoardOptions
from tests.artifacts.materials import HOSTILE, material_of, uuid_of


def page_of(count: int = 3, *, words: str = "", **options: Any) -> str:
    """The page."""
    made = generators.get("reviewBoard").generate(
        material_of(count, words=words), ReviewBoardOptions(include="all", **options)
    )
    return made[0].content.decode()


def test_each_image_has_a_linkable_number_and_lines_to_write_on() -> None:
    page = page_of(3)
    assert re.findall(r'<article class="entry" id="(.*?)"', page) == ["image-1", "image-2", "image-3"]
    assert re.findall(r'href="#(image-\d)"><img', page) == ["image-1", "image-2", "image-3"]
    assert page.count('<div class="lines"') == 3
    lines = re.findall(r'<div class="lines" aria-hidden="true">((?:<span></span>)*)</div>', page)
    assert lines == ["<span></span>" * PRINTED_LINES] * 3


def test_comments_are_sent_with_the_image_id() -> None:
    assert re.findall(r'data-image="(.*?)"', page_of(2)) == [str(uuid_of(0)), str(uuid_of(1))]


def test_a_board_without_comments_has_no_form_and_makes_no_request() -> None:
    page = page_of(comments=False)
    assert "<form" not in page
    assert "fetch(" not in page
    assert 'data-writes="off"' in page


def test_each_image_has_a_form_that_is_hidden_until_the_server_answers() -> None:
    page = page_of()
    assert page.count('<section class="talk" hidden') == page.count("<form") == 3
    assert 'data-writes="on"' in page
    assert "fetch(" in page


def test_verdicts_and_notes_can_be_left_out() -> None:
    assert "The light is as asked." in page_of()
    page = page_of(verdicts=False)
    assert "The light is as asked." not in page
    assert 'class="mark' not in page


def test_hostile_text_stays_text() -> None:
    page = page_of(words=HOSTILE)
    assert page.count("<script") == page_of().count("<script")
    assert "<img src=x" not in page
