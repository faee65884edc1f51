"""The contract that every generator of the registry must keep."""

import csv
import io
import json
import re
from dataclasses import fields, is_dataclass
from html.parser import HTMLParser
from typing import Any

import pytest

from artifacts.generator import EmptyMaterialError, File, Generator, ImageOptions, generators
from artifacts.material import Material
from artifacts.options import describe, parse
from dali.lib.errors import InputError
from tests.artifacts.materials import HOSTILE, material_of

pytestmark = pytest.mark.usefixtures("small_films")

ALL = [pytest.param(name, id=name) for name in generators.names()]
PAGES = [pytest.param(one.name, id=one.name) for one in generators.all() if one.output == "html"]
MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "video": "video/mp4",
    "3d": "model/gltf-binary",
}
MAGIC = {
    "text/html; charset=utf-8": b"<!doctype html>",
    "application/pdf": b"%PDF-",
    "model/gltf-binary": b"glTF",
}
# Faster options for slow generators, so that the common checks run quickly.
QUICK: dict[str, dict[str, object]] = {"walkthroughReel": {"seconds_per_image": 1.0}}


def options_for(generator: Generator, **given: object) -> Any:
    """The generator's options; includes every image if there is such an option."""
    given = QUICK.get(generator.name, {}) | given
    if issubclass(generator.options, ImageOptions):
        given.setdefault("include", "all")
    return parse(generator.options, given)


def made(name: str, count: int = 3, *, words: str = "") -> list[File]:
    """The output of a generator for `count` images."""
    return made_of(name, material_of(count, words=words))


def made_of(name: str, material: Material) -> list[File]:
    """The output of a generator for a material."""
    generator = generators.get(name)
    return generator.generate(material, options_for(generator))


@pytest.mark.parametrize("name", ALL)
def test_a_generator_describes_itself_and_its_options(name: str) -> None:
    generator = generators.get(name)
    assert re.fullmatch(r"[a-z][A-Za-z0-9]{2,59}", generator.name)
    assert generator.title.strip() == generator.title != ""
    assert re.fullmatch(r"[A-Z].*\.", generator.description)
    assert generator.output in MEDIA_TYPES
    assert is_dataclass(generator.options)
    for option, declared in zip(describe(generator.options), fields(generator.options), strict=True):
        assert option["name"] == declared.name
        assert option["help"]
        assert parse(generator.options, {declared.name: declared.default}) == generator.options()


@pytest.mark.parametrize("name", ALL)
def test_a_generator_refuses_options_it_does_not_know_and_values_of_another_type(name: str) -> None:
    options = generators.get(name).options
    with pytest.raises(InputError) as caught:
        parse(options, {"no_such_option": 1})
    assert caught.value.field == "options.no_such_option"
    for declared in fields(options):
        with pytest.raises(InputError) as caught:
            parse(options, {declared.name: {"an": "object"}})
        assert caught.value.field == f"options.{declared.name}"


@pytest.mark.parametrize("count", [1, 3, 60])
@pytest.mark.parametrize("name", ALL)
def test_files_match_their_media_type(name: str, count: int) -> None:
    files = made(name, count)
    assert files[0].media_type == MEDIA_TYPES[generators.get(name).output]
    assert len({file.name for file in files}) == len(files)
    for file in files:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", file.name)
        assert file.content
        assert file.content.startswith(MAGIC.get(file.media_type, b""))
        if file.media_type == "application/json":
            json.loads(file.content)
        if file.media_type.startswith("text/csv"):
            rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"), newline="")))
            assert len(rows) > 1
            assert len({len(row) for row in rows}) == 1
        if file.media_type == "video/mp4":
            assert file.content[4:8] == b"ftyp"


@pytest.mark.parametrize("name", ALL)
def test_each_selectable_format_has_its_media_type(name: str) -> None:
    generator = generators.get(name)
    described = {option["name"]: option for option in describe(generator.options)}
    for chosen in described.get("format", {}).get("choices", []):
        options = options_for(generator, format=chosen)
        files = generator.generate(material_of(3), options)
        assert files[0].media_type == MEDIA_TYPES[generator.output_for(options)]
        assert generator.output_for(options) == chosen
        assert files == generator.generate(material_of(3), options)
        assert generator.generate(material_of(3, words=HOSTILE), options)


@pytest.mark.parametrize("name", ALL)
def test_the_same_material_gives_the_same_bytes(name: str) -> None:
    assert made(name, 5) == made(name, 5)


@pytest.mark.parametrize("name", ALL)
def test_a_project_without_images_is_refused_with_one_sentence(name: str) -> None:
    generator = generators.get(name)
    with pytest.raises(EmptyMaterialError, match=r"\w+ .*\w"):
        generator.generate(material_of(0), options_for(generator))


@pytest.mark.parametrize("name", ALL)
def test_hostile_text_does_not_stop_a_generator(name: str) -> None:
    assert made(name, 3, words=HOSTILE)


class _Seen(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def _seen(file: File) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Seen()
    parser.feed(file.content.decode())
    return parser.elements


@pytest.mark.parametrize("name", PAGES)
def test_hostile_text_becomes_text_and_nothing_else(name: str) -> None:
    harmless, hostile = _seen(made(name, 3)[0]), _seen(made(name, 3, words=HOSTILE)[0])
    assert [tag for tag, _ in hostile].count("script") == [tag for tag, _ in harmless].count("script")
    assert [tag for tag, _ in hostile].count("style") == [tag for tag, _ in harmless].count("style")
    for _, attributes in hostile:
        assert not [attribute for attribute in attributes if attribute.startswith("on")]
        assert "style" not in attributes
        assert not str(attributes.get("href") or "").lower().startswith("javascript:")
        assert attributes.get("src") != "x"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_only_delivery_images(name: str) -> None:
    file = made(name, 5)[0]
    for tag, attributes in _seen(file):
        for attribute in ("src", "href", "data", "poster", "xlink:href"):
            address = attributes.get(attribute) or ""
            if address and not address.startswith(("#", "data:image/")):
                assert address.startswith("http://testserver/"), f"{tag} {attribute}={address}"
    scripts = re.findall(r"<script>", file.content.decode())
    assert bool(file.inline.scripts) == bool(scripts)
    assert file.inline.styles
    assert not re.search(r"<script [^>]*src", file.content.decode())


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_a_title_a_language_one_heading_and_a_preview(name: str) -> None:
    elements = _seen(made(name, 3)[0])
    tags = [tag for tag, _ in elements]
    assert dict(elements)["html"]["lang"] == "en"
    assert tags.count("title") >= 1
    assert tags.count("h1") == 1
    assert tags.count("main") == 1
    named = {
        attributes.get("property"): attributes.get("content") for tag, attributes in elements if tag == "meta"
    }
    assert named["og:title"] == "Harbour lights"
    assert str(named.get("og:image", "http://testserver/")).startswith("http://testserver/")
    for tag, attributes in elements:
        if tag == "img":
            assert "alt" in attributes
