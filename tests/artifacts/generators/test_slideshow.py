"""Slideshows: slides, notes, and which of them are public."""

from artifacts.generators.slideshow.generator import Slideshow, SlideshowOptions
from tests.artifacts.materials import material_of


def page_of(count: int, options: SlideshowOptions) -> str:
    """The page, as text."""
    return Slideshow().generate(material_of(count), options)[0].content.decode()


def test_there_is_a_title_and_a_slide_for_each_image() -> None:
    page = page_of(5, SlideshowOptions(include="all"))
    assert page.count('<section class="slide') == 6
    assert 'aria-label="6 of 6"' in page
    assert 'data-ms="6000"' in page
    assert "data-autoplay>" not in page


def test_the_page_gets_the_playback_options() -> None:
    page = page_of(2, SlideshowOptions(include="all", seconds=2.5, autoplay=True))
    assert '<div class="show" id="show" data-ms="2500" data-autoplay>' in page


def test_notes_are_in_the_page_only_on_request() -> None:
    for is_wanted in (True, False):
        page = page_of(3, SlideshowOptions(include="all", notes=is_wanted))
        for said in ("The light is as asked.", "gemini.light", "Ask for a straight tower.", "seed 1"):
            assert (said in page) == is_wanted
