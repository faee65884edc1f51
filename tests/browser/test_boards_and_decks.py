"""Review boards and voting decks in a browser: complete without a server, robust against every response."""

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


def answering(
    seen: Watched, state: dict[str, object], answer: dict[str, object], *failures: tuple[int, dict[str, str]]
) -> list[dict[str, object]]:
    """Fakes the page's server, with `failures` for the first writes (0: no connection); returns the sent requests."""
    sent: list[dict[str, object]] = []
    left = list(failures)

    def write(route: Route) -> None:
        body = json.loads(route.request.post_data or "{}")
        sent.append(body)
        status, headers = left.pop(0) if left else (201, {})
        if status == 201:
            route.fulfill(status=201, json={**body, "id": f"c-{len(sent)}", **answer})
        elif status:
            error = {"code": "x", "detail": "It says why.", "attr": None}
            route.fulfill(status=status, headers=headers, json={"errors": [error]})
        else:
            route.abort()

    seen.page.route("**/state", lambda route: route.fulfill(json=state))
    seen.page.route("**/votes", write)
    seen.page.route("**/comments", write)
    return sent


def test_a_deck_is_voted_through_by_keys_and_shows_a_summary(open_page: OpenPage) -> None:
    seen = open_page()
    seen.open(address_of("votingDeck", votes=False))
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


def test_a_summary_can_be_copied_even_without_clipboard_access(open_page: OpenPage) -> None:
    seen = open_page()
    seen.page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    seen.open(address_of("votingDeck"))
    seen.page.keyboard.press("1")
    seen.page.keyboard.press("s")
    seen.page.get_by_role("button", name="Copy as text").click()
    text = seen.page.locator("#text").input_value()
    assert text.startswith("Harbour lights\n\nYes (1)\n1. a lighthouse at dusk")


@pytest.mark.parametrize(("name", "option"), [("votingDeck", "votes"), ("reviewBoard", "comments")])
def test_a_page_stays_complete_when_no_server_answers(open_page: OpenPage, name: str, option: str) -> None:
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
    sent = answering(seen, {"token": "t-1", "images": {}}, {"createdAt": 1_790_000_000_000})
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


def test_a_vote_that_cannot_be_sent_is_kept_and_sent_later(open_page: OpenPage) -> None:
    seen = open_page()
    failures = [(429, {"Retry-After": "1"}), (0, {}), (503, {"Retry-After": "1"})]
    sent = answering(seen, {"token": "t-1", "images": {}}, {"votes": {"yes": 1}}, *failures)
    seen.open(address_of("votingDeck"))
    page = seen.page
    page.keyboard.press("1")
    expect(page.locator("#notice")).to_have_text(
        "Too many requests. Your vote is saved here and will be sent automatically."
    )
    expect(page.locator("#notice")).to_have_text(
        "You are offline. Your vote is saved here and will be sent automatically."
    )
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("#notice")).to_have_text("")
    assert [one["choice"] for one in sent] == ["yes"] * 4


def test_a_vote_kept_over_a_reload_is_sent_afterwards(open_page: OpenPage) -> None:
    seen = open_page()
    sent = answering(seen, {"token": "t-1", "images": {}}, {"votes": {"no": 1}}, (0, {}))
    seen.open(address_of("votingDeck"))
    seen.page.keyboard.press("3")
    expect(seen.page.locator("#notice")).to_contain_text("offline")
    seen.page.reload(wait_until="networkidle")
    expect(seen.page.locator("#cards > li .totals").first).to_have_text("Yes 0 · Maybe 0 · No 1")
    assert [one["choice"] for one in sent] == ["no", "no"]


def test_a_refused_vote_is_removed_from_the_page(open_page: OpenPage) -> None:
    seen = open_page()
    answering(seen, {"token": "t-1", "images": {}}, {}, (400, {}))
    seen.open(address_of("votingDeck"))
    seen.page.locator("#mode-all").click()
    first = seen.page.locator("#cards > li").first
    first.locator("label.yes").click()
    expect(seen.page.locator("#notice")).to_have_text("Your vote on image 1 was not saved: It says why.")
    assert first.locator("input:checked").count() == 0


def test_an_expired_token_is_renewed_and_the_vote_sent_again(open_page: OpenPage) -> None:
    seen = open_page()
    state: dict[str, object] = {"token": "t-1", "images": {}}
    sent = answering(seen, state, {"votes": {"yes": 1}}, (403, {}))
    seen.open(address_of("votingDeck"))
    state["token"] = "t-2"
    seen.page.keyboard.press("1")
    expect(seen.page.locator("#cards > li .totals").first).to_have_text("Yes 1 · Maybe 0 · No 0")
    assert [one["token"] for one in sent] == ["t-1", "t-2"]


def test_a_refused_comment_stays_in_its_form_even_over_a_reload(open_page: OpenPage) -> None:
    seen = open_page()
    answering(seen, {"token": "t-1", "images": {}}, {}, (0, {}), (429, {"Retry-After": "7"}), (400, {}))
    seen.open(address_of("reviewBoard"))
    entry = seen.page.locator("#image-1")
    text, said = entry.get_by_label("Comment", exact=True), entry.locator(".sent")
    text.fill("More fog.")
    entry.get_by_label("Your name").fill("Ada")
    for answer in (
        "Not sent. You are offline. Your text is still here. Please send it again in a moment.",
        "Not sent. Too many requests. Your text is still here. Please send it again in 7 s.",
        "Not sent. It says why.",
    ):
        entry.get_by_role("button", name="Send").click()
        expect(said).to_have_text(answer)
        assert text.input_value() == "More fog."
    seen.page.reload(wait_until="networkidle")
    assert text.input_value() == "More fog."
    assert seen.page.locator("#image-2").get_by_label("Your name").input_value() == "Ada"


def test_a_comment_whose_answer_was_lost_is_not_sent_twice(open_page: OpenPage) -> None:
    seen = open_page()
    state: dict[str, object] = {"token": "t-1", "images": {}}
    sent = answering(seen, state, {}, (0, {}))
    seen.open(address_of("reviewBoard"))
    entry = seen.page.locator("#image-1")
    entry.get_by_label("Comment", exact=True).fill("More fog.")
    entry.get_by_role("button", name="Send").click()
    expect(entry.locator(".sent")).to_contain_text("offline")
    comment = {"id": "c-1", "replyTo": None, "name": "", "text": "More fog.", "createdAt": 1}
    state["images"] = {str(entry.get_attribute("data-image")): {"comments": [comment]}}
    entry.get_by_role("button", name="Send").click()
    expect(entry.locator(".sent")).to_have_text("Thank you.")
    expect(entry.locator(".comments li")).to_have_count(1)
    assert len(sent) == 1


def test_a_closed_board_shows_its_comments_and_accepts_none(open_page: OpenPage) -> None:
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
