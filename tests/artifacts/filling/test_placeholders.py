"""Reading a template: its placeholders in order, which of them are images and links, and what it cannot use."""

import time

import pytest

from artifacts.filling.placeholders import Placeholder, read
from artifacts.filling.weight import is_too_heavy


def names(html: str) -> list[str]:
    return [placeholder.name for placeholder in read(html).placeholders]


def test_placeholders_come_in_page_order_once_each() -> None:
    assert names("<title>{{TITLE}}</title><p>{{B}} {{A_1}}</p><h1>{{TITLE}}</h1>") == ["TITLE", "B", "A_1"]


def test_images_and_links_are_distinguished() -> None:
    html = '<img src="{{HERO_IMAGE}}"><a href="{{URL}}">{{LABEL}}</a><a href="mailto:{{MAIL}}"><img src={{LOGO}}></a>'
    assert read(html).placeholders == (
        Placeholder("HERO_IMAGE", is_image=True, is_link=False),
        Placeholder("URL", is_image=False, is_link=True),
        Placeholder("LABEL", is_image=False, is_link=False),
        Placeholder("MAIL", is_image=False, is_link=False),
        Placeholder("LOGO", is_image=False, is_link=True),
    )


def test_a_placeholder_used_once_as_a_link_is_a_link() -> None:
    html = "<p>{{URL}}</p><a href={{URL}}>x</a><p>{{URL}}</p>"
    assert read(html).placeholders == (Placeholder("URL", is_image=False, is_link=True),)


def test_placeholders_that_are_never_shown_are_not_asked_for() -> None:
    page = read("<!-- {{A}} -->\n<script>let x = '{{B}}'</script><p>{{C}}</p>")
    assert [placeholder.name for placeholder in page.placeholders] == ["C"]
    assert page.problems == (
        "line 1: {{A}} is in a comment and is not filled",
        "line 2: {{B}} is in <script> and is not filled",
    )


@pytest.mark.parametrize(
    "text",
    ["{{ TITLE }}", "{{title}}", "{{Title}}", "{{1A}}", "{{_A}}", "{{A-B}}", "{{}}", "{{TITLE", "{{TITLE}",
     "{{A" + "B" * 64 + "}}"],
)  # fmt: skip
def test_malformed_placeholders_are_ignored(text: str) -> None:
    page = read(f"<p>{text}</p>")
    assert page.placeholders == ()
    assert len(page.problems) == 1
    assert page.problems[0].startswith("line 1: “{{")


def test_the_longest_name_has_64_characters() -> None:
    assert names("<p>{{" + "A" * 64 + "}}</p>") == ["A" * 64]


def test_a_long_list_of_problems_is_cut_and_counted() -> None:
    problems = read("<p>" + "{{ x }}\n" * 1000).problems
    assert len(problems) == 51
    assert problems[-1] == "and 950 more"


HEAVY = "<p>" + "".join(f"<b a{n}>" for n in range(5000)) + "</p>" + "<p>x</p>" * 60_000


@pytest.mark.parametrize(
    ("html", "is_heavy"),
    [
        (HEAVY, True),
        ("<p>" + "".join(f"<b a{n}><table></b>" for n in range(3000)) + "</p>" + "<p>x</p>" * 60_000, True),
        ("<p>" + "".join(f"<b a{n}><!--</b>-->" for n in range(3000)) + "</p>" + "<p>x</p>" * 60_000, True),
        ("<p><b>x</b> <a href=y>z</a></p>" * 30_000, False),
        ("<table><tr><td><a href=x>y</a></td></tr></table>" * 15_000, False),
        ("<div>" * 200_000, False),
        ("<p>x</p>" * 130_000, False),
    ],
)
def test_pages_that_would_grow_to_millions_of_elements_are_detected(html: str, is_heavy: bool) -> None:
    assert is_too_heavy(html) is is_heavy


@pytest.mark.parametrize(
    "filler",
    [
        "<div>",
        "<p>x</p>",
        "<b>",
        "<a a",
        "<!--",
        "<svg><g>",
        "{{ x }}",
        "<![CDATA[",
        "<table>",
        "<p a=1 b=2>",
        "&#x",
    ],
)
def test_a_template_of_the_largest_size_is_read_quickly(filler: str) -> None:
    html = "<p>{{TITLE}}</p>" * 1500 + filler * ((1 << 20) // len(filler) - 30_000 // len(filler))
    began = time.thread_time()
    assert "TITLE" in names(html)
    assert time.thread_time() - began < 10
