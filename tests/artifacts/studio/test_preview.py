"""The preview of a half-filled template: what is filled, what is marked, where links lead."""

import re

import pytest

from artifacts.studio.preview import half_filled, slot_picture

IMAGE = "/images/" + "a" * 64 + ".webp"


def body_of(template: str, **values: str) -> str:
    """The preview without the style that is appended to it."""
    return half_filled(template, values).partition("\n<style>")[0]


def test_open_placeholders_are_marked_and_chosen_values_shown() -> None:
    template = "<title>{{TITLE}}</title><h1>{{TITLE}}</h1><p>{{TEXT}}</p><p>{{NOTE}}</p>"
    assert body_of(template, TITLE="A & B", NOTE="") == (
        '<title>A &amp; B</title><h1 id="slot-TITLE">A &amp; B</h1>'
        '<p><mark class="slot-to-come" id="slot-TEXT">TEXT</mark></p><p id="slot-NOTE"></p>'
    )


def test_open_placeholders_are_not_marked_where_markup_is_impossible() -> None:
    template = (
        '<title>{{TITLE}}</title><a href="{{LINK}}" title="{{TITLE}}">x</a><textarea>{{TITLE}}</textarea>'
    )
    assert "slot-to-come" not in body_of(template)
    assert "{{" not in body_of(template)


def test_an_open_image_is_a_picture_of_its_name() -> None:
    assert body_of('<img src="{{HERO_IMAGE}}" alt="">') == (
        '<img id="slot-HERO_IMAGE" src="/studio/slots/HERO_IMAGE.svg" alt="">'
    )
    assert body_of('<img src="{{HERO_IMAGE}}" alt="">', HERO_IMAGE=IMAGE) == (
        f'<img id="slot-HERO_IMAGE" src="{IMAGE}" alt="">'
    )


def test_an_element_keeps_its_id() -> None:
    template = '<h1 id="top">{{TITLE}}</h1><img id=x src="{{IMAGE}}">'
    assert body_of(template, TITLE="T", IMAGE=IMAGE) == (
        f'<h1 id="top"><a id="slot-TITLE"></a>T</h1><img id=x src="{IMAGE}">'
    )


def test_several_placeholders_in_one_element_each_have_an_anchor() -> None:
    assert body_of("<p>{{CITY}}, {{DATE}} {{CITY}}</p>", CITY="Oslo", DATE="May") == (
        '<p id="slot-CITY">Oslo, <a id="slot-DATE"></a>May Oslo</p>'
    )


@pytest.mark.parametrize(
    "template",
    [
        "<p {{TITLE}}>{{TITLE}}</p>",
        "<!-- {{TITLE}} --><script>{{TITLE}}</script>",
        "<svg><text>{{TITLE}}</text></svg>",
        "{{TITLE}}",
        "<<<{{TITLE}}>>>",
        "<p>{{TITLE}",
        "<p a='<i '>{{TITLE}}",
        "<option>{{TITLE}}",
    ],
)
@pytest.mark.parametrize("value", [None, "", "<script>alert(1)</script>", "{{TITLE}}"])
def test_odd_templates_can_be_previewed(template: str, value: str | None) -> None:
    values = {} if value is None else {"TITLE": value}
    assert "alert(1)</script>" not in half_filled(template, values)


def test_a_slot_picture_shows_the_whole_name() -> None:
    for name in ("A", "HERO_IMAGE", "A" * 64):
        picture = slot_picture(name)
        size = int(re.findall(r'font-size="(\d+)"', picture)[0])
        assert f">{name}</text>" in picture
        assert 0.62 * size * len(name) < 1200
