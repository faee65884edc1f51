"""Every page of the registry's generators in a browser: on phones and desktops, dark, printed, without scripts."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files

import pytest
from playwright.sync_api import Page

from artifacts.generator import ImageOptions, generators
from tests.artifacts.materials import HOSTILE
from tests.artifacts.seeded import seed_project
from tests.browser.conftest import Watched
from tests.clients import keyed

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OpenPage = Callable[..., Watched]
PAGES = [pytest.param(one.name, id=one.name) for one in generators.all() if one.output == "html"]
WIDTHS = (360, 1440)


def address_of(name: str, *, words: str = "", **options: object) -> str:
    """The URL of an artifact of a seeded project, made through the API; includes every image."""
    project = seed_project(words)
    if issubclass(generators.get(name).options, ImageOptions):
        options = {"include": "all", **options}
    body = {"generator": name, "projectIds": [str(project.pk)], "options": options}
    answer = keyed().post("/api/artifacts", body)
    assert answer.status_code == 201, answer.json()
    kind = "lookbook" if name == "lookbook" else "artifact"
    return f"/public/{kind}/{answer.json()['public_slug']}"


@cache
def axe() -> str:
    """The source of axe-core."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def findings(page: Page) -> list[str]:
    """The serious or critical findings of axe-core: rule, elements and reason."""
    page.evaluate(axe())
    found = page.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then(results => results.violations)"
    )
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def see_everything(page: Page) -> None:
    """Loads the lazy pictures as well, and waits until each has loaded or failed."""
    page.evaluate("document.querySelectorAll('img[loading=lazy]').forEach(one => { one.loading = 'eager' })")
    page.evaluate(
        """Promise.all([...document.images].filter(one => !one.complete).map(
            one => new Promise(done => { one.onload = one.onerror = done; })))"""
    )


def broken_images(page: Page) -> list[str]:
    """The URLs of pictures that did not load."""
    found: list[str] = page.eval_on_selector_all(
        "img[src]",
        "images => images.filter(one => !one.complete || !one.naturalWidth).map(one => one.currentSrc || one.src)",
    )
    return found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_loads_and_is_accessible_on_every_screen(open_page: OpenPage, name: str) -> None:
    address = address_of(name)
    for width in WIDTHS:
        seen = open_page(width=width)
        seen.open(address)
        see_everything(seen.page)
        assert broken_images(seen.page) == []
        assert seen.page.locator("h1").count() == 1
        for scheme in ("light", "dark"):
            seen.page.emulate_media(color_scheme=scheme)
            where = f"{width} px, {scheme}"
            assert seen.overflow_px() == 0, where
            assert findings(seen.page) == [], where
            assert (seen.faults, seen.foreign) == ([], []), where


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_printed(open_page: OpenPage, name: str) -> None:
    seen = open_page()
    seen.open(address_of(name))
    see_everything(seen.page)
    assert seen.page.pdf(format="A4").startswith(b"%PDF-")
    assert seen.faults == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_read_without_scripts(open_page: OpenPage, name: str) -> None:
    address = address_of(name)
    for width in WIDTHS:
        seen = open_page(width=width, java_script_enabled=False)
        seen.open(address)
        assert seen.page.locator("h1").is_visible()
        assert seen.page.locator("h1").inner_text().strip() == "Harbour lights"
        assert len(seen.page.locator("main").inner_text().strip()) > 20
        assert seen.foreign == []


@pytest.mark.parametrize("name", PAGES)
def test_hostile_text_does_nothing_in_a_browser(open_page: OpenPage, name: str) -> None:
    seen = open_page(width=360)
    seen.open(address_of(name, words=HOSTILE))
    see_everything(seen.page)
    assert seen.overflow_px() == 0
    assert broken_images(seen.page) == []
    assert seen.page.locator("[src=x]").count() == 0
    assert (seen.faults, seen.foreign) == ([], [])
