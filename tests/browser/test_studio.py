"""The studio in a browser: from the first message to the published page, across a killed server, in two tabs."""

import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.conftest import PATIENCE_MS, Watched
from tests.browser.test_artifact_pages import broken_images, findings, see_everything
from tests.conftest import ServerProcess
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

TEMPLATE = Path("fixtures/lookbook/template.html")
PROJECT = "Harbour lights"
HOSTILE = "<img src=x onerror=alert(1)>"
Start = Callable[..., ServerProcess]
Watch = Callable[..., Watched]


@dataclass(frozen=True, slots=True)
class Studio:
    """A server with a project of images and templates."""

    server: ServerProcess
    project: str

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The API's answer."""
        headers = {"X-Api-Key": self.server.api_key}
        answer = requests.post(f"{self.server.origin}{path}", json=body, headers=headers, timeout=120)
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def template(self, content: bytes, name: str) -> str:
        """The key of a template, stored through the API."""
        answer = requests.post(
            f"{self.server.origin}/api/templates",
            files={"file": (name, content, "text/html")},
            headers={"X-Api-Key": self.server.api_key},
            timeout=120,
        )
        assert answer.status_code == 201, answer.text
        key: str = answer.json()["templateR2Key"]
        return key

    def draft(self, content: bytes, title: str = "Draft") -> str:
        """The path of the studio's page for a new draft."""
        key = self.template(content, "template.html")
        body = {"templateR2Key": key, "title": title, "projectIds": [self.project]}
        return f"/studio/artifacts/{self.post('/api/artifacts', body)['id']}/"

    def password(self) -> str:
        """The admin's password, as the first start printed it."""
        found = re.search(r"Admin login  admin / (\S+)", (self.server.data_dir / "server.log").read_text())
        assert found is not None
        return found[1]


def furnish(server: ServerProcess) -> Studio:
    """Eight images of two prompts, one of them hostile, and the lookbook's template."""
    project = Studio(server, "").post("/api/projects", {"name": PROJECT})["id"]
    studio = Studio(server, project)
    for prompt in ("a lighthouse at dusk", f"a red boat {HOSTILE}"):
        body = {
            "prompt": prompt,
            "providers": ["mock"],
            "variants": 4,
            "sessionId": "made",
            "size": "256x192",
        }
        wait_for_job(studio, studio.post(f"/api/projects/{project}/jobs", body)["jobId"])
    studio.template(TEMPLATE.read_bytes(), "lookbook.html")
    return studio


def wait_for_job(studio: Studio, job: str) -> None:
    """Returns when the job has ended."""
    address, headers = f"{studio.server.origin}/api/jobs/{job}", {"X-Api-Key": studio.server.api_key}
    wait_until(
        lambda: requests.get(address, headers=headers, timeout=60).json()["status"] == "complete",
        "the job ended",
    )


@pytest.fixture(scope="module")
def studio(start_server: Start) -> Studio:
    """One server for all tests that leave it alive; even reading needs a key or staff, as on a private site."""
    return furnish(start_server(DALI_REQUIRE_KEY="all", DALI_CUSTOMIZE_RATE="1000/m"))


@pytest.fixture
def watch(browser: Browser) -> Iterator[Watch]:
    """A function that signs in at a studio and opens one of its pages; `beside` shares the session of another page."""
    contexts: list[BrowserContext] = []

    def make(
        studio: Studio, path: str, *, width: int = 1440, beside: Watched | None = None, **how: Any
    ) -> Watched:
        if beside is None:
            size = {"width": width, "height": 780 if width < 500 else 900}
            contexts.append(browser.new_context(viewport=size, **how))  # type: ignore[arg-type]
            contexts[-1].set_default_timeout(PATIENCE_MS)
        page = beside.page.context.new_page() if beside else contexts[-1].new_page()
        seen = Watched(page, studio.server.origin)
        page.on("console", seen.note_message)
        page.on("pageerror", lambda error: seen.faults.append(str(error)))
        page.on("request", seen.note_request)
        page.on("dialog", seen.note_dialog)
        page.goto(f"{seen.origin}{path}")
        if beside is None:
            page.get_by_label("Username").fill("admin")
            page.get_by_label("Password").fill(studio.password())
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url(f"**{path}*")
        return seen

    yield make
    for context in contexts:
        context.close()


def replies(page: Page) -> Any:
    """The agent's messages."""
    return page.locator(".said.agent:not(.thinking)")


def say(page: Page, text: str) -> None:
    """Writes a message and waits for its answer."""
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")
    expect(page.locator(".said.you").last).to_have_text(f"You: {text}")
    answered(page)


def answered(page: Page) -> None:
    """Waits until nothing is in progress."""
    expect(page.locator("body.busy")).to_have_count(0)


def preview(page: Page) -> Any:
    """What the preview shows."""
    return page.frame_locator("iframe.now")


def opened(page: Page) -> Page:
    """The public page as the studio's link opens it."""
    with page.context.expect_page() as found:
        page.get_by_role("link", name="Open the page").click()
    found.value.wait_for_load_state()
    return found.value


def begin(page: Page) -> None:
    """A new page from the example, through the form."""
    page.get_by_label("Template", exact=True).select_option(label="lookbook.html")
    page.get_by_label("Title").fill("Winter light")
    page.get_by_label(PROJECT).check()
    page.get_by_role("button", name="Start").click()
    expect(replies(page)).to_have_count(1)


def fill_the_first_ten(page: Page) -> None:
    """Fills by clicks, by text, and several at once; the preview follows."""
    expect(preview(page).locator("h1 mark")).to_have_text("TITLE")
    page.get_by_role("button", name="1 Winter light").click()
    answered(page)
    expect(preview(page).locator("h1")).to_have_text("Winter light")
    third = page.locator(".choice img").nth(2)
    address = str(third.get_attribute("src"))
    third.click()
    answered(page)
    expect(preview(page).locator("#slot-HERO_IMAGE")).to_have_attribute("src", address)
    say(page, "Six pictures of cold water & stone")
    say(page, f"all from project {PROJECT} in order")
    expect(page.locator("#count")).to_have_text("9 of 16 filled")
    say(page, "The light comes on at four")


def fill_the_rest(page: Page) -> None:
    """Leaves captions empty; the last placeholder publishes."""
    for number in range(3, 7):
        page.get_by_role("button", name="Skip").click()
        answered(page)
        expect(replies(page).last).to_contain_text(f"CAPTION_{number} stays empty")
    expect(page.locator("#state")).to_have_text("draft")
    say(page, "Come and see.")
    expect(page.locator("#state")).to_have_text("published")


def test_the_example_is_filled_across_a_killed_server_published_and_changed(
    start_server: Start, watch: Watch
) -> None:
    studio = furnish(start_server())
    seen = watch(studio, "/studio/")
    page = seen.page
    begin(page)
    fill_the_first_ten(page)

    studio.server.process.send_signal(signal.SIGKILL)
    studio.server.process.wait()
    page.get_by_label("Your message").fill("Boats, resting")
    page.keyboard.press("Enter")
    expect(page.locator("#note")).to_contain_text("Your message is saved and will be sent again")
    start_server(data_dir=studio.server.data_dir, origin=studio.server.origin)
    answered(page)
    expect(page.locator("#note")).to_be_hidden()
    for _ in range(2):
        expect(replies(page).last).to_contain_text("CAPTION_2 is now “Boats, resting”.")
        expect(page.locator(".said.you", has_text="Boats, resting")).to_have_count(1)
        expect(page.locator("#count")).to_have_text("11 of 16 filled")
        page.reload()

    fill_the_rest(page)
    public = opened(page)
    expect(public.locator("h1")).to_have_text("Winter light")
    expect(public.locator(".subtitle")).to_have_text("Six pictures of cold water & stone")
    expect(public.locator(".closing")).to_have_text("Come and see.")
    expect(public.get_by_text("Boats, resting")).to_be_visible()
    see_everything(public)
    assert public.locator("img").count() == 7
    assert broken_images(public) == []

    say(page, "change TITLE to Winter harbour")
    expect(preview(page).locator("h1")).to_have_text("Winter harbour")
    expect(opened(page).locator("h1")).to_have_text("Winter harbour")
    away = [
        fault for fault in seen.faults if "ERR_" not in fault
    ]  # the browser's own messages while the server was down
    assert (away, seen.foreign) == ([], [])


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("dark", [False, True])
def test_the_pages_fit_and_are_accessible(studio: Studio, watch: Watch, width: int, dark: bool) -> None:
    scheme = "dark" if dark else "light"
    seen = watch(
        studio, studio.draft(TEMPLATE.read_bytes(), "Harbour " * 20), width=width, color_scheme=scheme
    )
    page = seen.page
    expect(replies(page)).to_have_count(1)
    say(page, "Pneumonoultramicroscopicsilicovolcanoconiosis" * 4)
    expect(page.locator(".choice img").first).to_be_visible()
    page.locator("summary").click()
    expect(preview(page).locator("#slot-TITLE")).to_be_attached()
    assert (seen.overflow_px(), findings(page)) == (0, [])
    seen.open("/studio/")
    assert (seen.overflow_px(), findings(page)) == (0, [])
    assert (seen.faults, seen.foreign) == ([], [])


def test_a_chat_works_with_the_keyboard_alone(studio: Studio, watch: Watch) -> None:
    page = watch(
        studio, studio.draft(b"<h1>{{TITLE}}</h1><img src='{{IMAGE}}' alt=''><p>{{END}}</p>", "By keys")
    ).page
    expect(page.get_by_label("Your message")).to_be_focused()
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    expect(replies(page).last).to_contain_text("TITLE is now “By keys”")
    answered(page)
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")  # the last visible choice
    expect(replies(page).last).to_contain_text("IMAGE is now")
    answered(page)
    page.keyboard.type("line one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("line two")
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_have_text("published")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("Your message")).to_have_value("line one\nline two")


def test_a_second_tab_follows_through_the_stream(studio: Studio, watch: Watch) -> None:
    first = watch(studio, studio.draft(b"<h1>{{TITLE}}</h1><p>{{END}}</p>"))
    expect(replies(first.page)).to_have_count(1)
    second = watch(studio, first.page.url.removeprefix(first.origin), beside=first)
    expect(replies(second.page)).to_have_count(1)
    say(first.page, "Seen by both")
    expect(replies(second.page)).to_have_count(2)
    expect(preview(second.page).locator("h1")).to_have_text("Seen by both")
    say(first.page, "The end")
    expect(second.page.locator("#state")).to_have_text("published")
    assert (first.faults, second.faults) == ([], [])


def test_hostile_text_runs_nothing_in_the_chat_or_the_preview(studio: Studio, watch: Watch) -> None:
    template = f"""<!doctype html><html><body><h1>{{{{TITLE}}}}</h1><img src="{{{{IMAGE}}}}" alt="">
        <script>alert(2)</script><a href="{{{{LINK}}}}" onclick="alert(3)">{{{{LINK}}}}</a>
        <form action="/admin/logout/" method="post"><button>x</button></form>{HOSTILE}</body></html>"""
    seen = watch(studio, studio.draft(template.encode(), HOSTILE))
    page = seen.page
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    say(page, HOSTILE)
    expect(preview(page).locator("h1")).to_have_text(HOSTILE)
    expect(page.locator(".choice .label").first).to_contain_text(HOSTILE)
    assert page.locator("img[src=x]").count() == 0
    ours = [
        fault
        for fault in seen.faults
        if "Blocked script execution" not in fault and "Content Security" not in fault
    ]
    assert [fault for fault in ours if "404" not in fault] == []  # from the template's own broken picture
    assert not any(fault.startswith("dialog") for fault in seen.faults)


def test_a_message_whose_answer_is_lost_is_not_sent_twice(studio: Studio, watch: Watch) -> None:
    page = watch(studio, studio.draft(b"<h1>{{TITLE}}</h1><p>{{END}}</p><p>{{LAST}}</p>")).page
    expect(replies(page)).to_have_count(1)
    sent: list[str | None] = []

    def lose(route: Route) -> None:
        sent.append(route.request.post_data)
        route.fetch()
        route.abort()

    page.route("**/customize", lose)
    page.get_by_label("Your message").fill("Once")
    page.keyboard.press("Enter")
    expect(replies(page)).to_have_count(2)
    expect(page.locator("#count")).to_have_text("1 of 3 filled")
    assert len(sent) == 1


def test_a_message_sent_during_an_answer_follows_it(studio: Studio, watch: Watch) -> None:
    page = watch(studio, studio.draft(b"<h1>{{TITLE}}</h1><p>{{SECOND}}</p><p>{{THIRD}}</p>")).page
    expect(replies(page)).to_have_count(1)
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        held.append(route)

    page.route("**/customize", hold_the_first)
    page.get_by_label("Your message").fill("First")
    with page.expect_request("**/customize"):
        page.keyboard.press("Enter")
    page.get_by_label("Your message").fill("Secnd")
    page.keyboard.press("Enter")
    expect(page.locator("#note")).to_contain_text("sent next")
    page.get_by_label("Your message").fill("Second")  # a user who keeps writing sends it again
    expect(page.locator("#note")).to_be_hidden()
    page.keyboard.press("Enter")
    held[0].continue_()
    expect(page.locator(".said.you")).to_have_text(["You: First", "You: Second"])
    answered(page)
    expect(page.locator("#count")).to_have_text("2 of 3 filled")
    expect(page.get_by_label("Your message")).to_have_value("")
    expect(preview(page).locator("p").first).to_have_text("Second")


def test_a_signed_out_user_keeps_the_message_and_is_asked_to_sign_in(studio: Studio, watch: Watch) -> None:
    page = watch(studio, studio.draft(b"<h1>{{TITLE}}</h1>")).page
    expect(replies(page)).to_have_count(1)
    page.context.clear_cookies(name="sessionid")
    page.get_by_label("Your message").fill("Not lost")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#note")).to_contain_text("You are signed out")
    expect(page.get_by_label("Your message")).to_have_value("Not lost")
    expect(page.locator(".said.you")).to_have_count(0)
    page.get_by_role("link", name="Sign in again").click()
    expect(page.get_by_label("Username")).to_be_visible()


def test_errors_of_the_api_are_shown(studio: Studio, watch: Watch) -> None:
    page = watch(studio, studio.draft(b"<h1>{{TITLE}}</h1>")).page
    expect(replies(page)).to_have_count(1)
    page.evaluate("document.getElementById('input').removeAttribute('maxlength')")
    page.get_by_label("Your message").fill("a" * 4001)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#note")).to_contain_text("4,000")
    expect(page.locator("#count")).to_have_text("0 of 1 filled")
