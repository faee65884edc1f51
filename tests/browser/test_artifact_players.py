"""What visitors do on artifacts' pages: open pictures large, leaf through slides, compare, copy colours."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Watched
from tests.browser.test_artifact_pages import address_of, findings

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OpenPage = Callable[..., Watched]


def swipe(page: Page, selector: str, across: int) -> None:
    """A finger that moves `across` pixels over the middle of an element."""
    box = page.locator(selector).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *points: dict[str, float]) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    send("touchStart", {"x": x, "y": y})
    for step in range(1, 6):
        send("touchMove", {"x": x + across * step / 5, "y": y})
    send("touchEnd")


def test_pictures_of_a_lookbook_open_large_and_are_leafed_by_keys(open_page: OpenPage) -> None:
    seen = open_page()
    seen.open(address_of("lookbook"))
    page, links = seen.page, seen.page.locator("[data-lightbox]")
    count = links.count()
    links.nth(0).focus()
    page.keyboard.press("Enter")
    box, said = page.locator("dialog.lightbox"), page.locator(".lightbox-bar span")
    assert box.is_visible()
    assert said.inner_text() == f"1 of {count}"
    assert findings(page) == []
    for key, place in (
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("ArrowLeft", count),
        ("Home", 1),
        ("End", count),
    ):
        page.keyboard.press(key)
        assert said.inner_text() == f"{place} of {count}", key
        assert page.locator(".lightbox-stage img").get_attribute("src") == links.nth(place - 1).get_attribute(
            "href"
        )
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    assert not box.is_visible()
    assert links.nth(1).evaluate("link => link === document.activeElement")
    assert (seen.faults, seen.foreign) == ([], [])


def test_pictures_of_a_lookbook_are_leafed_by_a_finger(open_page: OpenPage) -> None:
    seen = open_page(width=360, height=740, has_touch=True, is_mobile=True)
    seen.open(address_of("lookbook"))
    page, said = seen.page, seen.page.locator(".lightbox-bar span")
    page.locator("[data-lightbox]").nth(0).tap()
    swipe(page, ".lightbox-stage", -150)
    assert said.inner_text().startswith("2 of ")
    swipe(page, ".lightbox-stage", 150)
    assert said.inner_text().startswith("1 of ")
    page.get_by_role("button", name="Close").click()  # Chromium takes a tap just after a swipe for its end
    page.locator("dialog.lightbox").wait_for(state="hidden")
    assert seen.faults == []


def test_slides_are_leafed_by_keys_and_the_address_follows(open_page: OpenPage) -> None:
    seen = open_page()
    seen.open(address_of("slideshow"))
    page = seen.page
    total = page.locator(".slide").count()
    steps = [("ArrowRight", 2), (" ", 3), ("Shift+ ", 2), ("ArrowLeft", 1), ("ArrowLeft", 1), ("End", total)]
    for key, place in [*steps, ("ArrowRight", total), ("Home", 1), ("PageDown", 2), ("PageUp", 1)]:
        page.keyboard.press(key)
        assert page.locator(".count").inner_text() == f"{place} / {total}", key
        assert page.url.endswith(f"#slide-{place}")
        assert page.locator(".slide.now").get_attribute("id") == f"slide-{place}"
    page.evaluate("location.hash = '#slide-3'")
    page.wait_for_selector("#slide-3.now")
    page.reload(wait_until="load")
    assert page.locator(".slide.now").get_attribute("id") == "slide-3"
    assert (seen.faults, seen.foreign) == ([], [])


def test_notes_are_the_speakers_to_show(open_page: OpenPage) -> None:
    seen = open_page()
    seen.open(address_of("slideshow") + "#slide-2")
    page, notes = seen.page, seen.page.locator(".slide.now .notes")
    assert not notes.is_visible()
    page.keyboard.press("n")
    assert notes.is_visible()
    text = notes.inner_text()
    for said in ("The light is as asked.", "soft light", "gemini.light", "seed 0", "$0.04"):
        assert said in text
    assert page.get_by_role("button", name="Speaker notes").get_attribute("aria-pressed") == "true"
    assert findings(page) == []
    page.keyboard.press("n")
    assert not notes.is_visible()


def test_slides_follow_a_finger(open_page: OpenPage) -> None:
    seen = open_page(width=360, height=740, has_touch=True, is_mobile=True)
    seen.open(address_of("slideshow"))
    swipe(seen.page, "#show", -150)
    assert seen.page.locator(".slide.now").get_attribute("id") == "slide-2"
    swipe(seen.page, "#show", 150)
    assert seen.page.locator(".slide.now").get_attribute("id") == "slide-1"
    assert seen.overflow_px() == 0
    assert seen.faults == []


def test_slides_play_by_themselves_until_paused(open_page: OpenPage) -> None:
    address = address_of(
        "slideshow", autoplay=True, seconds=60
    )  # the page's clock runs on beside what is added
    seen = open_page()
    seen.page.clock.install()
    seen.open(address)
    page, shown = seen.page, seen.page.locator(".slide.now")
    page.clock.run_for(61_000)
    assert shown.get_attribute("id") == "slide-2"
    page.get_by_role("button", name="Pause").click()
    page.clock.run_for(300_000)
    assert shown.get_attribute("id") == "slide-2"
    page.keyboard.press("p")
    page.clock.run_for(61_000)
    assert shown.get_attribute("id") == "slide-3"
    calm = open_page(reduced_motion="reduce")
    calm.page.clock.install()
    calm.open(address)
    calm.page.clock.run_for(300_000)
    assert calm.page.locator(".slide.now").get_attribute("id") == "slide-1"


def test_slides_are_printed_one_a_page(open_page: OpenPage) -> None:
    seen = open_page()
    seen.open(address_of("slideshow"))
    paper = seen.page.pdf(prefer_css_page_size=True)
    assert paper.count(b"/Type /Page\n") == seen.page.locator(".slide").count()


def test_before_and_after_are_parted_by_keys(open_page: OpenPage) -> None:
    seen = open_page()
    seen.open(address_of("compareDeck"))
    slider = seen.page.get_by_role("slider").first
    assert slider.input_value() == "50"
    slider.focus()
    seen.page.keyboard.press("ArrowRight")
    assert slider.input_value() == "51"
    pair = seen.page.locator(".pair").first
    assert (
        pair.locator(".after").evaluate("image => getComputedStyle(image).clipPath")
        == "inset(0px 0px 0px 51%)"
    )
    seen.page.keyboard.press("Home")
    assert slider.get_attribute("aria-valuetext") == "0 % before"
    assert (seen.faults, seen.foreign) == ([], [])


@pytest.mark.parametrize("with_script", [True, False])
def test_a_blind_deck_names_nobody_until_it_is_asked_to(open_page: OpenPage, with_script: bool) -> None:
    seen = open_page(java_script_enabled=with_script)
    seen.open(address_of("compareDeck", blind=True))
    page = seen.page
    heads = page.locator(".column h3")
    text = page.locator("body").inner_text()
    for name in ("gemini", "mock", "openai", "workers"):
        assert name not in text
    assert heads.all_inner_texts()[:4] == ["A", "B", "C", "D"]
    assert "Failed: refused" in text
    assert "near-duplicate of an image of" in text
    page.get_by_role("switch").click()
    assert sorted(heads.all_inner_texts()[:4]) == ["gemini", "mock", "openai", "workers"]
    places = [head.bounding_box() for head in heads.all()[:4]]
    across = sorted(range(4), key=lambda place: (places[place] or {"x": 0.0})["x"])
    assert [heads.all_inner_texts()[place] for place in across] == ["gemini", "mock", "openai", "workers"]


def test_a_colour_of_a_moodboard_is_copied(open_page: OpenPage) -> None:
    seen = open_page(permissions=["clipboard-read", "clipboard-write"])
    seen.open(address_of("moodboard"))
    swatch = seen.page.locator(".swatch button").first
    value = swatch.inner_text()
    swatch.click()
    seen.page.wait_for_selector(".swatch button:has-text('Copied')")
    assert seen.page.locator("#said").inner_text() == f"{value} copied"
    assert seen.page.evaluate("navigator.clipboard.readText()") == value
    assert seen.page.locator(".bars rect").count() > 10
    assert (seen.faults, seen.foreign) == ([], [])
