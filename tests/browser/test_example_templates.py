"""The example templates as visitors see them: complete, half filled and nearly empty, on phones and desktops."""

from collections.abc import Callable
from pathlib import Path

import pytest

from artifacts.filling.placeholders import read
from artifacts.filling.rendering import render
from tests.browser.conftest import Watched
from tests.browser.test_artifact_pages import findings
from tests.browser.test_wide_text import check_wide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TEMPLATES = [
    pytest.param(path, id=path.parent.name) for path in sorted(Path("fixtures").glob("*/template.html"))
]
PICTURE = "/public/picture.svg"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="900"><path fill="#789" d="M0 0h1200v900H0z"/></svg>'
LONG = "A coast between dusk and dawn, " * 8 + "withoutanyspaceatall" * 6


def values_of(html: str, share: str) -> dict[str, str]:
    placeholders = read(html).placeholders
    values = {one.name: PICTURE if one.is_image else LONG for one in placeholders}
    values |= {one.name: "https://example.test/kit" for one in placeholders if one.is_link}
    kept = {"whole": list(values), "half": list(values)[::2], "title": ["TITLE"]}[share]
    return {name: value if name in kept else "" for name, value in values.items()}


@pytest.mark.parametrize("share", ["whole", "half", "title"])
@pytest.mark.parametrize("path", TEMPLATES)
def test_it_fits_and_is_accessible_however_much_is_filled(
    open_page: Callable[..., Watched], path: Path, share: str
) -> None:
    html = path.read_text("utf-8")
    made = render(html, values_of(html, share))
    assert made.problems == ()
    for width, is_dark in ((360, False), (360, True), (1440, False), (1440, True)):
        watched = open_page(width=width, dark=is_dark, bypass_csp=True)
        watched.page.route(
            "**/public/**", lambda route: route.fulfill(body=SVG, content_type="image/svg+xml")
        )
        watched.page.route(
            "**/public/filled",
            lambda route: route.fulfill(body=made.text, content_type="text/html; charset=utf-8"),
        )
        watched.open("/public/filled")
        assert watched.overflow_px() <= 0
        assert findings(watched.page) == []
        assert (watched.faults, watched.foreign) == ([], [])
        empty = watched.page.eval_on_selector_all(
            "img", "all => all.filter(one => !one.getAttribute('src') && one.getClientRects().length).length"
        )
        assert empty == 0
        if width == 360 and not is_dark:
            check_wide(watched, path.parent.name)
        watched.page.close()
