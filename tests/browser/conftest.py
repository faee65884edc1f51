"""A real Chromium for the tests of pages, and the rows that the pages show."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Error,
    Page,
    Request,
    expect,
    sync_playwright,
)
from pytest_django import Settings

# Far more than a page takes when it shares a busy machine with its server.
PATIENCE_MS = 120_000
expect.set_options(timeout=PATIENCE_MS)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@dataclass  # without slots: Playwright keeps its wrappers on the object whose method it calls
class Watched:
    """A page, its errors, and its requests to other hosts."""

    page: Page
    origin: str
    faults: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Opens a path of the server and waits until all resources have loaded."""
        self.page.goto(f"{self.origin}{path}", wait_until="networkidle")

    def overflow_px(self) -> int:
        """How much wider the page is than the window, in pixels."""
        return int(
            self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        )

    def note_message(self, message: ConsoleMessage) -> None:
        """Records errors and warnings of the console."""
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def note_error(self, error: Error) -> None:
        """Records uncaught exceptions of scripts."""
        self.faults.append(str(error))

    def note_dialog(self, dialog: Dialog) -> None:
        """Records the text of a dialog and closes it; Dali's pages open no such dialogs."""
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def note_request(self, request: Request) -> None:
        """Records requests to other hosts."""
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.foreign.append(request.url)


@contextmanager
def chromium(arguments: list[str]) -> Iterator[Browser]:
    """Chromium; skips or fails without one. While it runs, its event loop keeps tests with loops from running."""
    executable = os.environ.get("DALI_CHROMIUM") or shutil.which("chromium")
    if not executable:
        if os.environ.get("DALI_REQUIRE_BROWSER") == "1":
            pytest.fail("Chromium is missing: install it, or set DALI_CHROMIUM to its path")
        pytest.skip("Chromium is missing; set DALI_CHROMIUM to its path")
    # The ORM sees Playwright's loop in this thread and would refuse to work; the loop is idle meanwhile.
    patch = pytest.MonkeyPatch()
    patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    try:
        with sync_playwright() as playwright:
            started = playwright.chromium.launch(executable_path=executable, args=arguments)
            yield started
            started.close()
    finally:
        patch.undo()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, one per module."""
    with chromium(ARGUMENTS) as started:
        yield started


@pytest.fixture
def open_page(
    browser: Browser, live_server: "object", settings: Settings
) -> Iterator[Callable[..., Watched]]:
    """A function that opens an empty page on the live server; `client` lends its session; `how`: Playwright options."""
    origin = str(live_server)
    settings.PUBLIC_ORIGIN = origin
    contexts: list[BrowserContext] = []

    def make(
        *,
        width: int = 1440,
        height: int = 900,
        dark: bool = False,
        client: Client | None = None,
        **how: Any,
    ) -> Watched:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", **how
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        # This test server has no stream; 204 ends the request without an error, and pages read their state instead.
        context.route("**/public/**/live", lambda route: route.fulfill(status=204))
        if client is not None:
            name = settings.SESSION_COOKIE_NAME
            context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": origin}])
        watched = Watched(context.new_page(), origin)
        watched.page.on("console", watched.note_message)
        watched.page.on("pageerror", watched.note_error)
        watched.page.on("request", watched.note_request)
        watched.page.on("dialog", watched.note_dialog)
        return watched

    yield make
    for context in contexts:
        context.close()
