"""Pages fit with any installed fonts: each kind of page at 360 px, with text wider than any font makes it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from tests.browser.conftest import Watched
from tests.browser.test_artifact_pages import PAGES, address_of, see_everything
from tests.browser.test_pages_in_browser import LISTS, job_with_steps
from tests.clients import keyed
from tests.factories import TipFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OpenPage = Callable[..., Watched]
TEMPLATE = Path("fixtures/lookbook/template.html")
# More than twice the spacing that pages must bear by WCAG 2.2 (1.4.12), and glyphs larger than in any font: an x-height
# of 0.8 em, where those of Arial, Noto Sans and DejaVu Sans are 0.52 to 0.55.
WIDE = {
    "spaced": "*, ::before, ::after { letter-spacing: 0.3em !important; word-spacing: 0.3em !important; }",
    "large": "*, ::before, ::after { font-size-adjust: 0.8 !important; }",
}
# Elements that extend beyond the window, although nothing around them scrolls and the reader cannot move them.
BEYOND = """() => [...document.querySelectorAll('body *')].filter(one => {
    const box = one.getBoundingClientRect();
    if (!box.width || !one.checkVisibility({visibilityProperty: true, opacityProperty: true})) return false;
    if (box.right <= innerWidth + 0.5) return false;
    for (let around = one; around !== document.documentElement; around = around.parentElement) {
        if (around.matches('.hidden, .visually-hidden, .skip, svg')) return false;
        if (/auto|scroll/.test(getComputedStyle(around).overflowX)) return false;
    }
    return true;
}).map(one => one.outerHTML.slice(0, 120))"""


def check(seen: Watched, path: str) -> None:
    """Opens a page and widens its text."""
    seen.open(path)
    see_everything(seen.page)
    check_wide(seen, path)


def check_wide(seen: Watched, path: str) -> None:
    """Widens the text of an open page in each way: nothing extends beyond the window."""
    for way, style in WIDE.items():
        added = seen.page.add_style_tag(content=style)
        assert (seen.overflow_px(), seen.page.evaluate(BEYOND)) == (0, []), f"{path}, {way}"
        added.evaluate("one => one.remove()")


@pytest.fixture
def open_phone(open_page: OpenPage) -> OpenPage:
    """A function that opens an empty page as wide as a phone, which accepts the styles of these tests."""

    def make(client: Client | None = None) -> Watched:
        return open_page(width=360, client=client, bypass_csp=True)

    return make


@pytest.mark.parametrize("name", PAGES)
def test_an_artifact_fits(open_phone: OpenPage, name: str) -> None:
    check(open_phone(), address_of(name))


def test_public_pages_fit(open_phone: OpenPage) -> None:
    job_with_steps()
    for path in ("/", "/nowhere", "/public/artifact/nowhere", "/admin/login/"):
        check(open_phone(), path)


def test_pages_for_staff_fit(open_phone: OpenPage, admin_client: Client) -> None:
    job, tip = job_with_steps(), TipFactory()
    seen = open_phone(admin_client)
    pages = [f"{place}/" for place in LISTS]
    pages += [f"progressions/job/{job.pk}/change/", f"knowledgebase/tip/{tip.pk}/change/", ""]
    for path in pages:
        check(seen, f"/admin/{path}")


def test_the_studio_fits(open_phone: OpenPage, admin_client: Client) -> None:
    project = job_with_steps().project
    with TEMPLATE.open("rb") as file:
        key = keyed().post("/api/templates", {"file": file}, format="multipart").json()["templateR2Key"]
    body = {"templateR2Key": key, "title": "Harbour " * 20, "projectIds": [str(project.pk)]}
    draft = keyed().post("/api/artifacts", body).json()
    seen = open_phone(admin_client)
    for path in ("/studio/", f"/studio/artifacts/{draft['id']}/"):
        check(seen, path)
