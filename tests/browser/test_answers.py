"""Two visitors on one deck or board of a real server: each sees the other's input live, and none of it does harm."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, FloatRect, Locator, Page, expect

from tests.browser.conftest import PATIENCE_MS, Watched
from tests.browser.test_artifact_pages import findings
from tests.conftest import ServerProcess
from tests.flows.test_view_log import publish as publish_lookbook

pytestmark = pytest.mark.browser

HOSTILE = "</p><img src=x onerror=alert(1)><script>alert(2)</script>"


@dataclass
class House:
    """A running server, a project with images, and browsers of visitors."""

    server: ServerProcess
    project: str
    browser: Browser

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of an answer to the owner."""
        headers = {"X-Api-Key": self.server.api_key}
        answer = requests.request(method, self.server.origin + path, json=body, headers=headers, timeout=120)
        assert answer.ok, answer.text
        return answer.json()

    def publish(self, generator: str, **options: object) -> dict[str, Any]:
        """An artifact with a page of its own."""
        body = {
            "generator": generator,
            "projectIds": [self.project],
            "options": {"include": "all", **options},
        }
        made: dict[str, Any] = self.ask("POST", "/api/artifacts", body)
        return made

    @contextlib.contextmanager
    def visitors(self, address: str, *widths: int) -> Iterator[list[Watched]]:
        """One browser for each width, all on the page."""
        with contextlib.ExitStack() as stack:
            seen = []
            for width in widths:
                context = self.browser.new_context(viewport={"width": width, "height": 900})
                context.set_default_timeout(PATIENCE_MS)
                stack.callback(context.close)
                one = Watched(context.new_page(), self.server.origin)
                one.page.on("console", one.note_message)
                one.page.on("pageerror", one.note_error)
                one.page.on("request", one.note_request)
                one.page.on("dialog", one.note_dialog)
                one.page.goto(address, wait_until="networkidle")
                seen.append(one)
            yield seen


@pytest.fixture(scope="module")
def house(browser: Browser, start_server: Callable[..., ServerProcess]) -> House:
    """A server with one project that has images."""
    server = start_server()
    made = publish_lookbook(server.origin, server.api_key)
    return House(server, made["project_id"], browser)


def at_rest(one: Locator) -> FloatRect:
    """The position of an element after the page has stopped scrolling."""
    seen = [one.bounding_box()]
    while len(seen) < 2 or seen[-1] != seen[-2]:
        one.page.wait_for_timeout(300)
        seen.append(one.bounding_box())
    assert seen[-1] is not None
    return seen[-1]


def totals(page: Page) -> Any:
    """The line below the first image."""
    return page.locator("#cards > li .totals").first


def test_two_visitors_vote_and_see_the_common_totals(house: House) -> None:
    deck = house.publish("votingDeck")
    with house.visitors(deck["public_url"], 1440, 360) as (one, two):
        one.page.locator("#mode-all").click()
        two.page.locator("#mode-res").click()
        one.page.locator("label.yes").first.click()
        expect(totals(one.page)).to_have_text("Yes 1 · Maybe 0 · No 0")
        expect(two.page.locator("#ranks .facts").first).to_have_text("Yes 1 · Maybe 0 · No 0")
        expect(two.page.locator("#turnout")).to_have_text("1 vote so far")
        two.page.locator("#mode-all").click()
        assert totals(two.page).is_hidden()  # totals would bias a visitor who has not voted
        two.page.locator("label.no").first.click()
        expect(totals(one.page)).to_have_text("Yes 1 · Maybe 0 · No 1")
        two.page.locator("label.yes").first.click()
        expect(totals(one.page)).to_have_text("Yes 2 · Maybe 0 · No 0")
        one.page.get_by_role("button", name="Undo").first.click()
        expect(totals(two.page)).to_have_text("Yes 1 · Maybe 0 · No 0")
        two.page.reload(wait_until="networkidle")
        two.page.locator("#mode-res").click()
        expect(two.page.locator("#ranks .facts").first).to_have_text("Yes 1 · Maybe 0 · No 0 · you: Yes")
        for seen in (one, two):
            assert findings(seen.page) == []
            assert (seen.overflow_px(), seen.faults, seen.foreign) == (0, [], [])


def test_a_closed_deck_says_so_at_once_and_accepts_no_more_votes(house: House) -> None:
    deck = house.publish("votingDeck")
    with house.visitors(deck["public_url"], 1440) as (seen,):
        seen.page.locator("#mode-all").click()
        seen.page.locator("label.yes").first.click()
        expect(totals(seen.page)).to_have_text("Yes 1 · Maybe 0 · No 0")
        house.ask("POST", f"/api/artifacts/{deck['id']}/close")
        expect(seen.page.locator("#notice")).to_have_text("Voting is closed. Thank you.")
        expect(seen.page.locator("fieldset:enabled")).to_have_count(0)
        expect(seen.page.locator("input:checked")).to_have_value("yes")
        house.ask("POST", f"/api/artifacts/{deck['id']}/reopen")
        seen.page.reload(wait_until="networkidle")
        expect(seen.page.locator("fieldset:disabled")).to_have_count(0)
        expect(seen.page.locator("input:checked")).to_have_value("yes")
        assert seen.faults == []


def test_two_visitors_comment_and_each_draft_stays_in_place(house: House) -> None:
    board = house.publish("reviewBoard")
    with house.visitors(board["public_url"], 1440, 360) as (one, two):
        mine, theirs = one.page.locator("#image-1"), two.page.locator("#image-1")
        mine.get_by_label("Comment", exact=True).fill("More fog.\nAnd a gull.")
        mine.get_by_label("Your name").fill("Ada")
        mine.get_by_role("button", name="Send").click()
        expect(theirs.locator(".comments .words")).to_have_text("More fog.\nAnd a gull.")
        expect(two.page.locator("#news")).to_have_text("New comments on image 1.")
        text = mine.get_by_label("Comment", exact=True)
        text.fill("Half a sent")
        before = at_rest(text)
        theirs.get_by_role("button", name="Reply to Ada").click()
        theirs.get_by_label("Comment", exact=True).fill("Two gulls. " * 40)
        theirs.get_by_role("button", name="Send").click()
        expect(mine.locator(".under .words")).to_contain_text("Two gulls.")
        after = at_rest(text)
        assert abs(after["y"] - before["y"]) < 2
        assert text.input_value() == "Half a sent"
        assert text.evaluate("one => one === document.activeElement")
        expect(mine.locator("h3")).to_have_text("Comments on image 1 (2)")
        for seen in (one, two):
            assert findings(seen.page) == []
            assert (seen.overflow_px(), seen.faults, seen.foreign) == (0, [], [])


def test_hostile_names_and_comments_do_nothing(house: House) -> None:
    board = house.publish("reviewBoard")
    with house.visitors(board["public_url"], 360, 1440) as (one, two):
        entry = one.page.locator("#image-1")
        entry.get_by_label("Comment", exact=True).fill(HOSTILE + " " + "W" * 300)
        entry.get_by_label("Your name").fill(HOSTILE)
        entry.get_by_role("button", name="Send").click()
        expect(entry.locator(".comments strong")).to_have_text(HOSTILE)
        expect(two.page.locator("#image-1 .comments strong")).to_have_text(HOSTILE)
        expect(two.page.locator("#image-1 .words")).to_contain_text(HOSTILE)
        two.page.reload(wait_until="networkidle")
        expect(two.page.locator("#image-1 .words")).to_contain_text(HOSTILE)
        for seen in (one, two):
            assert seen.page.locator("[src=x]").count() == 0
            assert (seen.overflow_px(), seen.faults, seen.foreign) == (0, [], [])


def test_a_closed_board_keeps_its_comments_and_the_draft_of_a_visitor(house: House) -> None:
    board = house.publish("reviewBoard")
    with house.visitors(board["public_url"], 1440) as (seen,):
        entry = seen.page.locator("#image-1")
        entry.get_by_label("Comment", exact=True).fill("More fog.")
        entry.get_by_role("button", name="Send").click()
        expect(entry.locator(".comments li")).to_have_count(1)
        entry.get_by_label("Comment", exact=True).fill("And anoth")
        house.ask("POST", f"/api/artifacts/{board['id']}/close")
        expect(seen.page.locator("#said")).to_have_text("Comments are closed.")
        expect(entry.get_by_label("Comment", exact=True)).to_have_value("And anoth")
        expect(entry.get_by_role("button", name="Send")).to_be_disabled()
        assert entry.locator(".reply:visible").count() == 0
        assert seen.faults == []


def test_an_unpublished_page_says_so_to_visitors_who_have_it_open(house: House) -> None:
    deck = house.publish("votingDeck")
    with house.visitors(deck["public_url"], 1440) as (seen,):
        house.ask("POST", f"/api/artifacts/{deck['id']}/unpublish")
        said = "This page is no longer available. Votes are no longer counted."
        expect(seen.page.locator("#notice")).to_have_text(said)
        expect(seen.page.locator("fieldset:enabled")).to_have_count(0)
