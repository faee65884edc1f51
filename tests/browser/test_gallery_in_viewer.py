"""The gallery's room in an independent viewer: three.js in Chromium."""

import os
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser

from artifacts.generators.gallery.generator import Gallery, GalleryOptions
from tests.artifacts.materials import HOSTILE, material_of
from tests.browser.conftest import chromium
from tests.rooms import ARGUMENTS, THREE, look_into


@pytest.fixture(scope="module", autouse=True)
def three() -> None:
    """three.js with the test packages installed."""
    if not THREE.is_dir():
        reason = "needs `npm ci` in tests/node"
        if os.environ.get("DALI_REQUIRE_NODE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium with WebGL."""
    with chromium(ARGUMENTS) as started:
        yield started


def colours(picture: Image.Image) -> int:
    """The number of colours in a picture, in steps of 16."""
    reduced = picture.quantize(256).convert("RGB").point(lambda value: value // 16 * 16)
    return len(reduced.getcolors(picture.width * picture.height) or [])


@pytest.mark.parametrize(
    ("count", "words", "walls"), [(1, "", 1), (13, HOSTILE, 4)], ids=["one", "many-hostile"]
)
def test_the_room_opens_and_shows_its_pictures(browser: Browser, count: int, words: str, walls: int) -> None:
    [file] = Gallery().generate(material_of(count, words=words), GalleryOptions(include="all"))
    for camera in range(1 + walls):
        picture, told = look_into(browser, file.content, camera=camera, size=(640, 360))
        assert told["cameras"] == 1 + walls
        assert told["triangles"] > 10
        assert colours(picture) > 12
