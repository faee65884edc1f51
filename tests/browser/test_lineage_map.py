"""The map of images in a browser: moved by mouse, wheel, fingers and keys; searched; opened; smooth when large."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from artifacts.generator import generators
from artifacts.generators.prompt_lineage_map.generator import PromptLineageMapOptions
from tests.artifacts.materials import image_of, material_of
from tests.browser.conftest import Watched
from tests.browser.test_artifact_pages import address_of, findings

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
OpenPage = Callable[..., Watched]


def view(page: Page) -> tuple[float, float, float]:
    """The position of the map after it has come to rest: x, y, scale."""
    page.locator("#map:not(.moving)").wait_for()
    page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    transform = page.eval_on_selector("#tree", "tree => tree.style.transform")
    found = re.fullmatch(r"translate\((.+)px, (.+)px\) scale\((.+)\)", transform)
    assert found, transform
    return float(found[1]), float(found[2]), float(found[3])


def middle(page: Page) -> tuple[float, float]:
    """The middle of the visible part of the map."""
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#map").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.fixture
def lineage(open_page: OpenPage) -> Watched:
    """The map of a seeded project."""
    seen = open_page(height=1100)
    seen.open(address_of("promptLineageMap"))
    return seen


def test_the_map_is_dragged_by_the_mouse_and_a_drag_opens_nothing(lineage: Watched) -> None:
    page = lineage.page
    before = view(page)
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 90, y - 40, steps=6)
    page.mouse.up()
    after = view(page)
    assert (round(after[0] - before[0]), round(after[1] - before[1])) == (-90, -40)
    assert after[2] == before[2]
    assert not page.locator("#about").is_visible()


def test_the_wheel_zooms_at_the_pointer_and_does_not_scroll_the_page(lineage: Watched) -> None:
    page = lineage.page
    x, y = middle(page)
    page.mouse.move(x, y)
    x0, _, before = view(page)
    scrolled = page.evaluate("scrollY")
    page.mouse.wheel(0, -200)
    expect(page.locator("#zoom")).not_to_have_text(f"{before * 100:.0f}%")
    x1, _, after = view(page)
    assert after > before
    box = page.locator("#map").bounding_box()
    assert box
    at = x - box["x"]
    assert (at - x0) / before == pytest.approx((at - x1) / after, abs=4)
    assert page.evaluate("scrollY") == scrolled


def test_two_fingers_pinch_to_zoom(lineage: Watched) -> None:
    page = lineage.page
    before = view(page)[2]
    page.evaluate(
        """() => {
            const map = document.getElementById("map"), box = map.getBoundingClientRect();
            const touch = (kind, id, x) => map.dispatchEvent(new PointerEvent(kind, {
                pointerId: id, pointerType: "touch", bubbles: true,
                clientX: box.left + box.width / 2 + x, clientY: box.top + box.height / 2 }));
            map.setPointerCapture = () => {};
            touch("pointerdown", 11, -50); touch("pointerdown", 12, 50);
            touch("pointermove", 11, -75); touch("pointermove", 12, 75);
            touch("pointermove", 11, -100); touch("pointermove", 12, 100);
            touch("pointerup", 11, -100); touch("pointerup", 12, 100);
        }"""
    )
    assert view(page)[2] == pytest.approx(before * 2, rel=0.35)


def test_keys_zoom_navigate_and_open(lineage: Watched) -> None:
    page = lineage.page
    before = view(page)[2]
    page.keyboard.press("+")
    assert view(page)[2] > before
    page.keyboard.press("0")
    page.keyboard.press("-")
    page.locator(".node").first.focus()
    page.keyboard.press("ArrowRight")
    label = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert "the same, in winter" in label
    page.keyboard.press("Enter")
    about = page.locator("#about")
    expect(about).to_be_visible()
    expect(about.locator("ins")).to_contain_text("winter")
    assert findings(page) == []
    about.get_by_role("button", name="Made from image 1").click()
    expect(about.locator("h2")).to_have_text("Image 1")
    page.keyboard.press("Escape")
    expect(about).to_be_hidden()
    assert page.evaluate("document.activeElement.classList.contains('node')")
    assert lineage.faults == []


def test_a_click_opens_the_details_of_an_image(lineage: Watched) -> None:
    page = lineage.page
    page.locator(".node image").first.click()
    about = page.locator("#about")
    expect(about).to_be_visible()
    assert "The light is as asked." in about.inner_text()
    about.get_by_role("button", name="Close").click()
    expect(about).to_be_hidden()


def test_search_dims_the_rest_counts_and_steps_through_the_hits(lineage: Watched) -> None:
    page = lineage.page
    total = page.locator(".node").count()
    page.fill("#words", "WINTER same")
    found = page.locator(".node.hit").count()
    assert 0 < found < total
    expect(page.locator("#hits")).to_have_text(f"{found} of {total}")
    page.keyboard.press("Enter")
    expect(page.locator("#hits")).to_have_text(f"1 of {found}")
    assert page.locator(".node.here.hit").count() == 1
    page.keyboard.press("Shift+Enter")
    expect(page.locator("#hits")).to_have_text(f"{found} of {found}")
    page.fill("#words", "nothing of the kind")
    expect(page.locator("#hits")).to_have_text("none")
    page.keyboard.press("Escape")
    assert page.locator("#map.searching").count() == 0


def test_without_scripts_the_map_scrolls_and_its_images_are_links(open_page: OpenPage) -> None:
    seen = open_page(java_script_enabled=False)
    seen.open(address_of("promptLineageMap"))
    assert not seen.page.locator("#tools").is_visible()
    assert "/images/" in str(seen.page.locator(".node").first.get_attribute("href"))


def test_a_map_of_500_images_moves_without_layout_and_loads_thumbnails_when_visible(
    open_page: OpenPage,
) -> None:
    images = tuple(
        replace(image_of(number, parent=number * 2 // 3 if number else None), url=DOT)
        for number in range(500)
    )
    made = generators.get("promptLineageMap").generate(
        replace(material_of(1), images=images), PromptLineageMapOptions()
    )
    seen = open_page()
    page = seen.page
    page.set_content(made[0].content.decode())
    asked = page.locator("image[href]").count()
    assert 60 <= asked < 500
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def layouts() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(float(one["value"]) for one in metrics if one["name"] == "LayoutCount")

    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    view(page)
    before = layouts()
    for step in range(40):
        page.mouse.move(x - step * 6, y - step * 3)
    page.mouse.up()
    view(page)
    assert layouts() - before <= 4  # for 40 steps
    page.click("#fit")
    view(page)
    assert page.locator("image[href]").count() == 500
    assert seen.faults == []
