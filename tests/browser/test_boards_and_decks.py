"""Review boards and voting decks in a browser: whole where nobody answers, ready for when somebody does."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Watched
from tests.browser.test_artifact_pages import address_of, findings

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OpenPage = Callable[..., Watched]
HOSTILE = "<img src=x onerror=alert(1)>"


def answering(seen: Watched, state: dict[str, object], answer: dict[str, object]) -> list[dict[str, object]]:
    """Answers for the page's address as it will be answered; returns what is sent there."""
    sent: list[dict[str, object]] = []

    def write(route: Route) -> None:
        body = json.loads(route.request.post_data or "{}")
        sent.append(body)
        route.fulfill(status=201, json={**body, **answer})

    seen.page.route("**/state", lambda route: route.fulfill(json=state))
    seen.page.route("**/votes", write)
    seen.page.route("**/comments", write)
    return sent


def test_a_deck_is_voted_through_by_keys_and_sums_up(open_page: OpenPage) -> None:
    seen = open_page()
    seen.open(address_of("votingDeck"))
    page = seen.page
    total = page.locator("#cards > li").count()
    assert page.locator("#cards > li:visible").count() == 1
    page.keyboard.press("1")
    expect(page.locator("#count")).to_have_text(f"2 of {total} · 1 voted")
    page.keyboard.press("3")
    expect(page.locator("#count")).to_have_text(f"3 of {total} · 2 voted")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("li.now input:checked")).to_have_value("no")
    page.keyboard.press("o")
    assert page.locator("#cards > li:visible").count() == total
    page.keyboard.press("s")
    assert page.locator("#lists h3").all_inner_texts() == [
        "Yes\n1",
        "Maybe\n0",
        "No\n1",
        f"No vote\n{total - 2}",
    ]
    assert findings(page) == []
    page.get_by_role("button", name="Start again").click()
    expect(page.locator("#count")).to_have_text(f"1 of {total} · 0 voted")
    assert seen.faults == []


def test_a_deck_is_voted_through_by_mouse_to_its_end(open_page: OpenPage) -> None:
    seen = open_page(width=360)
    seen.open(address_of("votingDeck", maybe=False))
    page = seen.page
    total = page.locator("#cards > li").count()
    for number in range(1, total + 1):
        expect(page.locator("li.now strong")).to_have_text(str(number))
        page.locator("li.now label.yes").click()
    expect(page.locator("#summary h2")).to_be_visible()
    assert page.locator("#lists h3").all_inner_texts() == [f"Yes\n{total}", "No\n0"]
    assert seen.overflow_px() == 0


def test_a_summary_can_be_copied_also_where_the_clipboard_is_closed(open_page: OpenPage) -> None:
    seen = open_page()
    seen.page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    seen.open(address_of("votingDeck"))
    seen.page.keyboard.press("1")
    seen.page.keyboard.press("s")
    seen.page.get_by_role("button", name="Copy as text").click()
    text = seen.page.locator("#text").input_value()
    assert text.startswith("Harbour lights\n\nYes (1)\n1. a lighthouse at dusk")


@pytest.mark.parametrize(("name", "option"), [("votingDeck", "votes"), ("reviewBoard", "comments")])
def test_where_nobody_answers_a_page_stays_whole(open_page: OpenPage, name: str, option: str) -> None:
    seen = open_page()
    seen.page.route("**/state", lambda route: route.fulfill(status=404, body="no"))
    options: dict[str, Any] = {option: True}
    seen.open(address_of(name, **options))
    assert seen.page.locator("form:visible, .totals:visible").count() == 0
    assert len(seen.faults) == 1  # the browser's own line about the network
    assert "404" in seen.faults[0]


def test_a_vote_is_sent_with_the_page_token_and_totals_are_shown(open_page: OpenPage) -> None:
    seen = open_page()
    sent = answering(seen, {"token": "t-1", "images": {}}, {"votes": {"yes": 3, "no": 1}})
    seen.open(address_of("votingDeck", votes=True))
    page = seen.page
    first = page.locator("#cards > li").first
    page.keyboard.press("1")
    expect(first.locator(".totals")).to_have_text("Yes 3 · Maybe 0 · No 1")
    image = first.get_attribute("data-image")
    assert sent == [{"token": "t-1", "imageId": image, "choice": "yes"}]
    assert seen.faults == []


def test_comments_are_shown_and_sent_as_text(open_page: OpenPage) -> None:
    seen = open_page()
    address = address_of("reviewBoard", comments=True)
    sent = answering(seen, {"token": "t-1", "images": {}}, {"id": "c-1", "createdAt": 1_790_000_000_000})
    seen.open(address)
    entry = seen.page.locator("#image-1")
    entry.get_by_label("Comment", exact=True).fill(HOSTILE)
    entry.get_by_role("button", name="Send").click()
    expect(entry.locator(".comments li p").nth(1)).to_have_text(HOSTILE)
    assert seen.page.locator("img[src=x]").count() == 0
    entry.get_by_role("button", name="Reply").click()
    entry.get_by_label("Comment", exact=True).fill("Agreed.")
    entry.get_by_role("button", name="Send").click()
    expect(entry.locator(".comments .under li")).to_contain_text("Agreed.")
    image = entry.get_attribute("data-image")
    assert [(one["imageId"], one["replyTo"], one["website"]) for one in sent] == [
        (image, None, ""),
        (image, "c-1", ""),
    ]
    assert findings(seen.page) == []
    assert seen.faults == []


def test_a_closed_board_shows_its_comments_and_takes_none(open_page: OpenPage) -> None:
    seen = open_page()
    address = address_of("reviewBoard", comments=True)
    comment = {"id": "c-1", "replyTo": None, "name": "Ada", "text": "More fog.", "createdAt": 1}
    state: dict[str, object] = {"token": "t-1", "closed": True, "images": {}}
    answering(seen, state, {})
    seen.open(address)
    image = str(seen.page.locator("#image-1").get_attribute("data-image"))
    state["images"] = {image: {"comments": [comment]}}
    seen.page.reload(wait_until="networkidle")
    expect(seen.page.locator("#said")).to_have_text("Comments are closed.")
    expect(seen.page.locator("#image-1 .comments li")).to_contain_text("More fog.")
    assert seen.page.locator("form:visible").count() == 0
